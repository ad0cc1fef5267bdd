// The 18 functional cases of gRPC's interop test descriptions.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

// Returns when all that the case's description asserts was seen; else throws the first `Difference`.
using Case = void (*)(const std::shared_ptr<grpc::Channel>&);

extern const std::map<std::string, Case> kCases;
