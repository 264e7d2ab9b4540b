#include <torchdeploy/detail/compiler_lock.hpp>

#include <algorithm>
#include <thread>
#include <vector>

#include "support/catch.hpp"

TEST_CASE("one thread at a time holds the compiler, as often as it likes") {
  int inside = 0, most = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread)
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          torchdeploy::detail::compiler_lock const alone;
          torchdeploy::detail::compiler_lock const again;
          most = std::max(most, ++inside);
          std::this_thread::yield();
          --inside;
        }
      });
  }
  CHECK(most == 1);
  CHECK(inside == 0);
}
