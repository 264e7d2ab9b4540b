#include <torchdeploy/onnx/wire.hpp>

#include <string>

#include "support/onnx_models.hpp"

using namespace test::onnx;

namespace {

std::string cut(std::string text, std::size_t bytes) {
  text.resize(text.size() - bytes);
  return text;
}

/// If in If in If: the innermost reads x of the graph around all.
std::string nested(int depth) {
  auto const plain = graph({node("Identity", {"x"}, {"z"})}, {}, {value("z")}).text();
  auto inner = plain;
  for (int i = 0; i < depth; ++i)
    inner = graph({node("If", {"flag"}, {"z"})
                       .bytes(pb::onnx_node::attribute, body("then_branch", inner))
                       .bytes(pb::onnx_node::attribute, body("else_branch", plain))},
                  {}, {value("z")});
  return model(graph({node("If", {"flag"}, {"y"})
                          .bytes(pb::onnx_node::attribute, body("then_branch", inner))
                          .bytes(pb::onnx_node::attribute, body("else_branch", plain))},
                     {value("x"), value("flag", tensor_type(9, {}))})
                   .text());
}

}  // namespace

TEST_CASE("protobuf that is cut, mistyped or nested without end is refused with the place in the message") {
  auto const cut_node = cut(node("Relu", {"x"}, {"y"}), 1);
  check_all_refused({
      {"damaged or cut short: expected", cut(relu(), 3)},
      {"graph.node[0].op_type", model(graph({cut_node}).text())},
      {"wire type 2, got 0 in graph.name", model(message().number(pb::onnx_graph::name, 1).text())},
      {"wire type 0, got 2 in ir_version", message().bytes(8, opset("", 17)).bytes(1, "8").bytes(7, "")},
      {"comes once comes again in graph", std::string(relu()) + message().bytes(pb::onnx_model::graph, "").text()},
      {"got wire type 3", relu() + "\xFB\x07"},
      {"got number 0", relu() + std::string(1, '\0') + "\1"},
      {"a number is cut off or too long", relu() + std::string("\x28\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01")},
      {"expected 4294967301 bytes", relu() + std::string("\x32\x85\x80\x80\x80\x10hello")},  // 2^32 + 5
      {"numbers are cut off", model(graph({node("Relu", {"x"}, {"y"})}, {value("x")}, {value("y")},
                                          {tensor("w", float32, {1}).bytes(pb::onnx_tensor::float_data, "abc")})
                                        .text())},
      {"deeper than 100", nested(40)},
  });
}

TEST_CASE("graphs within graphs load as deep as protobuf's own readers go") {
  CHECK(load(nested(30)).handle().summary->operators.at("If") == 31);
}

TEST_CASE("fields of a newer ONNX are passed over") {
  auto const newer = relu() + message().number(900, 1).bytes(901, "new").single(902, 1.F).text();
  CHECK(load(newer).handle().summary->nodes() == 1);
}
