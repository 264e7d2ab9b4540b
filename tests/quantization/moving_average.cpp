#include <torchdeploy/quantization/moving_average.hpp>

#include <cmath>
#include <concepts>
#include <initializer_list>
#include <limits>

#include "support/models.hpp"

// Bit-equality with torch's MovingAverageMinMaxObserver on real activations is shown in bit_equality.cpp.

namespace {

at::Tensor floats(std::initializer_list<float> values) { return at::tensor(at::ArrayRef<float>(values)); }

template <class Observer>
td::value_range range_of(std::initializer_list<at::Tensor> batches) {
  Observer seen;
  for (auto const& each : batches) seen.observe(each);
  REQUIRE(seen.range());
  return *seen.range();
}

}  // namespace

TEST_CASE("a moving average that saw nothing has no range") {
  td::MovingAverage seen;
  CHECK_FALSE(seen.range());
  seen.observe(floats({}));
  CHECK_FALSE(seen.range());
}

TEST_CASE("the first batch counts in full, each later one moves the range by its fraction of the distance") {
  auto const range =
      range_of<td::MovingAverageWith<0.25>>({floats({-1, 1}), floats({-2, 5}), floats({}), floats({0, 0})});
  CHECK(range.min == (-1 - 0.25F) * 0.75F);
  CHECK(range.max == (1 + 1) * 0.75F);
}

TEST_CASE("with torch's constant, one batch with an outlier moves the range by a hundredth") {
  auto const range = range_of<td::MovingAverage>({floats({-1, 1}), floats({-1, 101})});
  CHECK(range.min == -1);
  CHECK(range.max == Approx(2));
}

TEST_CASE("with the constant one, the last batch decides") {
  auto const range = range_of<td::MovingAverageWith<1>>({floats({-1, 1}), floats({3, 5})});
  CHECK(range.min == 3);
  CHECK(range.max == 5);
}

TEST_CASE("each step of a moving average is rounded to float32 as torch's operators do") {
  auto const batches = test::noise({1000}, 50);
  td::MovingAverage seen;
  at::Tensor min, max;
  for (auto const& each : batches) {
    seen.observe(each);
    auto const [low, high] = at::aminmax(each);
    min = min.defined() ? min + 0.01 * (low - min) : low;
    max = max.defined() ? max + 0.01 * (high - max) : high;
  }
  CHECK(seen.range()->min == min.item<float>());
  CHECK(seen.range()->max == max.item<float>());
}

TEST_CASE("a moving average loses no NaN and no infinity") {
  constexpr auto nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  CHECK(std::isnan(range_of<td::MovingAverage>({floats({1, nan}), floats({1, 2})}).max));
  CHECK(std::isnan(range_of<td::MovingAverage>({floats({1, 2}), floats({1, nan}), floats({1, 2})}).min));
  CHECK_FALSE(std::isfinite(range_of<td::MovingAverage>({floats({1, infinity}), floats({1, 2})}).max));
}

TEST_CASE("a moving average tells its constant") {
  CHECK(td::MovingAverage::name == "moving average 0.01");
  CHECK(td::MovingAverageWith<1>::name == "moving average 1");
  CHECK(std::same_as<td::MovingAverage, td::MovingAverageWith<0.01>>);
}
