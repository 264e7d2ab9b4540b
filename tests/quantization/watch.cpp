#include <torchdeploy/quantization/watch.hpp>

#include <limits>
#include <string>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

std::vector<td::finding> findings_of(std::string const& model, std::vector<at::Tensor> const& samples,
                                     std::string const& id) {
  auto const quantized = test::load(model) | td::quantize<td::Int8>(samples);
  std::vector<td::finding> all;
  for (auto const& each : quantized.report().find("quantize")->findings)
    if (each.id == id) all.push_back(each);
  return all;
}

std::string refusal(std::string const& model, std::vector<at::Tensor> const& samples) {
  auto const failure =
      test::failure_of<td::quantization_error>([&] { test::load(model) | td::quantize<td::Int8>(samples); });
  CHECK(failure.code == td::errc::not_finite);
  return failure.text;
}

td::detail::activation_history history(std::vector<float> reach) { return {std::move(reach)}; }

}  // namespace

TEST_CASE("an image that was not normalized is named with its number and where it came in") {
  auto samples = test::calibration_digits();
  samples[3] = samples[3] * 255;
  auto const found = findings_of("digits_cnn", samples, "range-jumps");
  REQUIRE(found.size() == 1);
  CHECK(found[0].level == td::severity::warning);
  CHECK(found[0].place == "the input 'x'");
  CHECK_THAT(found[0].text, StartsWith("sample 3 reaches 255 in the input 'x'") && ContainsSubstring("reaches 1"));
}

TEST_CASE("three samples that jump are named, the others counted") {
  auto samples = test::noise({2, 16}, 20);
  for (std::size_t i = 2; i < 7; ++i) samples[i] = samples[i] * 100;
  auto const found = findings_of("mlp_scripted", samples, "range-jumps");
  REQUIRE(found.size() == 3);
  CHECK_THAT(found[0].text, ContainsSubstring("sample 2 "));
  CHECK_THAT(found[2].text, ContainsSubstring("sample 4 ") && EndsWith("(and 2 samples more)"));
}

TEST_CASE("real samples, and samples that are merely smaller, don't jump", "[zoo]") {
  for (std::string const name : {"digits_cnn", "onet", "resnet18", "mobilenet_v2", "mlp_scripted", "functional_cnn"}) {
    INFO(name);
    CHECK(findings_of(name, test::tensors_at(test::reference("static_minmax_" + name), "calibration"), "range-jumps")
              .empty());
  }
  auto samples = test::noise({2, 16}, 9);
  samples[4] = samples[4] * 0;
  samples[5] = samples[5] / 1000;
  CHECK(findings_of("mlp_scripted", samples, "range-jumps").empty());
}

TEST_CASE("a jump is one of many times the median sample, where there is a median") {
  auto const count = [](std::vector<float> reach) {
    auto const one = history(std::move(reach));
    return td::detail::range_jumps({{&one, "here"}}).size();
  };
  CHECK(count({1, 1, 1, 17}) == 1);
  CHECK(count({1, 1, 1, 15}) == 0);
  CHECK(count({17, 1}) == 1);
  CHECK(count({17}) == 0);
  CHECK(count({}) == 0);
  CHECK(count({-1, -1, 1, -1, 17, 1}) == 1);  // -1: no value came
  CHECK(count({0, 0, 0, 17}) == 0);           // nothing to be far from
}

TEST_CASE("a sample is told of once, at the first activation that shows it") {
  auto const first = history({1, 100, 1}), second = history({1, 100, 1, 100});
  auto const found = td::detail::range_jumps({{&first, "first"}, {&second, "second"}});
  REQUIRE(found.size() == 2);
  CHECK(found[0].place == "first");
  CHECK_THAT(found[1].text, ContainsSubstring("sample 3 reaches 100 in second"));
}

TEST_CASE("one sample alone is noted") {
  CHECK(findings_of("mlp_scripted", test::noise({2, 16}, 1), "few-samples").size() == 1);
  CHECK(findings_of("mlp_scripted", test::noise({2, 16}, 2), "few-samples").empty());
}

TEST_CASE("a NaN or infinity in a sample is refused with the sample and the place, by every observer") {
  for (float const spoiler : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()}) {
    auto samples = test::noise({2, 16}, 8);
    samples[5][1][3] = spoiler;
    CHECK_THAT(refusal("mlp_scripted", samples), ContainsSubstring("the input 'input' on sample 5"));
  }
  auto images = test::noise({1, 3, 64, 64}, 2);
  images[1][0][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(refusal("resnet18", images), ContainsSubstring("the input 'x' on sample 1"));
}

TEST_CASE("a NaN that the model itself makes is named with the layer that made it") {
  torch::jit::Module module("Root");
  module.register_parameter("weight", test::noise({4, 4})[0], false);
  module.register_parameter("head", test::noise({4, 4})[1], false);
  module.define(
      "def forward(self, x):\n"
      "  return torch.linear(torch.sqrt(torch.linear(x, self.weight)), self.head)\n");
  auto const failure = test::failure_of<td::quantization_error>([&] {
    td::evaluate(module) | td::quantize<td::Int8>(test::noise({2, 4}));
  });
  CHECK(failure.code == td::errc::not_finite);
  CHECK_THAT(failure.text, ContainsSubstring("the output of 'sqrt' on sample 0"));
}

TEST_CASE("activations are named by their layers, in the order they come to be") {
  auto const observed = [] {
    auto const activation = td::detail::shell("ActivationObserver", at::kQUInt8, at::kPerTensorAffine);
    auto const weight = td::detail::shell("ChannelWeightObserver", at::kQInt8, at::kPerChannelSymmetric);
    auto module = test::load("mlp_scripted").handle();
    torch::jit::QConfigDict const dict{{"", torch::jit::QConfig(activation, weight)}};
    return torch::jit::InsertObservers(module, "forward", dict, false, torch::jit::QuantType::STATIC);
  }();
  auto const sites =
      td::detail::furnish(observed, [] { return std::make_unique<td::detail::activation_site<td::MinMax>>(true); });
  auto const all = td::detail::activations_of(observed, sites);
  REQUIRE(all.size() == 4);  // weights are not among them
  CHECK(all[0].name == "the input 'input'");
  CHECK_THAT(all[1].name, StartsWith("the output of '") && ContainsSubstring("relu"));
  CHECK(all[3].name == "the output of '4'");
}
