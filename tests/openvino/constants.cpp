#include <torchdeploy/openvino/constants.hpp>

#include <memory>
#include <string>
#include <vector>

#include "support/models.hpp"

namespace {
std::shared_ptr<ov::op::v0::Constant> only(ov::OutputVector const& outputs) {
  REQUIRE(outputs.size() == 1);
  return ov::as_type_ptr<ov::op::v0::Constant>(outputs.front().get_node_shared_ptr());
}
std::shared_ptr<ov::op::v0::Constant> constant(c10::IValue const& value) {
  return only(td::detail::constant_of(value));
}
}  // namespace

TEST_CASE("a tensor of every dtype becomes a constant of the same elements") {
  for (auto const dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                           at::kChar, at::kByte, at::kBool}) {
    INFO(dtype);
    auto const tensor = at::tensor({0, 1, 1, 0, 1, 0}, at::kInt).reshape({2, 3}).to(dtype);
    auto const made = constant(tensor);
    CHECK(made->get_shape() == ov::Shape{2, 3});
    CHECK(made->cast_vector<double>() == std::vector<double>{0, 1, 1, 0, 1, 0});
  }
}

TEST_CASE("a constant shares a dense tensor's memory and keeps it; others are made dense") {
  auto tensor = at::arange(6, at::kFloat).reshape({2, 3});
  void const* const memory = tensor.const_data_ptr();
  auto const made = constant(tensor);
  CHECK(made->get_data_ptr() == memory);
  tensor.reset();
  CHECK(made->cast_vector<float>() == std::vector<float>{0, 1, 2, 3, 4, 5});

  auto const rows = at::arange(6, at::kFloat).reshape({2, 3});
  CHECK(constant(rows.t())->cast_vector<float>() == std::vector<float>{0, 3, 1, 4, 2, 5});
  CHECK(constant(rows.slice(1, 1, 3))->cast_vector<float>() == std::vector<float>{1, 2, 4, 5});
  CHECK(constant(rows.slice(0, 0, 1).expand({2, 3}))->get_shape() == ov::Shape{2, 3});
  CHECK(constant(at::zeros({}))->get_shape().empty());
  CHECK(constant(at::zeros({0, 4}))->get_shape() == ov::Shape{0, 4});
  CHECK(constant(at::zeros({3}, at::kComplexFloat))->get_shape() == ov::Shape{3, 2});
}

TEST_CASE("plain values and lists of numbers become constants, other values none") {
  CHECK(constant(7)->cast_vector<std::int64_t>() == std::vector<std::int64_t>{7});
  CHECK(constant(7)->get_element_type() == ov::element::i64);
  CHECK(constant(0.5)->get_element_type() == ov::element::f32);
  CHECK(constant(true)->get_element_type() == ov::element::boolean);
  CHECK(constant(std::vector<std::int64_t>{1, 2})->get_shape() == ov::Shape{2});
  CHECK(constant(std::vector<std::int64_t>{})->get_shape() == ov::Shape{0});
  CHECK(constant(std::vector<double>{0.5})->cast_vector<float>() == std::vector<float>{0.5F});
  CHECK(constant(c10::List<bool>({true, false}))->cast_vector<bool>() == std::vector<bool>{true, false});
  for (c10::IValue const& each :
       {c10::IValue(), c10::IValue("text"), c10::IValue(c10::Device("cpu")), c10::IValue(std::vector{at::ones({1})})})
    CHECK(td::detail::constant_of(each).empty());
  CHECK(td::detail::constant_of(at::ones({2}).to_sparse()).empty());
}
