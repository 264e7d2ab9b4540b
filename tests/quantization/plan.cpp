#include <torchdeploy/quantization/plan.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

template <class Artifact>
std::vector<td::layer_report> layers_of(Artifact const& model) {
  return model.report().find("quantize")->layers;
}

td::layer_report layer_called(std::vector<td::layer_report> const& all, std::string const& name) {
  for (auto const& each : all)
    if (each.name == name) return each;
  FAIL("no layer " + name);
  return {};
}

/// A convolution, `between` on y, and a convolution again.
torch::jit::Module convolutions_around(std::string const& between) {
  torch::jit::Module module("Convolutions");
  auto const weights = test::noise({3, 3, 3, 3}, 2);
  module.register_parameter("first", weights[0], false);
  module.register_parameter("second", weights[1], false);
  module.define("def forward(self, x):\n  y = torch.conv2d(x, self.first)\n  y = " + between +
                "\n  return torch.conv2d(y, self.second)\n");
  return module;
}

}  // namespace

TEST_CASE("layers come in the order they run, with their paths, kinds and weights") {
  auto const layers = layers_of(test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits()));
  REQUIRE(layers.size() >= 4);
  CHECK(layers.front().name == "features.0");
  CHECK(layers.front().kind == "conv2d");
  CHECK(layers.back().kind == "linear");
  std::uint64_t weights = 0;
  for (auto const& each : layers) weights += each.weights;
  std::uint64_t wanted = 0;
  for (auto const& each : test::load("digits_cnn").handle().parameters())
    if (each.dim() > 1) wanted += static_cast<std::uint64_t>(each.numel());
  CHECK(weights == wanted);
}

TEST_CASE("paths are whole, however deep the module") {
  auto const layers = layers_of(test::load("resnet18") | td::quantize<td::Int8>());
  CHECK(layer_called(layers, "layer2.0.downsample.0").kind == "conv2d");
  CHECK(layer_called(layers, "fc").precision == "int8");
  CHECK(layers.size() == 21);
}

TEST_CASE("a traced model's layers have the paths of the scripted one") {
  auto const names = [](std::string const& model) {
    std::vector<std::string> all;
    for (auto const& each : layers_of(test::load(model) | td::quantize<td::Int8>())) all.push_back(each.name);
    return all;
  };
  CHECK(names("resnet18_traced") == names("resnet18"));
}

TEST_CASE("an operator that LibTorch runs on int8 between layers is not in the list, one that it does not is") {
  auto const samples = test::noise({1, 3, 9, 9});
  for (std::string const between :
       {"torch.relu(y)", "torch.hardtanh(y, 0., 6.)", "torch.max_pool2d(y, [2, 2])", "torch.sigmoid(y)", "y + 1",
        "y + y", "torch.cat([y, y[:, :0]], 1)", "torch.leaky_relu(y)"}) {
    INFO(between);
    auto const model = td::evaluate(convolutions_around(between)) | td::quantize<td::Int8>(samples);
    if (between.find("cat") == between.npos) CHECK(layers_of(model).size() == 2);
    auto const wanted = test::forward(convolutions_around(between), {samples[0]}).toTensor();
    CHECK(test::sqnr_db(wanted, (model.clone() | td::deploy<td::LibTorch>())(samples[0])) > 10);
  }
  for (auto const& [between, kind] : std::map<std::string, std::string>{{"torch.relu6(y)", "relu6"},
                                                                        {"torch.gelu(y)", "gelu"},
                                                                        {"torch.softmax(y, 1)", "softmax"},
                                                                        {"y - y * 2", "sub"}}) {
    INFO(between);
    auto const model = td::evaluate(convolutions_around(between)) | td::quantize<td::Int8>(samples);
    bool named = false;
    for (auto const& each : layers_of(model))
      named = named || (each.kind == kind && each.reason.find(kind) != std::string::npos);
    CHECK(named);
  }
}

TEST_CASE("a weight that is computed keeps its layer in float, with a reason") {
  torch::jit::Module module("Computed");
  module.register_parameter("weight", test::noise({4, 16})[0], false);
  module.define("def forward(self, x): return torch.linear(x, self.weight / torch.norm(self.weight))\n");
  auto const layers = layers_of(td::evaluate(module) | td::quantize<td::Int8>(test::noise({2, 16})));
  REQUIRE_FALSE(layers.empty());
  auto const session = td::evaluate(module) | td::quantize<td::Int8>(test::noise({2, 16})) | td::deploy<td::LibTorch>();
  auto const x = test::noise({2, 16})[0];
  CHECK(test::sqnr_db(test::forward(module, {x}).toTensor(), session(x)) > 20);
}

TEST_CASE("a report without samples lists layers only, not the operators between") {
  auto const layers = layers_of(test::load("gelu_mlp_traced") | td::quantize<td::Int8>());
  CHECK(layers.size() == 2);
}
