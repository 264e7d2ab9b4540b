#include <torchdeploy/openvino/decoder.hpp>

#include <map>
#include <memory>
#include <string>

#include <torchdeploy/openvino/prepare.hpp>

#include "support/models.hpp"

using td::detail::graph_decoder;

TEST_CASE("a decoder tells of a graph what OpenVINO's front end asks") {
  auto const module = test::scripted(
      "def forward(self, x):\n  if bool(x.sum() > 0):\n    y = x.t()\n  else:\n    y = torch.relu(x)\n  return y");
  auto const prepared = td::detail::prepare(module, "forward", std::vector<td::example>{{at::ones({2, 3})}});
  auto const graph = std::make_shared<td::detail::decoded_graph const>(prepared.graph);
  graph_decoder const whole(graph, prepared.graph->block());
  CHECK(whole.inputs().size() == 1);
  CHECK(whole.num_of_outputs() == 1);
  CHECK(whole.get_subgraph_size() == 1);
  CHECK(whole.get_input_shape(0) == ov::PartialShape{-1, -1});
  CHECK(whole.get_input_debug_name(0) == std::to_string(whole.inputs()[0]));
  CHECK(whole.decoder_type_name() == "ts");

  std::map<std::string, std::shared_ptr<ov::frontend::pytorch::TorchDecoder>> nodes;
  whole.visit_subgraph([&](auto const& node) { nodes[node->get_op_type()] = node; });
  REQUIRE(nodes.count("prim::If") == 1);
  auto const& branch = *nodes["prim::If"];
  CHECK(branch.get_subgraph_size() == 2);
  CHECK(branch.get_subgraph_decoder(0)->outputs().size() == 1);
  REQUIRE(nodes.count("aten::sum") == 1);
  auto const& sum = *nodes["aten::sum"];
  CHECK_THAT(sum.get_schema(), StartsWith("aten::sum"));
  CHECK(sum.input_is_none(1));
  CHECK(sum.input_is_none(99));
  CHECK_FALSE(sum.may_produce_alias(0, 0));
  CHECK(sum.as_constant().empty());

  branch.get_subgraph_decoder(0)->visit_subgraph([](auto const& node) {
    if (node->get_op_type() == "aten::t") CHECK(node->may_produce_alias(0, 0));
  });
}

TEST_CASE("texts are read from constants") {
  auto const graph = std::make_shared<torch::jit::Graph>();
  auto* const text = graph->insertConstant("same")->node();
  auto* const device = graph->insertConstant(c10::Device("cpu"))->node();
  auto* const number = graph->insertConstant(3)->node();
  auto const decoded = std::make_shared<td::detail::decoded_graph const>(graph);
  CHECK(graph_decoder(decoded, text).as_string() == "same");
  CHECK(graph_decoder(decoded, text).as_constant().empty());
  CHECK(graph_decoder(decoded, device).as_string() == "cpu");
  CHECK(graph_decoder(decoded, number).as_string().empty());
  CHECK(graph_decoder(decoded, number).as_constant().size() == 1);
}
