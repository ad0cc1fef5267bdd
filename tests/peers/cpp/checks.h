// What a case asserts, and the one line that says what differed.
#pragma once

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <string>

#include <grpcpp/grpcpp.h>

#include "grpc/testing/messages.pb.h"

// The first thing that was not as the case demands.
struct Difference : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename Got, typename Wanted>
void is_equal(const std::string& what, const Got& got, const Wanted& wanted) {
  if (got == wanted) return;
  std::ostringstream line;
  line << what << ": got " << got << ", wanted " << wanted;
  throw Difference(line.str());
}

inline void is_true(const std::string& what, bool holds) {
  if (!holds) throw Difference(what);
}

inline void is_zeros(const std::string& what, const grpc::testing::Payload& payload, int size) {
  const std::string& body = payload.body();
  is_equal(what + ": type of the payload", payload.type(), grpc::testing::COMPRESSABLE);
  is_equal(what + ": bytes of the payload", static_cast<int>(body.size()), size);
  is_equal(what + ": bytes that are not zero", size - std::count(body.begin(), body.end(), '\0'), 0);
}

inline void ends_with(const std::string& what, const grpc::Status& status, grpc::StatusCode code) {
  is_equal(what + ": code of the status '" + status.error_message() + "'", status.error_code(), code);
}

inline void is_ok(const std::string& what, const grpc::Status& status) {
  ends_with(what, status, grpc::StatusCode::OK);
}
