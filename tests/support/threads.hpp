// One session, called from many threads at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "support/models.hpp"

namespace test {

/// Calls that gave other bits than the first one, from so many threads at once.
template <class Session>
int different_results(Session const& session, std::vector<at::Tensor> const& inputs, int threads, int calls) {
  std::vector<at::Tensor> wanted;
  for (auto const& each : inputs) wanted.push_back(session(each));
  std::atomic<int> different = 0;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (int i = 0; i < calls; ++i) {
        auto const at = static_cast<std::size_t>(i + t) % inputs.size();
        try {
          different += !at::equal(session(inputs[at]), wanted[at]);
        } catch (...) {
          ++different;
        }
      }
    });
  for (auto& each : all) each.join();
  return different;
}

}  // namespace test
