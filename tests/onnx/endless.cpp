#include <torchdeploy/onnx/endless.hpp>

#include <cstdint>
#include <limits>
#include <string>

#include "support/onnx_models.hpp"

using namespace test::onnx;

namespace {

constexpr std::int64_t boolean = 9;

std::string constant(std::string_view name, std::string_view tensor) {
  return node("Constant", {}, {std::string(name)})
      .bytes(pb::onnx_node::attribute, attribute("value", 4, pb::onnx_attribute::t, tensor));
}
std::string yes(std::string_view name) { return tensor(name, boolean, {}, std::string(1, '\1')); }
std::string number(std::string_view name, std::int64_t value) { return tensor(name, int64, {}, raw({value})); }

/// x goes through a loop whose body makes `cond`, from "on", by these nodes.
std::string looping(names const& inputs, names const& nodes, std::string const& cond, names const& initializers = {}) {
  auto const inside = graph(nodes, {value("i"), value("on"), value("before")}, {value(cond), value("before")}).text();
  return model(graph({node("Loop", inputs, {"y"}).bytes(pb::onnx_node::attribute, body("body", inside))},
                     {value("x"), value("flag", tensor_type(boolean, {})), value("times", tensor_type(int64, {}))},
                     {value("y")}, initializers)
                   .text());
}

}  // namespace

TEST_CASE("a loop of an ONNX model that nothing ends is refused by name") {
  auto const says = std::string("node 0 (Loop) never ends: it has no trip count, and its condition is always true");
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  check_all_refused({
      {says, looping({"", "", "x"}, {}, "on")},
      {says,
       looping({"", "", "x"}, {node("Identity", {"on"}, {"still"}), node("Identity", {"still"}, {"yet"})}, "yet")},
      {says, looping({"", "", "x"}, {constant("still", yes(""))}, "still")},
      {says, looping({"", "true", "x"}, {}, "true", {yes("true")})},
      {says, looping({"most", "true", "x"}, {}, "on", {yes("true"), number("most", most)})},
      {says,
       looping({"", "true", "x"}, {}, "on", {tensor("true", boolean, {1}).number(pb::onnx_tensor::int32_data, 1)})},
  });
}

TEST_CASE("a loop of an ONNX model that something may end is not refused") {
  auto const loads = [](std::string const& bytes) { return load(bytes).handle().outputs().size() == 1; };
  CHECK(loads(looping({"times", "", "x"}, {}, "on")));
  CHECK(loads(looping({"", "flag", "x"}, {}, "on")));  // false, by the caller
  CHECK(loads(looping({"five", "", "x"}, {}, "on", {number("five", 5)})));
  CHECK(loads(looping({"", "", "x"}, {node("Not", {"on"}, {"off"})}, "off")));
  CHECK(loads(looping({"", "", "x"}, {constant("off", tensor("", boolean, {}, std::string(1, '\0')).text())}, "off")));
  CHECK(loads(looping({"", "flag", "x"}, {}, "on", {yes("flag")})));  // an input with a default
  CHECK(loads(looping({"", "", "x"}, {node("Less", {"i", "times"}, {"on_yet"})}, "on_yet")));
}
