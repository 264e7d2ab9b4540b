#include <torchdeploy/onnx/graph.hpp>

#include <string>
#include <vector>

#include "support/onnx_models.hpp"

using namespace test::onnx;

namespace {

std::string of(std::vector<std::string> const& nodes, std::int64_t opset_version = 17) {
  return model(graph(nodes).text(), opset_version);
}
std::string named_node(std::string_view name, std::string_view type, names const& inputs, names const& outputs) {
  return node(type, inputs, outputs).bytes(pb::onnx_node::name, name);
}
message function(std::string_view name, names const& nodes) {
  return message()
      .bytes(pb::onnx_function::name, name)
      .bytes(pb::onnx_function::domain, "org.acme")
      .bytes(pb::onnx_function::input, "x")
      .bytes(pb::onnx_function::output, "y")
      .each(pb::onnx_function::node, nodes)
      .bytes(pb::onnx_function::opset_import, opset("", 17))
      .bytes(pb::onnx_function::opset_import, opset("org.acme", 1));
}
std::string call(std::string_view name, std::string_view from, std::string_view to) {
  return node(name, {std::string(from)}, {std::string(to)}).bytes(pb::onnx_node::domain, "org.acme");
}
std::string with_functions(std::vector<std::string> const& functions) {
  return model(graph({call("F0", "x", "y")}).text())
      .bytes(pb::onnx_model::opset_import, opset("org.acme", 1))
      .each(pb::onnx_model::functions, functions);
}
std::string branch(std::string const& from) { return graph({node("Relu", {from}, {"z"})}, {}, {value("z")}); }
std::string flag_graph(message const& only, std::vector<std::string> const& before = {}) {
  auto nodes = before;
  nodes.push_back(only);
  return model(graph(nodes, {value("x"), value("flag", tensor_type(9, {}))}).text());
}
message choice(std::string const& then_branch, std::string const& else_branch) {
  return node("If", {"flag"}, {"y"})
      .bytes(pb::onnx_node::attribute, body("then_branch", then_branch))
      .bytes(pb::onnx_node::attribute, body("else_branch", else_branch));
}

}  // namespace

TEST_CASE("nodes that read what nobody makes, or make what is there, are refused by their name") {
  check_all_refused({
      {"node 'first' (Relu): input 'ghost' is made by no node before it",
       of({named_node("first", "Relu", {"ghost"}, {"y"})})},
      {"node 0 (Relu): input 'later' is made by no node before it",
       of({node("Relu", {"later"}, {"y"}), node("Relu", {"x"}, {"later"})})},
      {"node 0 (Relu): input 'y' is made by no node before it", of({node("Relu", {"y"}, {"y"})})},
      {"node 1 (Relu): output 'y' is there already", of({node("Relu", {"x"}, {"y"}), node("Relu", {"x"}, {"y"})})},
      {"output 'x' is there already", of({node("Relu", {"x"}, {"x"})})},
      {"output 'y' is made by no node", of({node("Relu", {"x"}, {"z"})})},
      {"input 'x' is there twice", model(graph({node("Relu", {"x"}, {"y"})}, {value("x"), value("x")}).text())},
      {"initializer 'w' is there twice",
       model(graph({node("Relu", {"w"}, {"y"})}, {}, {value("y")},
                   {tensor("w", float32, {1}, "abcd"), tensor("w", float32, {1}, "abcd")})
                 .text())},
      {"an initializer without a name",
       model(
           graph({node("Relu", {"x"}, {"y"})}, {value("x")}, {value("y")}, {tensor("", float32, {1}, "abcd")}).text())},
      {"an input without a name", model(graph({node("Relu", {"x"}, {"y"})}, {value("")}).text())},
      {"has no operator", of({node("", {"x"}, {"y"})})},
      {"expected a graph with outputs", model(graph({node("Relu", {"x"}, {"y"})}, {value("x")}, {}).text())},
      {"imports no opset of domain 'org.acme'", of({call("Levitate", "x", "y")})},
  });
}

TEST_CASE("an operator with too few or too many inputs or outputs in its opset is refused") {
  check_all_refused({
      {"node 0 (Conv): expected 2 or more inputs, got 1", of({node("Conv", {"x"}, {"y"})})},
      {"node 0 (Conv): input 1 is missing", of({node("Conv", {"x", "", "x"}, {"y"})})},
      {"node 0 (Conv): input 0 is missing", of({node("Conv", {"", "x"}, {"y"})})},
      {"node 0 (Relu): expected 0 to 1 inputs, got 2", of({node("Relu", {"x", "x"}, {"y"})})},
      {"node 0 (Relu): expected 1 or more inputs, got 0", of({node("Relu", {}, {"y"})})},
      {"node 0 (Relu): expected 1 outputs, got 2", of({node("Relu", {"x"}, {"y", "z"})})},
      {"node 0 (Add): expected 2 or more inputs, got 1", of({node("Add", {"x"}, {"y"})})},
      {"node 0 (Clip): expected 0 to 1 inputs, got 3", of({node("Clip", {"x", "x", "x"}, {"y"})}, 10)},
      {"node 0 (Dropout): expected 1 to 2 outputs, got 0",
       of({node("Dropout", {"x"}, {}), node("Relu", {"x"}, {"y"})})},
  });
  auto const loads = [](std::string const& bytes) { return load(bytes).handle().summary->nodes() == 1; };
  CHECK(loads(of({node("Clip", {"x", "x", "x"}, {"y"})})));
  CHECK(loads(of({node("Clip", {"x", "", ""}, {"y"})})));
  CHECK(loads(of({node("Relu", {"x", ""}, {"y"})})));
  CHECK(loads(
      of({node("Conv", {"x"}, {"y"})}, td::detail::onnx_newest_opset + 1)));  // not known yet: the runtime's matter
  CHECK(loads(of({node("Unheard", {"x", "x", "x"}, {"y"})})));
}

TEST_CASE("subgraphs read what is around them, and fit the operator that runs them") {
  CHECK(load(flag_graph(choice(branch("x"), branch("x")))).handle().summary->operators.at("Relu") == 2);
  auto const loop = [](std::string const& inside) {
    return flag_graph(node("Loop", {"", "flag", "x"}, {"y"}).bytes(pb::onnx_node::attribute, body("body", inside)));
  };
  auto const inputs = names{value("i"), value("on"), value("before")};
  check_all_refused({
      {"input 'ghost' is made by no node before it", flag_graph(choice(branch("x"), branch("ghost")))},
      {"expected a graph as attribute 'else_branch', got none",
       flag_graph(node("If", {"flag"}, {"y"}).bytes(pb::onnx_node::attribute, body("then_branch", branch("x"))))},
      {"expected 0 inputs of a branch, got 1",
       flag_graph(choice(branch("x"), graph({node("Relu", {"q"}, {"z"})}, {value("q")}, {value("z")})))},
      {"expected 0 outputs, got 1", flag_graph(choice(branch("x"), graph({}, {}, {})))},
      {"expected a graph as attribute 'body', got none", flag_graph(node("Loop", {"", "flag", "x"}, {"y"}))},
      {"expected 3 inputs of the body, got 1", loop(graph({}, {value("on")}, {value("on"), value("on")}))},
      {"expected 2 or more outputs of the body, got 1", loop(graph({}, inputs, {value("on")}))},
      {"output 'never' is made by no node", loop(graph({}, inputs, {value("on"), value("never")}))},
  });
  CHECK(load(loop(graph({}, inputs, {value("on"), value("before")}))).handle().outputs().size() == 1);
}

TEST_CASE("a model's own functions are checked, and none may call itself or grow without bound") {
  CHECK(load(with_functions({function("F0", {node("Relu", {"x"}, {"y"})})}))
            .handle()
            .summary->has_operator("org.acme::F0"));
  std::vector<std::string> bombs;
  for (int i = 0; i < 40; ++i)
    bombs.push_back(function("F" + std::to_string(i), {call("F" + std::to_string(i + 1), "x", "z"),
                                                       call("F" + std::to_string(i + 1), "z", "y")}));
  bombs.push_back(function("F40", {node("Relu", {"x"}, {"y"})}));
  check_all_refused({
      {"function 'F0' calls itself", with_functions({function("F0", {call("F0", "x", "y")})})},
      {"calls itself",
       with_functions({function("F0", {call("F1", "x", "y")}), function("F1", {call("F0", "x", "y")})})},
      {"stands for more than 10000000 nodes", with_functions(bombs)},
      {"function 'F0' is there twice", with_functions({function("F0", {}), function("F0", {})})},
      {"input 'ghost' is made by no node before it",
       with_functions({function("F0", {node("Relu", {"ghost"}, {"y"})})})},
      {"function 'F0': output 'y' is made by no node", with_functions({function("F0", {})})},
      {"expected 0 to 1 inputs, got 2",
       model(graph({node("F0", {"x", "x"}, {"y"}).bytes(pb::onnx_node::domain, "org.acme")}).text())
           .bytes(pb::onnx_model::opset_import, opset("org.acme", 1))
           .bytes(pb::onnx_model::functions, function("F0", {node("Relu", {"x"}, {"y"})}).text())},
  });
}
