// `grpc.testing.TestService` as the interop test descriptions ask of a server.
#pragma once

#include "grpc/testing/test.grpc.pb.h"

// UnimplementedCall is left to the generated class, which refuses it.
class Testing final : public grpc::testing::TestService::Service {
 public:
  using Output = grpc::testing::StreamingOutputCallResponse;
  using Duplex = grpc::ServerReaderWriter<Output, grpc::testing::StreamingOutputCallRequest>;

  grpc::Status EmptyCall(grpc::ServerContext*, const grpc::testing::Empty*, grpc::testing::Empty*) override;
  grpc::Status UnaryCall(grpc::ServerContext*, const grpc::testing::SimpleRequest*,
                         grpc::testing::SimpleResponse*) override;
  grpc::Status StreamingInputCall(grpc::ServerContext*,
                                  grpc::ServerReader<grpc::testing::StreamingInputCallRequest>*,
                                  grpc::testing::StreamingInputCallResponse*) override;
  grpc::Status StreamingOutputCall(grpc::ServerContext*, const grpc::testing::StreamingOutputCallRequest*,
                                   grpc::ServerWriter<Output>*) override;
  grpc::Status FullDuplexCall(grpc::ServerContext*, Duplex*) override;
  grpc::Status HalfDuplexCall(grpc::ServerContext*, Duplex*) override;
};
