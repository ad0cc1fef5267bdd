#include "cases.h"

#include <chrono>
#include <utility>

#include "checks.h"
#include "compressed_flag.h"
#include "grpc/testing/test.grpc.pb.h"
#include "messages.h"

namespace {

using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using namespace grpc::testing;

using Channel = std::shared_ptr<grpc::Channel>;

constexpr std::pair<int, int> kSizes[] = {{27'182, 31'415}, {8, 9}, {1'828, 2'653}, {45'904, 58'979}};

// A call of FullDuplexCall.
struct FullDuplex {
  explicit FullDuplex(const Channel& channel) : stub(TestService::NewStub(channel)) {}

  void open() { stream = stub->FullDuplexCall(&context); }

  void next_is_zeros(int size) {
    const std::string what = "the streamed response of " + std::to_string(size);
    StreamingOutputCallResponse response;
    is_true(what + ": the call ended without it", stream->Read(&response));
    is_zeros(what, response.payload(), size);
  }

  Status end() {
    StreamingOutputCallResponse response;
    stream->WritesDone();
    is_true("a response too many", !stream->Read(&response));
    return stream->Finish();
  }

  std::unique_ptr<TestService::Stub> stub;
  ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<StreamingOutputCallRequest, StreamingOutputCallResponse>> stream;
};

void empty_unary(const Channel& channel) {
  ClientContext context;
  Empty response;
  is_ok("the call", TestService::NewStub(channel)->EmptyCall(&context, Empty(), &response));
  // Fields that are not its own are kept, and count.
  is_equal("bytes of the response", response.ByteSizeLong(), 0u);
}

void answers_large(const Channel& channel, const std::string& what, ClientContext& context,
                   const SimpleRequest& request) {
  SimpleResponse response;
  is_ok(what, TestService::NewStub(channel)->UnaryCall(&context, request, &response));
  is_zeros(what, response.payload(), kLargeResponse);
}

void large_unary(const Channel& channel) {
  ClientContext context;
  answers_large(channel, "the call", context, large_request());
}

void client_compressed_unary(const Channel& channel) {
  SimpleRequest request = large_request();
  request.mutable_expect_compressed()->set_value(true);

  ClientContext probe, compressed, plain;
  SimpleResponse none;
  ends_with("the uncompressed probe", TestService::NewStub(channel)->UnaryCall(&probe, request, &none),
            StatusCode::INVALID_ARGUMENT);

  compressed.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  answers_large(channel, "the compressed call", compressed, request);

  request.mutable_expect_compressed()->set_value(false);
  answers_large(channel, "the uncompressed call", plain, request);
}

void server_compressed_unary(const Channel& channel) {
  for (bool asked : {true, false}) {
    SimpleRequest request = large_request();
    request.mutable_response_compressed()->set_value(asked);
    ClientContext context;
    answers_large(channel, "the call", context, request);
    is_equal("Compressed-Flag of the response", is_compressed(context), asked);
  }
}

void client_streaming(const Channel& channel) {
  ClientContext context;
  StreamingInputCallResponse response;
  auto stub = TestService::NewStub(channel);
  auto stream = stub->StreamingInputCall(&context, &response);
  for (auto [size, _] : kSizes) is_true("the call ended early", stream->Write(input(size)));
  stream->WritesDone();
  is_ok("the call", stream->Finish());
  is_equal("aggregated_payload_size", response.aggregated_payload_size(), 74'922);
}

void client_compressed_streaming(const Channel& channel) {
  auto stub = TestService::NewStub(channel);
  StreamingInputCallRequest first = input(27'182), second = input(45'904);
  first.mutable_expect_compressed()->set_value(true);
  second.mutable_expect_compressed()->set_value(false);
  StreamingInputCallResponse response;

  ClientContext probing;
  probing.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  auto probe = stub->StreamingInputCall(&probing, &response);
  probe->Write(first, grpc::WriteOptions().set_no_compression());
  probe->WritesDone();
  ends_with("the uncompressed probe", probe->Finish(), StatusCode::INVALID_ARGUMENT);

  ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  auto stream = stub->StreamingInputCall(&context, &response);
  is_true("the call ended early", stream->Write(first));
  is_true("the call ended early", stream->Write(second, grpc::WriteOptions().set_no_compression()));
  stream->WritesDone();
  is_ok("the call", stream->Finish());
  is_equal("aggregated_payload_size", response.aggregated_payload_size(), 73'086);
}

void server_streaming(const Channel& channel) {
  ClientContext context;
  StreamingOutputCallResponse response;
  auto stub = TestService::NewStub(channel);
  auto stream = stub->StreamingOutputCall(&context, output(0, {31'415, 9, 2'653, 58'979}));
  for (auto [_, size] : kSizes) {
    is_true("the call ended before the response of " + std::to_string(size), stream->Read(&response));
    is_zeros("the response of " + std::to_string(size), response.payload(), size);
  }
  is_true("a response too many", !stream->Read(&response));
  is_ok("the call", stream->Finish());
}

void server_compressed_streaming(const Channel& channel) {
  constexpr std::pair<int, bool> kAsked[] = {{31'415, true}, {92'653, false}};
  StreamingOutputCallRequest request;
  for (auto [size, compressed] : kAsked) {
    auto* asked = request.add_response_parameters();
    asked->set_size(size);
    asked->mutable_compressed()->set_value(compressed);
  }
  ClientContext context;
  StreamingOutputCallResponse response;
  auto stub = TestService::NewStub(channel);
  auto stream = stub->StreamingOutputCall(&context, request);
  for (auto [size, compressed] : kAsked) {
    const std::string what = "the response of " + std::to_string(size);
    is_true(what + ": the call ended without it", stream->Read(&response));
    is_equal("Compressed-Flag of " + what, is_compressed(context), compressed);
    is_zeros(what, response.payload(), size);
  }
  is_true("a response too many", !stream->Read(&response));
  is_ok("the call", stream->Finish());
}

void ping_pong(const Channel& channel) {
  FullDuplex call(channel);
  call.open();
  for (auto [size, response_size] : kSizes) {
    is_true("the call ended early", call.stream->Write(output(size, {response_size})));
    call.next_is_zeros(response_size);
  }
  is_ok("the call", call.end());
}

void empty_stream(const Channel& channel) {
  FullDuplex call(channel);
  call.open();
  is_ok("the call", call.end());
}

const std::pair<std::string, std::string> kInitial{kEchoInitial, "test_initial_metadata_value"};
const std::pair<std::string, std::string> kTrailing{kEchoTrailing, "\xab\xab\xab"};

void sends_metadata(ClientContext& context) {
  for (const auto& [key, value] : {kInitial, kTrailing}) context.AddMetadata(key, value);
}

void is_once_in(const std::string& what, const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                const std::pair<std::string, std::string>& pair) {
  is_equal(what + ": values of " + pair.first, metadata.count(pair.first), 1u);
  is_equal(what + ": value of " + pair.first, metadata.find(pair.first)->second, grpc::string_ref(pair.second));
}

void is_echoed(const std::string& what, ClientContext& context) {
  is_once_in(what + " in front", context.GetServerInitialMetadata(), kInitial);
  is_once_in(what + " at the end", context.GetServerTrailingMetadata(), kTrailing);
}

void custom_metadata(const Channel& channel) {
  ClientContext context;
  sends_metadata(context);
  answers_large(channel, "UnaryCall", context, large_request());
  is_echoed("UnaryCall", context);

  FullDuplex call(channel);
  sends_metadata(call.context);
  call.open();
  is_true("FullDuplexCall ended early", call.stream->Write(output(kLargeRequest, {kLargeResponse})));
  call.next_is_zeros(kLargeResponse);
  is_ok("FullDuplexCall", call.end());
  is_echoed("FullDuplexCall", call.context);
}

void is_status(const std::string& what, const Status& status, const std::string& message) {
  ends_with(what, status, StatusCode::UNKNOWN);
  is_equal(what + ": the status message", status.error_message(), message);
}

Status unary_status(const Channel& channel, const std::string& message) {
  ClientContext context;
  SimpleRequest request;
  SimpleResponse response;
  request.mutable_response_status()->set_code(2);
  request.mutable_response_status()->set_message(message);
  return TestService::NewStub(channel)->UnaryCall(&context, request, &response);
}

void status_code_and_message(const Channel& channel) {
  const std::string message = "test status message";
  is_status("UnaryCall", unary_status(channel, message), message);

  FullDuplex call(channel);
  call.open();
  StreamingOutputCallRequest request;
  request.mutable_response_status()->set_code(2);
  request.mutable_response_status()->set_message(message);
  call.stream->Write(request);
  is_status("FullDuplexCall", call.end(), message);
}

void special_status_message(const Channel& channel) {
  const std::string message = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n";
  is_status("UnaryCall", unary_status(channel, message), message);
}

void unimplemented_method(const Channel& channel) {
  ClientContext context;
  Empty response;
  ends_with("UnimplementedCall", TestService::NewStub(channel)->UnimplementedCall(&context, Empty(), &response),
            StatusCode::UNIMPLEMENTED);
}

void unimplemented_service(const Channel& channel) {
  ClientContext context;
  Empty response;
  auto stub = UnimplementedService::NewStub(channel);
  ends_with("UnimplementedService", stub->UnimplementedCall(&context, Empty(), &response),
            StatusCode::UNIMPLEMENTED);
}

// The three below begin and end with a plain call: so the connection stands when they start, and outlives them.

void cancel_after_begin(const Channel& channel) {
  empty_unary(channel);
  ClientContext context;
  StreamingInputCallResponse response;
  auto stub = TestService::NewStub(channel);
  auto stream = stub->StreamingInputCall(&context, &response);
  context.TryCancel();
  ends_with("the cancelled call", stream->Finish(), StatusCode::CANCELLED);
  empty_unary(channel);
}

void cancel_after_first_response(const Channel& channel) {
  empty_unary(channel);
  FullDuplex call(channel);
  call.open();
  is_true("the call ended early", call.stream->Write(output(27'182, {31'415})));
  call.next_is_zeros(31'415);
  call.context.TryCancel();
  ends_with("the cancelled call", call.stream->Finish(), StatusCode::CANCELLED);
  empty_unary(channel);
}

void timeout_on_sleeping_server(const Channel& channel) {
  empty_unary(channel);
  FullDuplex call(channel);
  call.context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
  call.open();
  call.stream->Write(output(27'182, {}));
  ends_with("the call with a timeout of 1 ms", call.stream->Finish(), StatusCode::DEADLINE_EXCEEDED);
  empty_unary(channel);
}

}  // namespace

const std::map<std::string, Case> kCases = {
    {"empty_unary", empty_unary},
    {"large_unary", large_unary},
    {"client_compressed_unary", client_compressed_unary},
    {"server_compressed_unary", server_compressed_unary},
    {"client_streaming", client_streaming},
    {"client_compressed_streaming", client_compressed_streaming},
    {"server_streaming", server_streaming},
    {"server_compressed_streaming", server_compressed_streaming},
    {"ping_pong", ping_pong},
    {"empty_stream", empty_stream},
    {"custom_metadata", custom_metadata},
    {"status_code_and_message", status_code_and_message},
    {"special_status_message", special_status_message},
    {"unimplemented_method", unimplemented_method},
    {"unimplemented_service", unimplemented_service},
    {"cancel_after_begin", cancel_after_begin},
    {"cancel_after_first_response", cancel_after_first_response},
    {"timeout_on_sleeping_server", timeout_on_sleeping_server},
};
