#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <torchdeploy/verification/outputs.hpp>

namespace torchdeploy::inline v0 {

/// What one call takes.
struct latency {
  double median_ms{};   ///<
  double p95_ms{};      ///< 95 % of the calls took no longer (nearest rank)
  std::size_t calls{};  ///< that were measured
};

namespace detail {

inline std::optional<latency> latency_of(std::vector<double> milliseconds) {
  if (milliseconds.empty()) return std::nullopt;
  std::sort(milliseconds.begin(), milliseconds.end());
  auto const n = milliseconds.size();
  auto const rank = [&](std::size_t percent) { return milliseconds[(percent * n + 99) / 100 - 1]; };
  auto const median = n % 2 ? milliseconds[n / 2] : (milliseconds[n / 2 - 1] + milliseconds[n / 2]) / 2;
  return latency{median, rank(95), n};
}

inline double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// One call of a side, in ms. Its inputs are copied before the clock starts: a model may write into them.
template <class Runner>
double timed_call(Runner& runner, example const& inputs) {
  auto const own = copy_of(inputs);
  auto const begin = std::chrono::steady_clock::now();
  auto const output = runner.run(own);
  return seconds_since(begin) * 1e3;
}

/// How long to measure. The first calls of a TorchScript module profile and compile: 3 slow ones traced, 5 scripted.
struct measuring {
  static constexpr std::size_t warm_up = 5;
  static constexpr std::size_t most_calls = 20;
  static constexpr double least_budget = 0.25;

  std::optional<std::size_t> asked{};  ///< so many calls, however long they take; 0 for none
  std::size_t calls_before{};          ///< that warmed up already
  double seconds_before{};             ///< unless asked, measuring takes no longer than this

  [[nodiscard]] std::size_t warm_up_left() const { return calls_before < warm_up ? warm_up - calls_before : 0; }
  [[nodiscard]] std::size_t calls() const { return asked.value_or(most_calls); }
  [[nodiscard]] bool over(double seconds) const { return !asked && seconds > std::max(least_budget, seconds_before); }
};

/// Call the sides in turn, now one first, now the other, so that whatever else the machine does falls on all of them
/// alike. The ms of each side's calls after warm-up: none when time runs out before, since they would mislead (ResNet-18's
/// second call took 109 ms, a warm one 28).
inline std::vector<std::vector<double>> call_in_turn(std::vector<std::function<double(example const&)>> const& sides,
                                                     std::vector<example> const& inputs, measuring const& how) {
  std::vector<std::vector<double>> milliseconds(sides.size());
  if (how.calls() == 0 || inputs.empty()) return milliseconds;
  auto const begin = std::chrono::steady_clock::now();
  auto const rounds = how.warm_up_left() + how.calls();
  try {
    for (std::size_t round = 0; round < rounds && (round == 0 || !how.over(seconds_since(begin))); ++round) {
      std::vector<double> taken(sides.size());
      for (std::size_t i = 0; i < sides.size(); ++i) {
        auto const side = round % 2 ? sides.size() - 1 - i : i;
        taken[side] = sides[side](inputs[round % inputs.size()]);
      }
      for (std::size_t side = 0; side < sides.size(); ++side) {
        if (round >= how.warm_up_left()) milliseconds[side].push_back(taken[side]);
      }
    }
  } catch (std::exception const&) {  // a model with a state need not take a sample twice: no reason to fail
  }
  return milliseconds;
}

}  // namespace detail

}  // namespace torchdeploy::inline v0
