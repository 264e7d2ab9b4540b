#include <torchdeploy/onnx/builder.hpp>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace td = torchdeploy;

TEST_CASE("a constant is stored once, and again when it was dropped") {
  td::onnx_builder onnx(17);
  auto const weight = test::noise({8, 8}).front();
  auto const first = onnx.constant(weight, "weight");
  CHECK(onnx.constant(weight) == first);
  CHECK(onnx.constant(weight.clone()) != first);
  CHECK(onnx.integer(3) == onnx.integer(3));
  onnx.tensors().clear();  // the memory may be another tensor's from here on
  CHECK(onnx.constant_of(onnx.constant(weight)).has_value());
}

TEST_CASE("a weight that is read transposed twice is copied once") {
  td::onnx_builder onnx(17);
  auto const weight = onnx.constant(test::noise({8, 4}).front(), "layer.weight");
  auto const turned = onnx.transpose(weight, {1, 0});
  CHECK(onnx.transpose(weight, {1, 0}) == turned);
  CHECK(onnx.names().at(turned) == "layer.weight");
  CHECK(onnx.constant_of(turned)->size(0) == 4);
  CHECK(onnx.nodes().empty());
}

TEST_CASE("nodes differ by their attributes") {
  td::onnx_builder onnx(17);
  auto const x = onnx.input();
  auto const rnn = [&](std::vector<std::string> const& activations) {
    return onnx.emit("RNN", {x}, {{"activations", activations}});
  };
  CHECK(rnn({"Relu"}) == rnn({"Relu"}));
  CHECK(rnn({"Relu"}) != rnn({"Tanh"}));
  CHECK(onnx.nodes().size() == 2);
}
