// Tests of what a process has only once.
#pragma once

#include <cstdlib>
#include <string>

#include "support/catch.hpp"

namespace test {

/// True in a process of the test's own. Elsewhere it starts one, for the test of that name alone, whose failure is this
/// test's: `if (!test::in_own_process()) return;`
inline bool in_own_process() {
  if (std::getenv("TORCHDEPLOY_TEST_CHILD")) return true;
  std::string name;
  for (char const c : Catch::getResultCapture().getCurrentTestName())
    name += c == ',' ? "\\," : c == '\'' ? "'\\''" : std::string(1, c);  // for Catch2 and for the shell
  INFO(name);
  CHECK(std::system(("TORCHDEPLOY_TEST_CHILD=1 /proc/$PPID/exe '" + name + "'").c_str()) == 0);
  return false;
}

/// AddressSanitizer keeps for a while what is freed: how much memory is in use then says nothing.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool frees_at_once = false;
#else
inline constexpr bool frees_at_once = true;
#endif

}  // namespace test
