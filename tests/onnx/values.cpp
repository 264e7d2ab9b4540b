#include <torchdeploy/onnx/values.hpp>

#include <string>

#include "support/onnx_models.hpp"

using namespace test::onnx;

namespace {

std::string with_attribute(std::string const& attribute) {
  return model(graph({node("Relu", {"x"}, {"y"}).bytes(pb::onnx_node::attribute, attribute)}).text());
}
std::string with_input(std::string const& type) {
  return model(graph({node("Relu", {"x"}, {"y"})}, {value("x", type)}).text());
}
std::string with_sparse(message const& values, message const& indices, sizes const& dims) {
  auto const sparse = message()
                          .bytes(pb::onnx_sparse_tensor::values, values.text())
                          .bytes(pb::onnx_sparse_tensor::indices, indices.text())
                          .each(pb::onnx_sparse_tensor::dims, dims);
  return model(graph({node("Add", {"x", "w"}, {"y"})}).bytes(pb::onnx_graph::sparse_initializer, sparse.text()).text());
}
message floats(std::int64_t count) {
  return tensor("w", float32, {count}, std::string(static_cast<std::size_t>(4 * count), '\1'));
}

}  // namespace

TEST_CASE("an attribute whose value is not of the type that it says is refused") {
  auto const named = [] { return message().bytes(pb::onnx_attribute::name, "a"); };
  auto const typed = [&](std::int64_t type) { return named().number(pb::onnx_attribute::type, type); };
  check_all_refused({
      {"an attribute without a name", with_attribute(message().number(pb::onnx_attribute::type, 2))},
      {"attribute 'a' in graph.node[0].attribute[0] is not of the type",
       with_attribute(typed(1).number(pb::onnx_attribute::i, 1))},
      {"is not of the type that it says", with_attribute(typed(4))},
      {"is not of the type that it says", with_attribute(typed(5))},
      {"values of several types",
       with_attribute(typed(1).single(pb::onnx_attribute::f, 1).number(pb::onnx_attribute::i, 1))},
      {"no attribute type 99", with_attribute(typed(99))},
      {"has no value", with_attribute(named())},
      {"has a value, and stands for one",
       with_attribute(typed(2).number(pb::onnx_attribute::i, 1).bytes(pb::onnx_attribute::ref_attr_name, "b"))},
      {"stands for a function's, outside of any",
       with_attribute(typed(2).bytes(pb::onnx_attribute::ref_attr_name, "b"))},
      {"attribute 'a' is there twice", model(graph({node("Relu", {"x"}, {"y"})
                                                        .bytes(pb::onnx_node::attribute, typed(2).text())
                                                        .bytes(pb::onnx_node::attribute, typed(2).text())})
                                                 .text())},
  });
  CHECK(load(with_attribute(typed(2))).handle().summary->nodes() == 1);  // 0, as proto3 writes it: not
  CHECK(load(with_attribute(named().number(pb::onnx_attribute::i, 1))).handle().summary->nodes() == 1);
}

TEST_CASE("a type that is none, or two, is refused") {
  check_all_refused({
      {"no data type 0 in graph.input[0]", with_input(tensor_type(0, {1}))},
      {"no data type 1000", with_input(tensor_type(1000, {1}))},
      {"expected a size, got -7", with_input(tensor_type(float32, {-7}))},
      {"a type of several kinds",
       with_input(tensor_type(float32, {1}) +
                  message()
                      .bytes(pb::onnx_type::map_type, message().number(1, 7).bytes(2, tensor_type(float32, {})).text())
                      .text())},
      {"a type without an element type", with_input(message().bytes(pb::onnx_type::sequence_type, ""))},
      {"a map without a value type",
       with_input(message().bytes(pb::onnx_type::map_type, message().number(1, 7).text()))},
      {"input 'x' has no type", with_input("")},
  });
}

TEST_CASE("a sparse tensor with positions outside of its shape is refused") {
  auto const positions = [](sizes const& all) {
    return tensor("i", int64, {static_cast<std::int64_t>(all.size())}, raw(all));
  };
  CHECK(load(with_sparse(floats(2), positions({0, 5}), {2, 3})).handle().summary->inputs.size() == 1);
  CHECK(load(with_sparse(floats(2), tensor("i", int64, {2, 2}, raw({0, 1, 1, 2})), {2, 3})).handle().summary->nodes() ==
        1);
  check_all_refused({
      {"sparse tensor 'w': index 6 is outside of [2, 3]", with_sparse(floats(2), positions({0, 6}), {2, 3})},
      {"index -1 is outside", with_sparse(floats(1), positions({-1}), {2, 3})},
      {"index 3 is outside", with_sparse(floats(1), tensor("i", int64, {1, 2}, raw({0, 3})), {2, 3})},
      {"expected int64 indices [2] or [2, 2], got [1]", with_sparse(floats(2), positions({0}), {2, 3})},
      {"expected int64 indices", with_sparse(floats(1), tensor("i", float32, {1}, "abcd"), {2, 3})},
      {"expected sizes above 0", with_sparse(floats(1), positions({0}), {2, 0})},
      {"expected values of rank 1", with_sparse(tensor("w", float32, {1, 1}, "abcd"), positions({0}), {2})},
      {"a shape that memory holds", with_sparse(floats(1), positions({0}), {1LL << 40, 1LL << 40})},
  });
}

TEST_CASE("inputs and outputs that are no tensors, or of a type that LibTorch has not, say what they are") {
  auto const type_of = [](std::string const& name) { return td::load<td::Onnx>(path(name)).handle().inputs().at(0); };
  CHECK(td::to_text(type_of("strings")) == "words: Tensor[string] [?]");
  CHECK_FALSE(type_of("strings").dtype);
  CHECK(type_of("optional").type == "Optional[Tensor]");
  CHECK(td::load<td::Onnx>(path("sequence")).handle().outputs().at(0).type == "List[Tensor]");
  auto const map = message().bytes(pb::onnx_type::map_type, message().number(1, 7).bytes(2, tensor_type(1, {})).text());
  CHECK(load(with_input(map)).handle().inputs().at(0).type == "Dict[int64, Tensor]");
  auto const int4 = load(with_input(tensor_type(22, {2, -1}))).handle().inputs().at(0);
  CHECK(td::to_text(int4) == "x: Tensor[int4] [2, ?]");
}
