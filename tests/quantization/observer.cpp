#include <torchdeploy/quantization/observer.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

struct whole {
  static constexpr std::string_view name = "whole";
  void observe(at::Tensor const&) {}
  std::optional<td::value_range> range() const { return {}; }
};
struct no_name {
  void observe(at::Tensor const&) {}
  std::optional<td::value_range> range() const { return {}; }
};
struct no_observe {
  static constexpr std::string_view name = "no observe";
  std::optional<td::value_range> range() const { return {}; }
};
struct changing_range : whole {
  std::optional<td::value_range> range() { return {}; }
};
struct pair_range : whole {
  std::pair<float, float> range() const { return {}; }
};
struct no_default : whole {
  explicit no_default(int) {}
};

/// State of any kind, a constructor of its own, and neither copied nor moved.
struct with_state : whole {
  explicit with_state(float cap = 6, std::string label = "state") : limit(cap), name_of(std::move(label)) {}
  with_state(with_state const&) = delete;
  with_state& operator=(with_state const&) = delete;
  float observe(at::Tensor const& x) { return kept.emplace_back(std::min(limit, x.abs().max().item<float>())); }
  td::value_range range() const {
    auto const largest = *std::max_element(kept.begin(), kept.end());
    return {-largest, largest};
  }
  float limit;
  std::string name_of;
  std::vector<float> kept;
};

}  // namespace

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
  CHECK(td::observer<whole>);
  CHECK(td::observer<with_state>);
  CHECK(td::observer<td::MinMax>);
  CHECK(td::observer<td::Histogram>);
  CHECK(td::observer<td::MovingAverage>);
  CHECK(td::observer<td::MovingAverageWith<0.5>>);
  CHECK(td::observer<td::Percentile<99.99>>);
  CHECK_FALSE(td::observer<no_name>);
  CHECK_FALSE(td::observer<no_observe>);
  CHECK_FALSE(td::observer<changing_range>);
  CHECK_FALSE(td::observer<pair_range>);
  CHECK_FALSE(td::observer<no_default>);
  CHECK_FALSE(td::observer<int>);
}

TEST_CASE("an observer with state of its own has one for each activation") {
  auto const samples = test::noise({8, 16});
  auto const model = test::load("mlp_scripted") | td::quantize<td::Int8, with_state>(samples);
  CHECK(model.report().find("quantize")->detail("observer") == "whole");
  auto const wanted = test::forward(test::load("mlp_scripted").handle(), {samples[0]}).toTensor();
  CHECK(test::sqnr_db(wanted, (model.clone() | td::deploy<td::LibTorch>())(samples[0])) > 20);
}

TEST_CASE("extremes are float32, and NaN when a value is") {
  auto const both = td::detail::extremes(at::tensor({2.0, -1.0, 0.5}, at::kDouble));
  CHECK(both.min == -1);
  CHECK(both.max == 2);
  auto const nan = td::detail::extremes(at::tensor({2.0F, std::numeric_limits<float>::quiet_NaN(), 0.5F}));
  CHECK(std::isnan(nan.min));
  CHECK(std::isnan(nan.max));
}
