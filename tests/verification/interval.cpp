#include <torchdeploy/verification/interval.hpp>

#include <cmath>
#include <cstdint>

#include "support/catch.hpp"

namespace td = torchdeploy;

TEST_CASE("Wilson's interval is that of the literature") {
  // R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I
  struct row {
    std::int64_t successes, trials;
    double low, high;
  };
  for (auto const& each : {row{81, 263, 0.2553, 0.3662}, row{15, 148, 0.0624, 0.1605}, row{0, 20, 0, 0.1611},
                           row{1, 29, 0.0061, 0.1718}}) {
    CAPTURE(each.successes, each.trials);
    auto const [low, high] = td::wilson_interval(each.successes, each.trials);
    CHECK(low == Approx(each.low).margin(5e-5));
    CHECK(high == Approx(each.high).margin(5e-5));
  }
}

TEST_CASE("an interval stays inside 0 .. 1, is exact at its ends, and shrinks with the trials") {
  CHECK(td::wilson_interval(0, 5).first == 0);
  CHECK(td::wilson_interval(5, 5).second == 1);
  CHECK(td::wilson_interval(5, 5).first < 1);
  double width = 1;
  for (std::int64_t const trials : {10, 100, 1000, 100000}) {
    auto const [low, high] = td::wilson_interval(trials / 10 * 9, trials);
    CHECK(low < 0.9);
    CHECK(high > 0.9);
    CHECK(high - low < width);
    width = high - low;
  }
}

TEST_CASE("without a trial there is no interval") {
  auto const [low, high] = td::wilson_interval(0, 0);
  CHECK(std::isnan(low));
  CHECK(std::isnan(high));
}
