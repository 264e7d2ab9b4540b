#include <torchdeploy/onnx/dimensions.hpp>

#include <set>
#include <string>

#include "support/onnx_models.hpp"

using namespace test::onnx;

namespace {

/// A tensor whose dimensions have names, or where these are empty a size of 4.
std::string named(std::string const& input, names const& dimensions) {
  message shape;
  for (auto const& each : dimensions) {
    message dim;
    if (each.empty())
      dim.number(pb::onnx_tensor_shape_dimension::dim_value, 4);
    else
      dim.bytes(pb::onnx_tensor_shape_dimension::dim_param, each);
    shape.bytes(pb::onnx_tensor_shape::dim, dim.text());
  }
  auto const inside =
      message().number(pb::onnx_type_tensor::elem_type, float32).bytes(pb::onnx_type_tensor::shape, shape.text());
  return value(input, message().bytes(pb::onnx_type::tensor_type, inside.text()).text());
}

std::set<std::string> dimensions_of(names const& inputs, names const& outputs = {value("y")}) {
  return pb::named_dimensions(model(graph({node("Relu", {"x"}, {"y"})}, inputs, outputs).text()).text());
}

}  // namespace

TEST_CASE("names of dimensions are those of inputs, each once") {
  CHECK(dimensions_of({named("x", {"batch", "", "height"})}) == std::set<std::string>{"batch", "height"});
  CHECK(dimensions_of({named("x", {"batch", ""}), named("m", {"batch", "tokens"})}) ==
        std::set<std::string>{"batch", "tokens"});
  CHECK(dimensions_of({named("x", {"", ""})}).empty());
  CHECK(dimensions_of({named("x", {})}, {named("y", {"batch"})}).empty());
  CHECK(pb::named_dimensions("").empty());
}
