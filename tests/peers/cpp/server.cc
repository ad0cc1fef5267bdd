// The interop server on gRPC's C++ library, at its defaults.
//
// It says "listening on ENDPOINT" for each once it is ready, and drains on SIGTERM. Asked by --test_case whether it can
// serve a case it says yes by its exit status: the library has means for all of them.

#include <chrono>
#include <csignal>
#include <iostream>

#include <grpcpp/grpcpp.h>

#include "flags.h"
#include "testing.h"

int main(int count, char** args) {
  const std::vector<std::string> known = {"listen", "test_case"};
  const auto endpoints = values(count, args, "listen", known);
  if (!values(count, args, "test_case", known).empty()) return 0;
  if (endpoints.empty()) {
    std::cerr << "give --listen unix:PATH or unix-abstract:NAME" << std::endl;
    return 2;
  }

  // Before the library's threads begin, which inherit it: the signal is then ours to wait for.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  Testing service;
  grpc::ServerBuilder builder;
  for (const std::string& endpoint : endpoints) {
    builder.AddListeningPort(endpoint, grpc::InsecureServerCredentials());
  }
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) return 1;
  for (const std::string& endpoint : endpoints) std::cout << "listening on " << endpoint << std::endl;

  int signal;
  sigwait(&ends, &signal);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
}
