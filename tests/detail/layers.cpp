#include <torchdeploy/detail/libtorch/layers.hpp>

#include "support/models.hpp"

namespace {
torch::jit::Module net(std::string const& body) {
  torch::jit::Module inner("Inner");
  inner.register_parameter("weight", at::ones({4, 4}), false);
  inner.define("def forward(self, x):\n    return torch.linear(x, self.weight)\n");
  torch::jit::Module module("Net");
  module.register_module("fc", inner);
  module.register_parameter("weight1", at::ones({4, 4}), false);
  module.define("def forward(self, x):\n" + body + "\n");
  return module;
}
/// "linear fc, matmul weight1"
std::string layers(std::string const& body, bool each_use = false) {
  std::string text;
  auto const graph = td::detail::settled_graph(net(body));
  for (auto const& each : td::detail::layers_of(*graph, each_use))
    text += (text.empty() ? "" : ", ") + each.kind + " " + each.name;
  return text;
}
}  // namespace

TEST_CASE("layers have the names of their modules, or of their weights, in the order they run") {
  CHECK(layers("    return self.fc.forward(x)") == "linear fc");
  CHECK(layers("    return torch.matmul(self.fc.forward(x), self.weight1)") == "linear fc, matmul weight1");
  CHECK(layers("    return torch.linear(self.fc.forward(x), self.weight1)") == "linear fc, linear weight1");
  CHECK(layers("    return torch.addmm(x, x, self.weight1.t())") == "addmm weight1");
  CHECK(layers("    if x.size(0) > 2:\n        x = self.fc.forward(x)\n    return x") == "linear fc");
  CHECK(layers("    return torch.relu(x) + 1").empty());
}

TEST_CASE("a weight that is used twice is one layer, or two uses") {
  CHECK(layers("    return self.fc.forward(self.fc.forward(x))") == "linear fc");
  CHECK(layers("    return self.fc.forward(self.fc.forward(x))", true) == "linear fc, linear fc");
}

TEST_CASE("a layer's weight is an attribute, a constant, or computed") {
  auto const only = [](std::shared_ptr<torch::jit::Graph> const& graph) {
    auto const all = td::detail::layers_of(*graph);
    REQUIRE(all.size() == 1);
    return all.front();
  };
  auto graph = td::detail::settled_graph(net("    return self.fc.forward(x)"));
  auto const owned = only(graph);
  CHECK(owned.weight == td::detail::attribute_path{"fc", "weight"});
  CHECK_FALSE(owned.constant);
  CHECK_FALSE(owned.int8_weight);
  CHECK(td::detail::has_prunable_weight(owned));

  graph = td::detail::settled_graph(net("    return torch.linear(x, torch.ones([4, 4]))"));
  auto const constant = only(graph);
  CHECK_FALSE(constant.weight);
  CHECK(constant.constant);
  CHECK_FALSE(td::detail::has_prunable_weight(constant));

  graph = td::detail::settled_graph(net("    return torch.matmul(x, x)"));
  auto const computed = only(graph);
  CHECK_FALSE(computed.weight);
  CHECK_FALSE(computed.constant);

  graph =
      td::detail::settled_graph(net("    q = torch.quantize_per_tensor(self.fc.weight, 0.1, 0, 12)\n"
                                    "    return torch.linear(x, q.dequantize())"));
  auto const quantized = only(graph);
  CHECK(quantized.int8_weight);
  CHECK(quantized.name == "fc");
}

TEST_CASE("transposed convolutions are told in both of their forms") {
  auto const transposed = [](std::string const& call) {
    auto const graph = td::detail::settled_graph(test::scripted("def forward(self, x):\n    return " + call));
    auto const all = td::detail::layers_of(*graph);
    REQUIRE(all.size() == 1);
    return td::detail::is_transposed(all.front());
  };
  std::string const sizes = "x, x, None, [1], [0], [1], ";
  CHECK(transposed("torch.conv_transpose1d(x, x)"));
  CHECK(transposed("torch.convolution(" + sizes + "True, [0], 1)"));
  CHECK_FALSE(transposed("torch.convolution(" + sizes + "False, [0], 1)"));
  CHECK_FALSE(transposed("torch.conv1d(x, x)"));
  CHECK_FALSE(transposed("torch.linear(x, x)"));
}

TEST_CASE("names of layers are those of their owners") {
  using td::detail::layer_name;
  CHECK(layer_name({"layer1", "0", "conv1", "weight"}) == "layer1.0.conv1");
  CHECK(layer_name({"rnn", "weight_ih_l0"}) == "rnn");
  CHECK(layer_name({"fc", "weight1"}) == "fc.weight1");
  CHECK(layer_name({"weight"}) == "weight");
}
