#include <torchdeploy/quantization/minmax.hpp>

#include <cmath>
#include <initializer_list>
#include <limits>

#include "support/models.hpp"

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

at::Tensor floats(std::initializer_list<float> values) { return at::tensor(at::ArrayRef<float>(values)); }

}  // namespace

TEST_CASE("minmax keeps the smallest and the largest value of all it saw") {
  td::MinMax seen;
  CHECK_FALSE(seen.range());
  seen.observe(floats({}));
  CHECK_FALSE(seen.range());
  seen.observe(floats({1, 2}));
  seen.observe(floats({-3, 0.5}));
  seen.observe(at::full({2, 2}, 1.5, at::kDouble));
  REQUIRE(seen.range());
  CHECK(seen.range()->min == -3);
  CHECK(seen.range()->max == 2);
}

TEST_CASE("minmax loses no NaN, whether it comes first or last") {
  for (int const position : {0, 1, 2}) {
    td::MinMax seen;
    for (int i = 0; i < 3; ++i) seen.observe(floats({i == position ? not_a_number : 1.0f, 2}));
    REQUIRE(seen.range());
    CHECK(std::isnan(seen.range()->min));
    CHECK(std::isnan(seen.range()->max));
  }
  td::MinMax infinite;
  infinite.observe(floats({1, infinity}));
  CHECK(infinite.range()->max == infinity);
}
