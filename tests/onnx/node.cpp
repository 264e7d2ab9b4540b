#include <torchdeploy/onnx/node.hpp>

#include "support/onnx_models.hpp"

TEST_CASE("a node is read with its domain, of which the standard one has two names") {
  auto const text = test::onnx::node("Gelu", {"x", ""}, {"y"}).bytes(td::detail::onnx_node::domain, "ai.onnx").text();
  td::detail::onnx_node_view const node(text);
  CHECK(node.type == "Gelu");
  CHECK(node.domain.empty());
  CHECK(node.inputs == std::vector<std::string_view>{"x", ""});
  CHECK(td::detail::onnx_operator_name("", "Gelu") == "Gelu");
  CHECK(td::detail::onnx_operator_name("com.microsoft", "Gelu") == "com.microsoft::Gelu");
}

TEST_CASE("a scope knows its own names and those around it") {
  td::detail::onnx_scope outer;
  CHECK(outer.add("a"));
  td::detail::onnx_scope inner(&outer);
  CHECK(inner.has("a"));
  CHECK(inner.add("a"));  // what a subgraph names again is its own
  CHECK_FALSE(inner.add("a"));
  CHECK(inner.add("b"));
  CHECK_FALSE(outer.has("b"));
}
