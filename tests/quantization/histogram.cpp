#include <torchdeploy/quantization/histogram.hpp>

#include <cmath>
#include <limits>

#include <torchdeploy/quantization/minmax.hpp>

#include "support/models.hpp"

// Bit-equality with torch's HistogramObserver on real activations is shown in stage/quantize.cpp.

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

td::value_range range_of(std::vector<at::Tensor> const& batches) {
  td::Histogram seen;
  for (auto const& each : batches) seen.observe(each);
  REQUIRE(seen.range());
  return *seen.range();
}

}  // namespace

TEST_CASE("a histogram that saw nothing has no range") {
  td::Histogram seen;
  CHECK_FALSE(seen.range());
  seen.observe(at::empty({0}));
  CHECK_FALSE(seen.range());
}

TEST_CASE("evenly spread values keep nearly their whole range") {
  auto const range = range_of({at::linspace(-1, 1, 100000)});
  CHECK(range.min == Approx(-1).margin(0.01));
  CHECK(range.max == Approx(1).margin(0.01));
}

TEST_CASE("an outlier is clipped where that pays") {
  auto values = test::noise({1000000}, 1)[0];
  values[0] = 20;
  auto const range = range_of({values});
  CHECK(range.max < 10);
  CHECK(range.max > 2);
  CHECK(range.min < -2);
  td::MinMax all;
  all.observe(values);
  CHECK(all.range()->max == 20);
}

TEST_CASE("batches that widen the range are counted as if they had come at once, nearly") {
  auto const narrow = test::noise({20000}, 1, 1)[0], wide = test::noise({20000}, 1, 2)[0] * 4;
  auto const apart = range_of({narrow, wide}), together = range_of({at::cat({narrow, wide})});
  CHECK(apart.min == Approx(together.min).epsilon(0.05));
  CHECK(apart.max == Approx(together.max).epsilon(0.05));
}

TEST_CASE("the order of batches matters little") {
  auto const a = test::noise({20000}, 1, 1)[0], b = test::noise({20000}, 1, 2)[0] * 3 + 1;
  auto const one = range_of({a, b}), other = range_of({b, a});
  CHECK(one.min == Approx(other.min).epsilon(0.05));
  CHECK(one.max == Approx(other.max).epsilon(0.05));
}

TEST_CASE("a NaN makes the range NaN, infinity is left out") {
  auto with_nan = at::linspace(0, 1, 100);
  with_nan[50] = std::numeric_limits<float>::quiet_NaN();
  auto const bad = range_of({with_nan, at::linspace(0, 1, 100)});
  CHECK(std::isnan(bad.min));
  auto infinite = at::linspace(0, 1, 1000);
  infinite[0] = infinity;
  infinite[1] = -infinity;
  auto const good = range_of({infinite});
  CHECK(good.min >= 0);
  CHECK(good.max <= 1.001F);
  td::Histogram nothing_finite;
  nothing_finite.observe(at::full({3}, infinity));
  CHECK_FALSE(nothing_finite.range());
}

TEST_CASE("values that are all alike have a range that holds them, and later ones widen it") {
  auto const zero = range_of({at::zeros({100})});
  CHECK(zero.min <= 0);
  CHECK(zero.max >= 0);
  auto const then_more = range_of({at::zeros({100}), at::linspace(0, 1, 10000)});
  CHECK(then_more.max == Approx(1).margin(0.02));
  CHECK(std::isfinite(range_of({at::full({100}, 3.0), at::full({100}, 3.0)}).max));
}

TEST_CASE("double and half precision are observed like float") {
  auto const values = at::linspace(-1, 3, 5000);
  CHECK(range_of({values.to(at::kDouble)}).max == range_of({values}).max);
  CHECK(range_of({values.to(at::kHalf)}).max == Approx(3).margin(0.02));
}
