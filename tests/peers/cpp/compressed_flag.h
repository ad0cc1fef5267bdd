// The Compressed-Flag of the message that a call received last.
//
// The library's headers have no call that tells it; the interop tests of gRPC itself ask the core, as done here.
#pragma once

#include <cstdint>

struct grpc_call;

// Exported by the core, declared in none of the headers that it installs.
uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);

template <typename Context>
bool is_compressed(Context& context) {
  constexpr uint32_t kWasCompressed = 0x40000000;
  return (grpc_call_test_only_get_message_flags(context.c_call()) & kWasCompressed) != 0;
}
