// What both halves of the interop tests agree on, and the requests of the cases.
#pragma once

#include <initializer_list>
#include <string>

#include "grpc/testing/messages.pb.h"

inline const char kEchoInitial[] = "x-grpc-test-echo-initial";
inline const char kEchoTrailing[] = "x-grpc-test-echo-trailing-bin";

constexpr int kLargeRequest = 271'828, kLargeResponse = 314'159;

inline void set_zeros(grpc::testing::Payload* payload, int size) {
  payload->set_body(std::string(size, '\0'));
}

inline grpc::testing::SimpleRequest large_request() {
  grpc::testing::SimpleRequest request;
  request.set_response_size(kLargeResponse);
  set_zeros(request.mutable_payload(), kLargeRequest);
  return request;
}

inline grpc::testing::StreamingInputCallRequest input(int size) {
  grpc::testing::StreamingInputCallRequest request;
  set_zeros(request.mutable_payload(), size);
  return request;
}

inline grpc::testing::StreamingOutputCallRequest output(int size, std::initializer_list<int> response_sizes) {
  grpc::testing::StreamingOutputCallRequest request;
  set_zeros(request.mutable_payload(), size);
  for (int response_size : response_sizes) request.add_response_parameters()->set_size(response_size);
  return request;
}
