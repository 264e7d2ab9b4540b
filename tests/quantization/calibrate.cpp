#include <torchdeploy/quantization/calibrate.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

using minmax_site = td::detail::activation_site<td::MinMax>;

torch::jit::Module observed(std::string const& name) {
  auto const shell = td::detail::shell("ActivationObserver", at::kQUInt8, at::kPerTensorAffine);
  auto const weights = td::detail::shell("ChannelWeightObserver", at::kQInt8, at::kPerChannelSymmetric);
  torch::jit::QConfigDict const configuration{{"", torch::jit::QConfig(shell, weights)}};
  auto module = torch::jit::load(test::model_path(name).string());
  module.eval();
  return torch::jit::InsertObservers(module, "forward", configuration, false, torch::jit::QuantType::STATIC);
}

}  // namespace

TEST_CASE("a shell is a module whose two calls reach a C++ observer") {
  auto module = td::detail::shell("ActivationObserver", at::kQUInt8, at::kPerTensorAffine);
  minmax_site site(false);
  module._ivalue()->setAttr(td::detail::site_attribute, reinterpret_cast<std::int64_t>(&site));
  auto const x = at::tensor({0.0f, 255.0f});
  CHECK(module.forward({x}).toTensor().is_same(x));
  auto const pair = module.run_method("calculate_qparams").toTupleRef().elements().vec();
  CHECK(pair[0].toTensor().item<float>() == 1);
  CHECK(pair[1].toTensor().item<int>() == 0);
}

TEST_CASE("every observed value and every weight of a model gets a site of its own") {
  auto const module = observed("mlp_scripted");
  auto const sites = td::detail::furnish(module, [] { return std::make_unique<minmax_site>(true); });
  CHECK(sites.size() == 7);  // the input, two relus, the output, three weights
  std::set<std::string> places;
  for (auto const& each : sites) places.insert(each->place);
  CHECK(places.size() == sites.size());
}

TEST_CASE("what no sample reached is marked, what is not finite is refused with its place") {
  minmax_site site(true);
  site.place = "layer1.0._observer_3";
  CHECK(site.qparams().first.item<float>() == td::detail::unreached);
  site.observe(at::full({2}, std::numeric_limits<float>::infinity()));
  auto const failure = test::failure_of<td::quantization_error>([&] { site.qparams(); });
  CHECK(failure.code == td::errc::not_finite);
  CHECK_THAT(failure.text, ContainsSubstring("layer1.0"));
}

TEST_CASE("what is not float32 is refused when its range is asked for") {
  for (auto const dtype : {at::kLong, at::kHalf, at::kDouble}) {
    minmax_site site(true);
    site.place = "embedding._observer_1";
    site.observe(at::ones({5}, dtype));
    auto const failure = test::failure_of<td::quantization_error>([&] { site.qparams(); });
    CHECK(failure.code == td::errc::not_quantizable);
    CHECK_THAT(failure.text, ContainsSubstring("float32") && ContainsSubstring("embedding"));
  }
}

TEST_CASE("a reduced range has 128 levels, a full one 256") {
  minmax_site reduced(true), full(false);
  for (auto* site : {&reduced, &full}) site->observe(at::tensor({-1.0f, 1.0f}));
  CHECK(reduced.qparams().first.item<float>() == 2.0f / 127);
  CHECK(full.qparams().first.item<float>() == 2.0f / 255);
}

TEST_CASE("a weight is looked at once, per channel or as a whole") {
  td::detail::weight_site per_channel(true), whole(false);
  auto const weight = at::tensor({1.0f, 2.0f, 3.0f, 4.0f}).view({2, 2});
  for (auto* site : {&per_channel, &whole}) {
    site->observe(weight);
    site->observe(weight * 100);
  }
  CHECK(per_channel.qparams().first.sizes() == at::IntArrayRef({2}));
  CHECK(per_channel.qparams().first[1].item<float>() == 4 / 127.5f);
  CHECK(whole.qparams().first.item<float>() == 4 / 127.5f);
}

TEST_CASE("observing does not change what the model gives") {
  auto const module = observed("mlp_scripted");
  auto const sites = td::detail::furnish(module, [] { return std::make_unique<minmax_site>(true); });
  auto const x = test::noise({2, 16})[0];
  CHECK(test::same_bits(test::forward(module, {x}), test::forward(test::load("mlp_scripted").handle(), {x})));
}
