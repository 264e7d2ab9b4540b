#include <torchdeploy/openvino/call_shapes.hpp>

#include <cstdint>
#include <memory>
#include <vector>

#include <openvino/op/add.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/non_zero.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/transpose.hpp>

#include "support/openvino.hpp"

namespace {

using td::detail::call_shapes;
using sizes = std::vector<td::detail::tensor_sizes>;

/// One operator on a tensor of this shape.
template <class Op, class... Args>
std::shared_ptr<ov::Model> of(ov::PartialShape const& shape, Args const&... args) {
  auto const x = std::make_shared<ov::op::v0::Parameter>(ov::element::f32, shape);
  auto const op = std::make_shared<Op>(x, args...);
  return std::make_shared<ov::Model>(ov::OutputVector{op}, ov::ParameterVector{x});
}
std::shared_ptr<ov::Node> turned() { return ov::op::v0::Constant::create(ov::element::i64, {2}, {1, 0}); }
std::shared_ptr<ov::Node> three() { return ov::op::v0::Constant::create(ov::element::f32, {3}, {1, 2, 3}); }

call_shapes& worked_out(td::detail::shape_book& book, ov::Model const& model, sizes const& inputs) {
  auto const shapes = book.of(inputs);
  book.work_out(model, inputs, *shapes);
  return *shapes;
}

}  // namespace

TEST_CASE("the sizes of results follow from those of inputs where no value is looked at") {
  td::detail::shape_book book;
  auto const model = of<ov::op::v1::Transpose>({-1, 3}, turned());
  CHECK_FALSE(book.of({{5, 3}})->known());
  auto const& five = worked_out(book, *model, {{5, 3}});
  CHECK(five.known());
  CHECK(five.outputs == sizes{{3, 5}});
  CHECK(worked_out(book, *model, {{2, 3}}).outputs == sizes{{3, 2}});
  CHECK(book.of({{5, 3}})->known());  // as it was
  CHECK(model->is_dynamic());
  CHECK(worked_out(book, *of<ov::op::v0::Relu>({4, 4}), {{4, 4}}).outputs == sizes{{4, 4}});
}

TEST_CASE("sizes that values decide, or that the model can't have, are known to be so") {
  td::detail::shape_book book;
  auto const& found = worked_out(book, *of<ov::op::v3::NonZero>({-1, 3}, ov::element::i64), {{5, 3}});
  CHECK_FALSE(found.known());
  CHECK(found.sizes == call_shapes::from_values);
  auto const& wrong = worked_out(book, *of<ov::op::v1::Add>({-1, 3}, three()), {{5, 4}});
  CHECK_FALSE(wrong.known());
  CHECK(wrong.sizes == call_shapes::from_values);
}

TEST_CASE("the book of sizes is bounded, and what is in use stays") {
  td::detail::shape_book book;
  auto const first = book.of({{0}});
  first->succeeded = 3;
  CHECK(book.of({{0}}) == first);
  for (std::int64_t i = 1; i < 1000; ++i) (void)book.of({{i}});
  CHECK(first->succeeded == 3);
  CHECK(book.of({{0}}) != first);
}
