#include <torchdeploy/onnx/tensor.hpp>

#include <limits>
#include <string>

#include "support/onnx_models.hpp"

using namespace test::onnx;

namespace {

std::string with(message const& initializer) {
  return model(graph({node("Add", {"x", "w"}, {"y"})}, {value("x")}, {value("y")}, {initializer}).text());
}
std::string packed(std::size_t floats) { return std::string(4 * floats, '\1'); }

}  // namespace

TEST_CASE("a tensor whose data are not what its shape and type ask for is refused by its name") {
  constexpr auto huge = std::numeric_limits<std::int64_t>::max();
  check_all_refused({
      {"tensor 'w': expected 16 bytes for float32 [4], got 12", with(tensor("w", float32, {4}, packed(3)))},
      {"expected 16 bytes for float32 [4], got 20", with(tensor("w", float32, {4}, packed(5)))},
      {"expected 16 bytes for float32 [4], got 0", with(tensor("w", float32, {4}))},
      {"expected 0 bytes for float32 [0], got 4", with(tensor("w", float32, {0}, packed(1)))},
      {"expected sizes of 0 or more, got [-4]", with(tensor("w", float32, {-4}, packed(4)))},
      {"no memory holds a shape of [9223372036854775807, 2]", with(tensor("w", float32, {huge, 2}, packed(1)))},
      {"no memory holds a shape of [4294967296, 4294967296, 0]",
       with(tensor("w", float32, {1LL << 32, 1LL << 32, 0}, ""))},
      {"no data type 0", with(tensor("w", 0, {1}, packed(1)))},
      {"no data type 77", with(tensor("w", 77, {1}, packed(1)))},
      {"no data type -1", with(tensor("w", -1, {1}, packed(1)))},
      {"data twice", with(tensor("w", float32, {1}, packed(1)).bytes(pb::onnx_tensor::float_data, packed(1)))},
      {"in a field of another type", with(tensor("w", int64, {1}).bytes(pb::onnx_tensor::float_data, packed(1)))},
      {"expected 3 numbers for float32 [3], got 2",
       with(tensor("w", float32, {3}).bytes(pb::onnx_tensor::float_data, packed(2)))},
      {"expected 2 numbers for complex64 [1], got 1",
       with(tensor("w", 14, {1}).bytes(pb::onnx_tensor::float_data, packed(1)))},
      {"expected 2 bytes for int4 [3], got 3", with(tensor("w", 22, {3}, "abc"))},
      {"expected 2 numbers for string [2], got 1",
       with(tensor("w", string, {2}).bytes(pb::onnx_tensor::string_data, "one"))},
      {"strings as raw data", with(tensor("w", string, {1}, "one"))},
      {"is a segment", with(tensor("w", float32, {1}, packed(1)).bytes(pb::onnx_tensor::segment, ""))},
      {"a rank of 64 at most, got 65", with(tensor("w", float32, sizes(65, 1), packed(1)))},
      {"graph.node[0].attribute[0].t: expected 4 bytes",  // a tensor without a name: its place
       model(graph({node("Constant", {}, {"y"})
                        .bytes(pb::onnx_node::attribute,
                               attribute("value", 4, pb::onnx_attribute::t, tensor("", float32, {1}, "abc").text()))})
                 .text())},
  });
}

TEST_CASE("tensors load with their data raw, packed or one by one, of every type") {
  auto const loads = [](message const& initializer) { return load(with(initializer)).handle().summary->nodes() == 1; };
  CHECK(loads(tensor("w", float32, {2}).bytes(pb::onnx_tensor::float_data, packed(2))));
  CHECK(loads(tensor("w", float32, {2}).single(pb::onnx_tensor::float_data, 1).single(pb::onnx_tensor::float_data, 2)));
  CHECK(loads(tensor("w", int64, {2}).number(pb::onnx_tensor::int64_data, 1).number(pb::onnx_tensor::int64_data, -1)));
  CHECK(loads(tensor("w", int64, {3}).bytes(pb::onnx_tensor::int64_data, "\1\2\3")));
  CHECK(loads(tensor("w", float32, {0, 7}, "")));
  CHECK(loads(tensor("w", float32, {}).bytes(pb::onnx_tensor::raw_data, packed(1))));  // no dimension: one number
  CHECK(loads(
      tensor("w", string, {2}).bytes(pb::onnx_tensor::string_data, "one").bytes(pb::onnx_tensor::string_data, "")));
  CHECK(loads(tensor("w", 16, {2}, "abcd")));                                    // bfloat16
  CHECK(loads(tensor("w", 17, {2}, "ab")));                                      // float8
  CHECK(loads(tensor("w", 17, {2}).bytes(pb::onnx_tensor::int32_data, "\1\2")));  // float8, a number each
  CHECK(loads(tensor("w", 21, {3}, "ab")));                                      // uint4, two to a byte
  CHECK(loads(tensor("w", 21, {3}).bytes(pb::onnx_tensor::int32_data, "\1\2")));
  CHECK(loads(tensor("w", 25, {5}, "ab")));   // uint2, four to a byte
  CHECK(loads(tensor("w", 27, {3}, "abc")));  // six bits each
  CHECK(loads(tensor("w", 15, {1}, std::string(16, '\0'))));
}
