// grpc.testing as grpc-js reads it from its .proto files, and what both halves say of payloads and metadata.

import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const options = { keepCase: true, enums: String, defaults: true, includeDirs: [`${import.meta.dirname}/proto`] };

export const { TestService, UnimplementedService } = grpc.loadPackageDefinition(
  loadSync('grpc/testing/test.proto', options),
).grpc.testing;

export const ECHO_INITIAL = 'x-grpc-test-echo-initial';
export const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin';

export const zeros = (size) => ({ type: 'COMPRESSABLE', body: Buffer.alloc(size) });
