#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace torchdeploy::inline v0 {

/// The 95 % confidence interval of a fraction of which `successes` of `trials` were seen: Wilson's score interval, which
/// stays inside 0 .. 1 and keeps its coverage for fractions near 1 and for few trials, where the textbook's
/// p +- 1.96 sqrt(p(1 - p) / n) does not. Both are NaN without a trial.
///
/// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209-212;
/// recommended by L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion", Statistical
/// Science 16 (2001) 101-133.
///
/// @par Example
///     auto const [low, high] = td::wilson_interval(447, 450);  // 0.981 .. 0.998
[[nodiscard]] inline std::pair<double, double> wilson_interval(std::int64_t successes, std::int64_t trials) {
  constexpr auto none = std::numeric_limits<double>::quiet_NaN();
  if (trials <= 0) return {none, none};
  constexpr double z = 1.959963984540054;  // the normal distribution's 97.5 % quantile
  auto const n = static_cast<double>(trials), p = static_cast<double>(successes) / n;
  auto const center = (p + z * z / (2 * n)) / (1 + z * z / n);
  auto const half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  // exact at the ends, where rounding would leave 1 - 1e-16
  return {successes == 0 ? 0 : std::max(0.0, center - half), successes == trials ? 1 : std::min(1.0, center + half)};
}

}  // namespace torchdeploy::inline v0
