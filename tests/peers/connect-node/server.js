// The server of gRPC's interop tests by connect-node, on Unix sockets.
//
// It says "listening on ENDPOINT" for each once it is ready. SIGTERM ends it. Asked for a case by --test_case instead,
// it exits with 0 if it can serve that, and with 77 and the reason if connect-node cannot.

import http2 from 'node:http2';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';

import { ECHO_INITIAL, ECHO_TRAILING, TestService, pathOf, zeros } from './testing.js';

const CANNOT = {
  client_compressed_unary: 'connect-node tells no handler the Compressed-Flag of a request',
  client_compressed_streaming: 'connect-node tells no handler the Compressed-Flag of a request',
  server_compressed_unary: 'connect-node compresses responses by size alone, not where asked',
  server_compressed_streaming: 'connect-node compresses responses by size alone, not where asked',
};

const testing = {
  emptyCall: () => ({}),

  unaryCall({ responseStatus, responseSize }, context) {
    echo(context);
    check(responseStatus);
    return { payload: zeros(responseSize) };
  },

  streamingOutputCall: (request) => respond(request),

  async streamingInputCall(requests) {
    let aggregatedPayloadSize = 0;
    for await (const { payload } of requests) {
      aggregatedPayloadSize += payload?.body.length ?? 0;
    }
    return { aggregatedPayloadSize };
  },

  async *fullDuplexCall(requests, context) {
    echo(context);
    for await (const request of requests) {
      yield* respond(request);
    }
  },
};

function echo({ requestHeader, responseHeader, responseTrailer }) {
  const [initial, trailing] = [requestHeader.get(ECHO_INITIAL), requestHeader.get(ECHO_TRAILING)];
  if (initial !== null) {
    responseHeader.set(ECHO_INITIAL, initial);
  }
  if (trailing !== null) {
    responseTrailer.set(ECHO_TRAILING, trailing);
  }
}

async function* respond({ responseStatus, responseParameters }) {
  check(responseStatus);
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) {
      await setTimeout(intervalUs / 1000);
    }
    yield { payload: zeros(size) };
  }
}

function check(asked) {
  if (asked?.code) {
    throw new ConnectError(asked.message, asked.code);
  }
}

const { listen = [], test_case } = parseArgs({
  options: { listen: { type: 'string', multiple: true }, test_case: { type: 'string' } },
}).values;
if (test_case) {
  console.log(CANNOT[test_case] ?? '');
  process.exit(Object.hasOwn(CANNOT, test_case) ? 77 : 0);
}
if (listen.length === 0) {
  console.error('usage: connect-node-server --listen unix:PATH [--listen unix:PATH]...');
  process.exit(2);
}
const adapter = connectNodeAdapter({ routes: (router) => router.service(TestService, testing) });
for (const endpoint of listen) {
  http2.createServer(adapter).listen(pathOf(endpoint), () => console.log(`listening on ${endpoint}`));
}
