// What a process holds, and what a session adds to it call after call.
#pragma once

#include <cstdint>
#include <fstream>
#include <random>

#include <unistd.h>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace test {

inline double resident_mb() {
  std::ifstream in("/proc/self/statm");
  long pages = 0, resident = 0;
  in >> pages >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

/// A session of the digits' CNN: flat over 10,000 calls of one shape, bounded over 1,000 random ones. `every_shape_first`:
/// the last thousand find caches that have seen each of the 400 shapes, where they hold more than 512 kernels.
template <class Session>
void holds_its_memory(Session const& session, bool every_shape_first) {
  auto const x = digits(4);
  for (int i = 0; i < 200; ++i) (void)session(x);
  auto const before = resident_mb();
  for (int i = 0; i < 10'000; ++i) (void)session(x);
  CHECK(resident_mb() - before < 4);

  std::mt19937 random(5);
  auto const of_rows = [](std::int64_t rows) { return noise({rows, 1, 8, 8}, 1).front(); };
  auto const any = [&] { return of_rows(1 + static_cast<std::int64_t>(random() % 400)); };
  for (int i = 0; i < 1000; ++i) (void)session(any());  // fills the caches of kernels
  CHECK(resident_mb() - before < 200);
  if (every_shape_first)
    for (std::int64_t rows = 1; rows <= 400; ++rows) (void)session(of_rows(rows));
  auto const warm = resident_mb();
  for (int i = 0; i < 1000; ++i) (void)session(any());
  CHECK(resident_mb() - warm < 30);
}

}  // namespace test
