// A test case of the same program, run in a process of its own: for what is read from the environment once.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace test {

inline constexpr auto child_marker = "TORCHDEPLOY_TEST_CHILD";

/// Is this the child? A hidden test case asks, since a tag may pick it in the parent too.
inline bool is_child() { return std::getenv(child_marker) != nullptr; }

/// Run the test case (no comma or bracket in its name) with these settings ("ONEDNN_MAX_CPU_ISA=AVX2"), standard error
/// into `errors`. Did it pass?
inline bool passes_in_child(std::string const& test_case, std::string const& environment,
                            std::string const& errors = "/dev/null") {
  auto const program = std::filesystem::read_symlink("/proc/self/exe").string();
  auto const command =
      std::string(child_marker) + "=1 " + environment + " '" + program + "' '" + test_case + "' 2> '" + errors + "'";
  auto* const pipe = ::popen(command.c_str(), "r");
  if (!pipe) return false;
  std::string said;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
  return ::pclose(pipe) == 0 && said.find("All tests passed") != said.npos;  // and not: no test ran
}

}  // namespace test
