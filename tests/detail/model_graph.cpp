#include <torchdeploy/detail/libtorch/model_graph.hpp>

#include "support/models.hpp"

namespace {
std::size_t count(torch::jit::Graph& graph, std::string_view kind) {
  std::size_t nodes = 0;
  td::detail::for_each_node(graph, [&](torch::jit::Node* node) { nodes += td::detail::is_operator(node, kind); });
  return nodes;
}
torch::jit::Module switched(bool value, std::string const& body) {
  torch::jit::Module module("Switched");
  module.register_attribute("on", c10::BoolType::get(), value);
  module.define("def forward(self, x):\n" + body + "\n");
  return module;
}
}  // namespace

TEST_CASE("nodes inside of branches and loops are visited") {
  auto const graph =
      td::detail::settled_graph(test::scripted("def forward(self, x):\n"
                                               "    for i in range(x.size(0)):\n"
                                               "        if x.size(1) > i:\n"
                                               "            x = torch.relu(x)\n"
                                               "    return torch.relu(x)"));
  CHECK(count(*graph, "aten::relu") == 2);
}

TEST_CASE("a setting that nothing writes decides its branches, one that is written does not") {
  std::string const body = "    if self.on:\n        return torch.relu(x)\n    return torch.tanh(x)";
  auto graph = td::detail::settled_graph(switched(true, body));
  CHECK(count(*graph, "aten::relu") == 1);
  CHECK(count(*graph, "aten::tanh") == 0);
  CHECK(count(*td::detail::settled_graph(switched(false, body)), "aten::relu") == 0);
  graph = td::detail::settled_graph(switched(true, "    self.on = not self.on\n" + body));
  CHECK(count(*graph, "aten::relu") == 1);
  CHECK(count(*graph, "aten::tanh") == 1);
}

TEST_CASE("to look at a graph leaves the model as it was") {
  auto const module = switched(true, "    if self.on:\n        x = torch.relu(x)\n    return x");
  auto const before = module.get_method("forward").graph()->toString(false);
  (void)td::detail::settled_graph(module);
  CHECK(module.get_method("forward").graph()->toString(false) == before);
}

TEST_CASE("an attribute has a path from the model, other values have none") {
  torch::jit::Module inner("Inner");
  inner.register_buffer("weight", at::full({1}, 7));
  torch::jit::Module module("Net");
  module.register_module("inner", inner);
  module.define("def forward(self, x):\n    return torch.mul(x, self.inner.weight)\n");
  auto const graph = td::detail::settled_graph(module);
  td::detail::for_each_node(*graph, [&](torch::jit::Node* node) {
    if (!td::detail::is_operator(node, "aten::mul")) return;
    CHECK_FALSE(td::detail::path_of(node->input(0)));
    CHECK_FALSE(td::detail::path_of(node->output()));
    auto const path = td::detail::path_of(node->input(1));
    REQUIRE(path);
    CHECK(td::detail::joined(*path) == "inner.weight");
    CHECK(td::detail::attribute_at(module, *path).toTensor().item<float>() == 7);
  });
  CHECK(td::detail::joined(td::detail::attribute_path{}).empty());
}

TEST_CASE("operators in place have the names of the others") {
  auto const graph =
      td::detail::settled_graph(test::scripted("def forward(self, x):\n    return x.relu_().__and__(x)"));
  std::vector<std::string> names;
  td::detail::for_each_node(*graph, [&](torch::jit::Node* node) { names.push_back(td::detail::operator_name(node)); });
  CHECK(names == std::vector<std::string>{"relu", "__and__"});
}

TEST_CASE("bytes of a model are counted once for each storage") {
  auto const shared = at::ones({4, 4});
  torch::jit::Module module("Net");
  module.register_buffer("a", shared);
  module.register_buffer("b", shared);
  module.register_buffer("none", at::Tensor());
  module.define("def forward(self, x):\n    return x\n");
  CHECK(td::detail::tensor_bytes(module) == 64);
  CHECK(td::detail::tensor_bytes(test::scripted("def forward(self, x):\n    return x")) == 0);
}
