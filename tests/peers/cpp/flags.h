// Flags as the official programs take them: `--name=value` or `--name value`.
#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

// The values given to `--name`, in their order. Ends the program if a flag is none of `known`.
inline std::vector<std::string> values(int count, char** args, const std::string& name,
                                       const std::vector<std::string>& known) {
  std::vector<std::string> found;
  for (int at = 1; at < count; ++at) {
    std::string flag = args[at], value;
    if (auto equals = flag.find('='); equals != std::string::npos) {
      value = flag.substr(equals + 1);
      flag.resize(equals);
    } else if (at + 1 < count) {
      value = args[++at];
    }
    bool is_known = false;
    for (const std::string& each : known) is_known |= flag == "--" + each;
    if (!is_known || value.empty()) {
      std::cerr << "no such flag, or no value: " << flag << std::endl;
      std::exit(2);
    }
    if (flag == "--" + name) found.push_back(value);
  }
  return found;
}
