// The client of gRPC's interop tests by grpc-js, one case per run: doc/interop-test-descriptions.md.
//
// Exits with 0 when all that the case demands was seen, with 1 and what differed, with 2 for a wrong command line.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import zlib from 'node:zlib';

import grpc from '@grpc/grpc-js';

import { ECHO_INITIAL, ECHO_TRAILING, TestService, UnimplementedService, zeros } from './testing.js';

const { compressionAlgorithms, status } = grpc;

const REQUESTS = [27_182, 8, 1_828, 45_904];
const RESPONSES = [31_415, 9, 2_653, 58_979];
const LARGE_RESPONSE = 314_159;
const LARGE = { response_size: LARGE_RESPONSE, payload: zeros(271_828) };

const cases = {
  // As bytes, because every message would pass as an Empty.
  async empty_unary(connect) {
    const bytes = (buffer) => buffer;
    const client = connect(grpc.Client);
    const { response } = await unary(
      client.makeUnaryRequest.bind(client, '/grpc.testing.TestService/EmptyCall', bytes, bytes),
      Buffer.alloc(0),
    );
    assert.equal(response.length, 0);
  },

  async large_unary(connect) {
    const { response } = await unary(method(connect(TestService), 'UnaryCall'), LARGE);
    isZeros(response, LARGE_RESPONSE);
  },

  async client_compressed_unary(connect) {
    const plain = method(connect(TestService), 'UnaryCall');
    const gzip = method(compressing(connect), 'UnaryCall');
    const expecting = (value) => ({ ...LARGE, expect_compressed: { value } });
    await fails(unary(plain, expecting(true)), status.INVALID_ARGUMENT);
    isZeros((await unary(gzip, expecting(true))).response, LARGE_RESPONSE);
    isZeros((await unary(gzip, expecting(false))).response, LARGE_RESPONSE);
  },

  async server_compressed_unary(connect) {
    const call = method(connect(TestService), 'UnaryCall');
    for (const value of [true, false]) {
      const inflated = inflations();
      const { response } = await unary(call, { ...LARGE, response_compressed: { value } });
      isZeros(response, LARGE_RESPONSE);
      assert.equal(inflations() > inflated, value, 'Compressed-Flag');
    }
  },

  async client_streaming(connect) {
    const requests = REQUESTS.map((size) => ({ payload: zeros(size) }));
    assert.equal((await upload(connect(TestService), requests)).aggregated_payload_size, 74_922);
  },

  async client_compressed_streaming(connect) {
    const requests = [
      { expect_compressed: { value: true }, payload: zeros(27_182) },
      { expect_compressed: { value: false }, payload: zeros(45_904) },
    ];
    await fails(upload(connect(TestService), requests.slice(0, 1)), status.INVALID_ARGUMENT);
    assert.equal((await upload(compressing(connect), requests)).aggregated_payload_size, 73_086);
  },

  async server_streaming(connect) {
    const call = connect(TestService).StreamingOutputCall({
      response_parameters: RESPONSES.map((size) => ({ size })),
    });
    const responses = await call.toArray();
    assert.equal(responses.length, RESPONSES.length);
    responses.forEach((response, nth) => isZeros(response, RESPONSES[nth]));
  },

  async server_compressed_streaming(connect) {
    const asked = [
      { size: 31_415, compressed: { value: true } },
      { size: 92_653, compressed: { value: false } },
    ];
    const call = connect(TestService).StreamingOutputCall({ response_parameters: asked });
    for (const { size, compressed } of asked) {
      const inflated = inflations();
      isZeros(await next(call), size);
      assert.equal(inflations() > inflated, compressed.value, 'Compressed-Flag');
    }
    assert.equal(await next(call), undefined);
  },

  async ping_pong(connect) {
    const call = connect(TestService).FullDuplexCall();
    for (const [nth, size] of REQUESTS.entries()) {
      call.write({ response_parameters: [{ size: RESPONSES[nth] }], payload: zeros(size) });
      isZeros(await next(call), RESPONSES[nth]);
    }
    call.end();
    assert.equal(await next(call), undefined);
  },

  async empty_stream(connect) {
    const call = connect(TestService).FullDuplexCall();
    call.end();
    assert.equal(await next(call), undefined);
  },

  async custom_metadata(connect) {
    const client = connect(TestService);
    const metadata = new grpc.Metadata();
    metadata.set(ECHO_INITIAL, 'test_initial_metadata_value');
    metadata.set(ECHO_TRAILING, Buffer.of(0xab, 0xab, 0xab));

    const { response, initial, trailing } = await unary(method(client, 'UnaryCall'), LARGE, metadata);
    isZeros(response, LARGE_RESPONSE);
    isEchoed(initial, trailing);

    const call = client.FullDuplexCall(metadata);
    const [headers, ended] = [once(call, 'metadata'), once(call, 'status')];
    call.end({ response_parameters: [{ size: LARGE_RESPONSE }], payload: zeros(271_828) });
    isZeros(await next(call), LARGE_RESPONSE);
    assert.equal(await next(call), undefined);
    isEchoed((await headers)[0], (await ended)[0].metadata);
  },

  async status_code_and_message(connect) {
    const client = connect(TestService);
    const response_status = { code: status.UNKNOWN, message: 'test status message' };
    await fails(unary(method(client, 'UnaryCall'), { response_status }), status.UNKNOWN, response_status.message);
    const call = client.FullDuplexCall();
    call.end({ response_status });
    await fails(next(call), status.UNKNOWN, response_status.message);
  },

  async special_status_message(connect) {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n';
    const request = { response_status: { code: status.UNKNOWN, message } };
    await fails(unary(method(connect(TestService), 'UnaryCall'), request), status.UNKNOWN, message);
  },

  async unimplemented_method(connect) {
    await fails(unary(method(connect(TestService), 'UnimplementedCall'), {}), status.UNIMPLEMENTED);
  },

  async unimplemented_service(connect) {
    await fails(unary(method(connect(UnimplementedService), 'UnimplementedCall'), {}), status.UNIMPLEMENTED);
  },

  async cancel_after_begin(connect) {
    const client = connect(TestService);
    await isThere(client);
    const { response, call } = uploading(client);
    call.cancel();
    await fails(response, status.CANCELLED);
  },

  async cancel_after_first_response(connect) {
    const call = connect(TestService).FullDuplexCall();
    call.write({ response_parameters: [{ size: 31_415 }], payload: zeros(27_182) });
    isZeros(await next(call), 31_415);
    call.cancel();
    await fails(next(call), status.CANCELLED);
  },

  async timeout_on_sleeping_server(connect) {
    const client = connect(TestService);
    await isThere(client);
    const call = client.FullDuplexCall({ deadline: Date.now() + 1 });
    call.write({ payload: zeros(27_182) });
    await fails(next(call), status.DEADLINE_EXCEEDED);
  },
};

const method = (client, name) => client[name].bind(client);

// The outcome of a unary call: its response and both kinds of metadata.
async function unary(start, request, metadata = new grpc.Metadata()) {
  let call;
  const response = new Promise((resolve, reject) => {
    call = start(request, metadata, (error, response) => (error ? reject(error) : resolve(response)));
  });
  // Each of the three comes by an event of its own, in either order.
  const initial = once(call, 'metadata').then(([metadata]) => metadata);
  const trailing = once(call, 'status').then(([{ metadata }]) => metadata);
  initial.catch(() => {});
  return { response: await response, initial: await initial, trailing: await trailing };
}

// A call that this side ends would end so without a server, too.
async function isThere(client) {
  await unary(method(client, 'EmptyCall'), {});
}

function uploading(client) {
  let call;
  const response = new Promise((resolve, reject) => {
    call = client.StreamingInputCall((error, response) => (error ? reject(error) : resolve(response)));
  });
  return { call, response };
}

function upload(client, requests) {
  const { call, response } = uploading(client);
  requests.forEach((request) => call.write(request));
  call.end();
  return response;
}

// The next response of a call, or undefined after the last, once its status is OK.
async function next(call) {
  const responses = (call.responses ??= call.iterator({ destroyOnReturn: false }));
  return (await responses.next()).value;
}

async function fails(outcome, code, message) {
  await assert.rejects(outcome, (error) => {
    assert.equal(error.code, code, error.message);
    if (message !== undefined) {
      assert.equal(error.details, message);
    }
    return true;
  });
}

function isZeros(message, size) {
  const { type, body } = message.payload;
  assert.equal(type, 'COMPRESSABLE');
  assert.equal(body.length, size);
  assert.ok(body.equals(Buffer.alloc(size)), 'bytes that are not zero');
}

function isEchoed(initial, trailing) {
  assert.deepEqual(initial.get(ECHO_INITIAL), ['test_initial_metadata_value']);
  assert.deepEqual(trailing.get(ECHO_TRAILING), [Buffer.of(0xab, 0xab, 0xab)]);
}

// A client that compresses each request but those that announce not to be.
function compressing(connect) {
  const NO_COMPRESS = 2; // WriteFlags of grpc-js, which it does not export.
  class AsAnnounced extends grpc.InterceptingCall {
    sendMessageWithContext(context, message) {
      const flags = message.expect_compressed.value ? 0 : NO_COMPRESS;
      super.sendMessageWithContext({ ...context, flags }, message);
    }
  }
  return connect(TestService, {
    'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
    interceptors: [(options, nextCall) => new AsAnnounced(nextCall(options))],
  });
}

// How many messages were inflated so far: grpc-js tells nobody the Compressed-Flag of a message.
const inflations = (() => {
  const { createGunzip } = zlib;
  let count = 0;
  const value = (...options) => {
    count += 1;
    return createGunzip(...options);
  };
  Object.defineProperty(zlib, 'createGunzip', { value });
  return () => count;
})();

const { target, test_case } = parseArgs({
  options: { target: { type: 'string' }, test_case: { type: 'string' } },
}).values;
if (!target || !Object.hasOwn(cases, test_case ?? '')) {
  console.error('usage: grpc-js-client --target unix:PATH --test_case CASE');
  process.exit(2);
}
const connect = (Service, options = {}) => new Service(target, grpc.credentials.createInsecure(), options);
await cases[test_case](connect);
process.exit(0);
