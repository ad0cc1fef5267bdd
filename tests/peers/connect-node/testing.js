// grpc.testing as connect-node takes it from descriptors, and what both halves say of sockets, payloads and metadata.

import { readFileSync } from 'node:fs';

import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const descriptors = readFileSync(`${import.meta.dirname}/testing.binpb`);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));

export const TestService = registry.getService('grpc.testing.TestService');
export const UnimplementedService = registry.getService('grpc.testing.UnimplementedService');

export const ECHO_INITIAL = 'x-grpc-test-echo-initial';
export const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin';

export const zeros = (size) => ({ body: new Uint8Array(size) });

// The path of a `unix:` endpoint. No abstract names: Node 20 fills them up with zero bytes, under which no peer looks.
export const pathOf = (endpoint) => endpoint.replace(/^unix:/, '');
