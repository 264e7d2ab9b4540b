// For comparisons of long calls: the contenders take turns, call by call, and medians are compared. Google Benchmark runs
// one after the other for long, and on a shared machine the ratio then says who else was working.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <vector>

/// What a call takes of the processor: a long call waits for other programs more often than a short one, which would bend
/// the ratio of what a clock shows.
inline double seconds(auto const& call) {
  auto const now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  auto const begin = now();
  call();
  return now() - begin;
}

inline double median(std::vector<double> values) {
  auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}
