#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core/artifact.hpp>

namespace torchdeploy::inline v0 {

/// What `warmup` may be told.
template <class Example>
struct warmup_options {
  typename example_traits<Example>::samples samples{};  ///< inputs to call with; default: the artifact's examples
};

/// What warming up saw for one shape of input.
struct warmed_shape {
  std::string shape{};          ///< "[1, 3, 224, 224]"
  int calls{};                  ///<
  double first_milliseconds{};  ///< of the first call
  double steady_milliseconds{}; ///< median of the later half of the calls
  int slow_calls{};             ///< calls, from the first on, that took more than twice the steady time
};

namespace detail {

inline warmed_shape judged(std::string shape, std::vector<double> const& milliseconds) {
  auto const half = milliseconds.begin() + static_cast<std::ptrdiff_t>(milliseconds.size() / 2);
  std::vector<double> later(half, milliseconds.end());
  std::sort(later.begin(), later.end());
  auto const median = later[later.size() / 2];
  auto const fast = std::find_if(milliseconds.begin(), half, [&](double each) { return each <= 2 * median; });
  return {std::move(shape), static_cast<int>(milliseconds.size()), milliseconds.front(), median,
          static_cast<int>(fast - milliseconds.begin())};
}

/// What a warm-up calls: what the backend offers for it (`rehearsal()`: a callable that leaves the model's state alone), or
/// `run`, or the session itself.
template <class Compiled>
auto rehearsal_of(Compiled const& compiled) {
  if constexpr (requires { compiled.rehearsal(); })
    return compiled.rehearsal();
  else
    return [&compiled](auto const& inputs) {
      if constexpr (requires { compiled.run(inputs); })
        (void)compiled.run(inputs);
      else
        (void)compiled(inputs);
    };
}

template <class Compiled, class Example>
std::vector<warmed_shape> warm(Compiled const& compiled, int calls, std::vector<Example> const& samples) {
  using traits = example_traits<Example>;
  auto const call = rehearsal_of(compiled);
  std::vector<warmed_shape> seen;
  for (auto const& each : samples) {
    auto shape = [&] {
      if constexpr (requires { traits::shape(each); })
        return traits::shape(each);
      else
        return "example " + std::to_string(seen.size());
    }();
    if (std::any_of(seen.begin(), seen.end(), [&](auto const& one) { return one.shape == shape; })) continue;
    auto const inputs = traits::copy(each);  // a model may write into what it is given
    std::vector<double> milliseconds;
    for (int i = 0; i < calls; ++i) {
      auto const begin = std::chrono::steady_clock::now();
      call(inputs);
      milliseconds.push_back(
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
    seen.push_back(judged(std::move(shape), milliseconds));
  }
  return seen;
}

}  // namespace detail
}  // namespace torchdeploy::inline v0
