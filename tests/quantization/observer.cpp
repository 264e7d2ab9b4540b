#include <torchdeploy/quantization/observer.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include "support/models.hpp"

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

at::Tensor floats(std::initializer_list<float> values) { return at::tensor(at::ArrayRef<float>(values)); }

struct no_name {
  void observe(at::Tensor const&) {}
  std::optional<td::value_range> range() const { return {}; }
};

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

TEST_CASE("scale and zero point map the range, and zero exactly") {
  struct wanted {
    float min, max, scale;
    std::int64_t zero_point;
  };
  for (auto const& [min, max, scale, zero_point] : {
           wanted{0, 255, 1, 0},
           wanted{-128, 127, 1, 128},
           wanted{-255, 0, 1, 255},
           wanted{10, 255, 1, 0},      // made to hold zero
           wanted{-255, -10, 1, 255},  //
           wanted{-1, 1, 2.0f / 255, 127},     // as torch: 1 / scale is 127.49999 in float32
           wanted{0, 0, std::numeric_limits<float>::epsilon(), 0},
       }) {
    auto const got = td::detail::affine({min, max}, 0, 255);
    INFO(min << " " << max);
    CHECK(got.scale == scale);
    CHECK(got.zero_point == zero_point);
  }
  CHECK(td::detail::affine({0, 127}, 0, 127).scale == 1);  // reduced to 7 bits
}

TEST_CASE("weights have one scale for each output channel, the larger side over 127.5") {
  auto const weight = at::tensor({1.0f, -2.0f, 0.5f, 0.25f, 0.0f, 0.0f}).view({3, 2});
  auto const scales = td::detail::weight_scales(weight, true);
  REQUIRE(scales.sizes() == at::IntArrayRef({3}));
  CHECK(scales[0].item<float>() == 2.0f / 127.5f);
  CHECK(scales[1].item<float>() == 0.5f / 127.5f);
  CHECK(scales[2].item<float>() == std::numeric_limits<float>::epsilon());
  auto const one = td::detail::weight_scales(weight, false);
  REQUIRE(one.numel() == 1);
  CHECK(one.item<float>() == 2.0f / 127.5f);
}

TEST_CASE("an observer is any type with a name, observe and range") {
  CHECK(td::observer<td::MinMax>);
  CHECK_FALSE(td::observer<no_name>);
  CHECK_FALSE(td::observer<int>);
}
