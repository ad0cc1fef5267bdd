// The interop client on gRPC's C++ library: one case on one channel; exits 0 only if it passed.

#include <iostream>

#include "cases.h"
#include "checks.h"
#include "flags.h"

int main(int count, char** args) {
  const std::vector<std::string> known = {"target", "test_case"};
  const auto target = values(count, args, "target", known), name = values(count, args, "test_case", known);
  if (target.size() != 1 || name.size() != 1 || kCases.count(name[0]) == 0) {
    std::cerr << "give --target unix:PATH or unix-abstract:NAME, and --test_case with a case's name" << std::endl;
    return 2;
  }
  try {
    kCases.at(name[0])(grpc::CreateChannel(target[0], grpc::InsecureChannelCredentials()));
  } catch (const Difference& difference) {
    std::cerr << name[0] << ": " << difference.what() << std::endl;
    return 1;
  }
}
