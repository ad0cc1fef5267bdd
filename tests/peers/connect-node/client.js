// The client of gRPC's interop tests by connect-node, one case per run: doc/interop-test-descriptions.md.
//
// Exits with 0 when all that the case demands was seen, with 1 and what differed, with 2 for a wrong command line, with
// 77 and the reason when connect-node cannot do what the case asks.

import assert from 'node:assert/strict';
import net from 'node:net';
import { PassThrough } from 'node:stream';
import { parseArgs } from 'node:util';

import { toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, decodeBinaryHeader, encodeBinaryHeader } from '@connectrpc/connect';
import { compressionGzip, createGrpcTransport } from '@connectrpc/connect-node';

import { ECHO_INITIAL, ECHO_TRAILING, TestService, UnimplementedService, pathOf, zeros } from './testing.js';

const REQUESTS = [27_182, 8, 1_828, 45_904];
const RESPONSES = [31_415, 9, 2_653, 58_979];
const LARGE_RESPONSE = 314_159;
const LARGE = { responseSize: LARGE_RESPONSE, payload: zeros(271_828) };

const CANNOT = {
  client_compressed_streaming:
    'connect-node compresses by size alone: not one message of a stream and then a larger one not',
};

const cases = {
  // As bytes, because every message would pass as an Empty.
  async empty_unary(connect) {
    const response = await connect().emptyCall({});
    assert.equal(toBinary(TestService.method.emptyCall.output, response).length, 0);
  },

  async large_unary(connect) {
    isZeros(await connect().unaryCall(LARGE), LARGE_RESPONSE);
  },

  async client_compressed_unary(connect) {
    const [plain, gzip] = [connect(), connect({ sendCompression: compressionGzip })];
    const expecting = (value) => ({ ...LARGE, expectCompressed: { value } });
    await fails(plain.unaryCall(expecting(true)), Code.InvalidArgument);
    isZeros(await gzip.unaryCall(expecting(true)), LARGE_RESPONSE);
    isZeros(await plain.unaryCall(expecting(false)), LARGE_RESPONSE);
  },

  async server_compressed_unary(connect) {
    const gzip = counting(compressionGzip);
    const client = connect({ acceptCompression: [gzip] });
    for (const value of [true, false]) {
      const inflated = gzip.inflated;
      isZeros(await client.unaryCall({ ...LARGE, responseCompressed: { value } }), LARGE_RESPONSE);
      assert.equal(gzip.inflated > inflated, value, 'Compressed-Flag');
    }
  },

  async client_streaming(connect) {
    const requests = stream();
    REQUESTS.forEach((size) => requests.write({ payload: zeros(size) }));
    requests.end();
    assert.equal((await connect().streamingInputCall(requests)).aggregatedPayloadSize, 74_922);
  },

  async server_streaming(connect) {
    const responses = iterate(connect().streamingOutputCall(asking(RESPONSES)));
    for (const size of RESPONSES) {
      isZeros(await next(responses), size);
    }
    assert.equal(await next(responses), undefined);
  },

  async server_compressed_streaming(connect) {
    const gzip = counting(compressionGzip);
    const asked = [
      { size: 31_415, compressed: { value: true } },
      { size: 92_653, compressed: { value: false } },
    ];
    const client = connect({ acceptCompression: [gzip] });
    const responses = iterate(client.streamingOutputCall({ responseParameters: asked }));
    for (const { size, compressed } of asked) {
      const inflated = gzip.inflated;
      isZeros(await next(responses), size);
      assert.equal(gzip.inflated > inflated, compressed.value, 'Compressed-Flag');
    }
    assert.equal(await next(responses), undefined);
  },

  async ping_pong(connect) {
    const requests = stream();
    const responses = iterate(connect().fullDuplexCall(requests));
    for (const [nth, size] of REQUESTS.entries()) {
      requests.write({ ...asking([RESPONSES[nth]]), payload: zeros(size) });
      isZeros(await next(responses), RESPONSES[nth]);
    }
    requests.end();
    assert.equal(await next(responses), undefined);
  },

  async empty_stream(connect) {
    const responses = iterate(connect().fullDuplexCall(stream().end()));
    assert.equal(await next(responses), undefined);
  },

  async custom_metadata(connect) {
    const client = connect();
    const echoed = {};
    const options = {
      headers: {
        [ECHO_INITIAL]: 'test_initial_metadata_value',
        [ECHO_TRAILING]: encodeBinaryHeader(Uint8Array.of(0xab, 0xab, 0xab)),
      },
      onHeader: (headers) => (echoed.initial = headers),
      onTrailer: (trailers) => (echoed.trailing = trailers),
    };
    isZeros(await client.unaryCall(LARGE, options), LARGE_RESPONSE);
    isEchoed(echoed);

    const requests = stream();
    requests.end({ ...asking([LARGE_RESPONSE]), payload: zeros(271_828) });
    const responses = iterate(client.fullDuplexCall(requests, options));
    isZeros(await next(responses), LARGE_RESPONSE);
    assert.equal(await next(responses), undefined);
    isEchoed(echoed);
  },

  async status_code_and_message(connect) {
    const client = connect();
    const responseStatus = { code: Code.Unknown, message: 'test status message' };
    await fails(client.unaryCall({ responseStatus }), Code.Unknown, responseStatus.message);
    const requests = stream();
    requests.end({ responseStatus });
    await fails(next(iterate(client.fullDuplexCall(requests))), Code.Unknown, responseStatus.message);
  },

  async special_status_message(connect) {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n';
    const responseStatus = { code: Code.Unknown, message };
    await fails(connect().unaryCall({ responseStatus }), Code.Unknown, message);
  },

  async unimplemented_method(connect) {
    await fails(connect().unimplementedCall({}), Code.Unimplemented);
  },

  async unimplemented_service(connect) {
    await fails(connect({}, UnimplementedService).unimplementedCall({}), Code.Unimplemented);
  },

  async cancel_after_begin(connect) {
    const client = connect();
    await isThere(client);
    const cancel = new AbortController();
    const response = client.streamingInputCall(stream(), { signal: cancel.signal });
    cancel.abort();
    await fails(response, Code.Canceled);
  },

  async cancel_after_first_response(connect) {
    const [requests, cancel] = [stream(), new AbortController()];
    const responses = iterate(connect().fullDuplexCall(requests, { signal: cancel.signal }));
    requests.write({ ...asking([31_415]), payload: zeros(27_182) });
    isZeros(await next(responses), 31_415);
    cancel.abort();
    await fails(next(responses), Code.Canceled);
  },

  async timeout_on_sleeping_server(connect) {
    const client = connect();
    await isThere(client);
    const requests = stream();
    requests.write({ payload: zeros(27_182) });
    await fails(next(iterate(client.fullDuplexCall(requests, { timeoutMs: 1 }))), Code.DeadlineExceeded);
  },
};

const asking = (sizes) => ({ responseParameters: sizes.map((size) => ({ size })) });

const stream = () => new PassThrough({ objectMode: true });

const iterate = (responses) => responses[Symbol.asyncIterator]();

// The next response of a call, or undefined after the last, once its status is OK.
const next = async (responses) => (await responses.next()).value;

// A call that this side ends would end so without a server, too.
const isThere = (client) => client.emptyCall({});

async function fails(outcome, code, message) {
  await assert.rejects(outcome, (error) => {
    assert.ok(error instanceof ConnectError, error);
    assert.equal(Code[error.code], Code[code], error.message);
    if (message !== undefined) {
      assert.equal(error.rawMessage, message);
    }
    return true;
  });
}

function isZeros({ payload }, size) {
  assert.equal(payload.type, 0);
  assert.equal(payload.body.length, size);
  assert.ok(payload.body.every((byte) => byte === 0), 'bytes that are not zero');
}

function isEchoed({ initial, trailing }) {
  assert.equal(initial.get(ECHO_INITIAL), 'test_initial_metadata_value');
  assert.deepEqual(decodeBinaryHeader(trailing.get(ECHO_TRAILING)), Uint8Array.of(0xab, 0xab, 0xab));
}

// The compression, and how many messages it inflated: connect-node tells nobody the Compressed-Flag of a message.
function counting(compression) {
  const counted = {
    ...compression,
    inflated: 0,
    decompress(bytes, limit) {
      counted.inflated += 1;
      return compression.decompress(bytes, limit);
    },
  };
  return counted;
}

const { target, test_case } = parseArgs({
  options: { target: { type: 'string' }, test_case: { type: 'string' } },
}).values;
if (Object.hasOwn(CANNOT, test_case ?? '')) {
  console.log(CANNOT[test_case]);
  process.exit(77);
}
if (!target || !Object.hasOwn(cases, test_case ?? '')) {
  console.error('usage: connect-node-client --target unix:PATH --test_case CASE');
  process.exit(2);
}
const connect = (options = {}, service = TestService) => {
  const nodeOptions = { createConnection: () => net.connect(pathOf(target)) };
  return createClient(service, createGrpcTransport({ baseUrl: 'http://localhost:80', nodeOptions, ...options }));
};
await cases[test_case](connect);
process.exit(0);
