#include "testing.h"

#include <chrono>
#include <thread>
#include <vector>

#include "compressed_flag.h"
#include "messages.h"

using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;
using namespace grpc::testing;

namespace {

template <typename Request>
Status check_flag(const Request& request, ServerContext& context) {
  const bool compressed = is_compressed(context);
  if (!request.has_expect_compressed() || request.expect_compressed().value() == compressed) return Status::OK;
  return Status(StatusCode::INVALID_ARGUMENT, compressed ? "the Compressed-Flag is 1" : "the Compressed-Flag is 0");
}

void echo(ServerContext& context) {
  const auto [initial, after_initial] = context.client_metadata().equal_range(kEchoInitial);
  for (auto each = initial; each != after_initial; ++each) {
    context.AddInitialMetadata(kEchoInitial, std::string(each->second.data(), each->second.size()));
  }
  const auto [trailing, after_trailing] = context.client_metadata().equal_range(kEchoTrailing);
  for (auto each = trailing; each != after_trailing; ++each) {
    context.AddTrailingMetadata(kEchoTrailing, std::string(each->second.data(), each->second.size()));
  }
}

Status asked_status(const EchoStatus& asked) {
  return Status(static_cast<StatusCode>(asked.code()), asked.message());
}

template <typename Responses>
Status respond(ServerContext& context, const StreamingOutputCallRequest& request, Responses& responses) {
  for (const auto& asked : request.response_parameters()) {
    if (asked.compressed().value()) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  }
  for (const auto& asked : request.response_parameters()) {
    std::this_thread::sleep_for(std::chrono::microseconds(asked.interval_us()));
    grpc::WriteOptions options;
    if (!asked.compressed().value()) options.set_no_compression();
    Testing::Output response;
    set_zeros(response.mutable_payload(), asked.size());
    responses.Write(response, options);
  }
  return asked_status(request.response_status());
}

}  // namespace

Status Testing::EmptyCall(ServerContext*, const Empty*, Empty*) { return Status::OK; }

Status Testing::UnaryCall(ServerContext* context, const SimpleRequest* request, SimpleResponse* response) {
  if (Status status = check_flag(*request, *context); !status.ok()) return status;
  echo(*context);
  if (request->response_compressed().value()) context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  set_zeros(response->mutable_payload(), request->response_size());
  return asked_status(request->response_status());
}

Status Testing::StreamingInputCall(ServerContext* context, grpc::ServerReader<StreamingInputCallRequest>* requests,
                                   StreamingInputCallResponse* response) {
  size_t size = 0;
  for (StreamingInputCallRequest request; requests->Read(&request);) {
    if (Status status = check_flag(request, *context); !status.ok()) return status;
    size += request.payload().body().size();
  }
  response->set_aggregated_payload_size(static_cast<int>(size));
  return Status::OK;
}

Status Testing::StreamingOutputCall(ServerContext* context, const StreamingOutputCallRequest* request,
                                    grpc::ServerWriter<Output>* responses) {
  return respond(*context, *request, *responses);
}

Status Testing::FullDuplexCall(ServerContext* context, Duplex* stream) {
  echo(*context);
  for (StreamingOutputCallRequest request; stream->Read(&request);) {
    if (Status status = respond(*context, request, *stream); !status.ok()) return status;
  }
  return Status::OK;
}

Status Testing::HalfDuplexCall(ServerContext* context, Duplex* stream) {
  std::vector<StreamingOutputCallRequest> requests;
  for (StreamingOutputCallRequest request; stream->Read(&request);) requests.push_back(request);
  for (const auto& request : requests) {
    if (Status status = respond(*context, request, *stream); !status.ok()) return status;
  }
  return Status::OK;
}
