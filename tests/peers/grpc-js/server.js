// The server of gRPC's interop tests by grpc-js, on Unix sockets.
//
// It says "listening on ENDPOINT" for each once it is ready. SIGTERM ends it. Asked for a case by --test_case instead,
// it exits with 0 if it can serve that, and with 77 and the reason if grpc-js cannot.

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import grpc from '@grpc/grpc-js';

import { ECHO_INITIAL, ECHO_TRAILING, TestService, zeros } from './testing.js';

const CANNOT = {
  client_compressed_unary: 'grpc-js tells no handler the Compressed-Flag of a request',
  client_compressed_streaming: 'grpc-js tells no handler the Compressed-Flag of a request',
  server_compressed_unary: 'grpc-js compresses no response',
  server_compressed_streaming: 'grpc-js compresses no response',
};

const handlers = {
  EmptyCall: (call, respond) => respond(null, {}),

  UnaryCall(call, respond) {
    const trailing = echo(call);
    const { response_status, response_size } = call.request;
    const failure = failureOf(response_status, trailing);
    respond(failure, failure ? null : { payload: zeros(response_size) }, trailing);
  },

  async StreamingOutputCall(call) {
    if (await respondAll(call, call.request)) {
      call.end();
    }
  },

  StreamingInputCall(call, respond) {
    let aggregated_payload_size = 0;
    call.on('data', ({ payload }) => (aggregated_payload_size += payload.body.length));
    call.on('end', () => respond(null, { aggregated_payload_size }));
  },

  FullDuplexCall(call) {
    const trailing = echo(call);
    let served = Promise.resolve(true);
    call.on('data', (request) => {
      served = served.then((goesOn) => goesOn && respondAll(call, request, trailing));
    });
    call.on('end', async () => (await served) && call.end(trailing));
  },
};

// Sends the initial metadata; gives the trailing.
function echo(call) {
  const [initial, trailing] = [new grpc.Metadata(), new grpc.Metadata()];
  call.metadata.get(ECHO_INITIAL).forEach((value) => initial.add(ECHO_INITIAL, value));
  call.metadata.get(ECHO_TRAILING).forEach((value) => trailing.add(ECHO_TRAILING, value));
  call.sendMetadata(initial);
  return trailing;
}

// Sends what one request asks for; whether the call goes on.
async function respondAll(call, { response_status, response_parameters }, trailing) {
  const failure = failureOf(response_status, trailing);
  if (failure) {
    call.emit('error', failure);
    return false;
  }
  for (const { size, interval_us } of response_parameters) {
    if (interval_us > 0) {
      await setTimeout(interval_us / 1000);
    }
    call.write({ payload: zeros(size) });
  }
  return true;
}

function failureOf(asked, metadata) {
  return asked?.code ? { code: asked.code, details: asked.message, metadata } : null;
}

const { listen = [], test_case } = parseArgs({
  options: { listen: { type: 'string', multiple: true }, test_case: { type: 'string' } },
}).values;
if (test_case) {
  console.log(CANNOT[test_case] ?? '');
  process.exit(Object.hasOwn(CANNOT, test_case) ? 77 : 0);
}
if (listen.length === 0) {
  console.error('usage: grpc-js-server --listen unix:PATH [--listen unix:PATH]...');
  process.exit(2);
}
const server = new grpc.Server();
server.addService(TestService.service, handlers);
for (const endpoint of listen) {
  server.bindAsync(endpoint, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) {
      throw error;
    }
    console.log(`listening on ${endpoint}`);
  });
}
