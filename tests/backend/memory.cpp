// What sessions of LibTorch's two interpreters hold, call after call.
#include <cstdint>
#include <fstream>
#include <cstdio>
#include <random>
#include <vector>

#include <unistd.h>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/backend/mobile_runtime.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/models.hpp"
#include "support/process.hpp"

namespace {

double resident_mb() {
  std::ifstream in("/proc/self/statm");
  long pages = 0, resident = 0;
  in >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

/// Flat over 10,000 calls of one shape, bounded over 1,000 random ones.
template <class Session>
void holds_its_memory(Session const& session) {
  auto const x = test::digits(4);
  for (int i = 0; i < 200; ++i) (void)session(x);
  auto const before = resident_mb();
  for (int i = 0; i < 10'000; ++i) (void)session(x);
  CHECK(resident_mb() - before < 4);

  std::mt19937 random(5);
  auto const any = [&] { return test::noise({1 + static_cast<std::int64_t>(random() % 400), 1, 8, 8}, 1).front(); };
  for (int i = 0; i < 1000; ++i)
    (void)session(any());  // fills the caches of kernels, of oneDNN's 1,024 places and LibTorch's
  CHECK(resident_mb() - before < 200);
  for (std::int64_t rows = 1; rows <= 400; ++rows) (void)session(test::noise({rows, 1, 8, 8}, 1).front());
  auto const warm = resident_mb();
  for (int i = 0; i < 1000; ++i) (void)session(any());
  std::printf("%.1f %.1f\n", warm - before, resident_mb() - warm);
  CHECK(resident_mb() - warm < 30);
}

}  // namespace

TEST_CASE("memory stays flat over ten thousand calls on LibTorch, and bounded over a thousand shapes") {
  if (!test::frees_at_once) return;
  holds_its_memory(test::load("digits_cnn") | td::freeze() | td::deploy<td::LibTorch>());
}

TEST_CASE("memory stays flat over ten thousand calls on the lite interpreter, and bounded over a thousand shapes") {
  if (!test::frees_at_once) return;
  holds_its_memory(test::load("digits_cnn") | td::freeze() | td::to_mobile() | td::deploy<td::MobileRuntime>());
}
