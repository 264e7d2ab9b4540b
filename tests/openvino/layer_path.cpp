#include <torchdeploy/openvino/layer_path.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>

#include <torchdeploy/detail/libtorch/model_graph.hpp>

#include "support/models.hpp"

TEST_CASE("a node's layer is what was written last, and nothing is the model itself") {
  torch::jit::Graph graph;
  auto* const node = graph.insertNode(graph.create(c10::Symbol::aten("relu")));
  CHECK(td::detail::layer_path(node).empty());
  td::detail::set_layer_path(node, "layer1.0.conv1");
  CHECK(td::detail::layer_path(node) == "layer1.0.conv1");
  td::detail::set_layer_path(node, "fc");
  CHECK(td::detail::layer_path(node) == "fc");
  td::detail::set_layer_path(node, "");
  CHECK(td::detail::layer_path(node).empty());
}

TEST_CASE("layers are named by their weights, other nodes by the module they stand in, constants not at all") {
  auto const module = test::load("digits_cnn").handle();
  auto const graph = td::detail::settled_graph(module);
  td::detail::name_layers(*graph);
  std::map<std::string, std::set<std::string>> seen;
  td::detail::for_each_node(*graph, [&](torch::jit::Node* node) {
    seen[td::detail::operator_name(node)].insert(td::detail::layer_path(node));
  });
  using paths = std::set<std::string>;
  CHECK(seen["conv2d"] == paths{"features.0", "features.3"});
  CHECK(seen["linear"] == paths{"classifier.1", "classifier.4"});
  CHECK(seen["batch_norm"] == paths{"features.1", "features.4"});
  CHECK(seen["Constant"] == paths{""});
  CHECK_FALSE(seen["relu"].contains(""));
}
