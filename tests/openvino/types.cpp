#include <torchdeploy/openvino/types.hpp>

#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

#include "support/models.hpp"

namespace kinds = ov::frontend::type;
using td::detail::type_of;

TEST_CASE("each dtype goes to OpenVINO and back") {
  for (auto const dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                           at::kChar, at::kByte, at::kBool, at::kFloat8_e4m3fn, at::kFloat8_e5m2}) {
    auto const there = td::detail::element_type(dtype);
    CHECK(td::detail::scalar_type(there) == dtype);
    CHECK(there.size() == at::elementSize(dtype));
  }
  CHECK(td::detail::element_type(at::kComplexFloat) == ov::element::f32);  // its parts
  CHECK(td::detail::element_type(at::ScalarType::Undefined) == ov::element::dynamic);
  CHECK_FALSE(td::detail::scalar_type(ov::element::string));
}

TEST_CASE("types are what OpenVINO's front end calls them") {
  CHECK(type_of(*c10::IntType::get()).as<kinds::PyScalar>().element_type.as<ov::element::Type>() == ov::element::i64);
  CHECK(type_of(*c10::FloatType::get()).as<kinds::PyScalar>().element_type.as<ov::element::Type>() == ov::element::f32);
  CHECK(type_of(*c10::StringType::get()).is<kinds::Str>());
  CHECK(type_of(*c10::NoneType::get()).is<kinds::PyNone>());
  CHECK(type_of(*c10::ListType::ofInts()).as<kinds::List>().element_type.is<kinds::PyScalar>());
  CHECK(type_of(*c10::ListType::ofTensors()).as<kinds::List>().element_type.is<kinds::Tensor>());
  CHECK(type_of(*c10::TensorType::create(at::zeros({1}))).as<kinds::Tensor>().element_type.as<ov::element::Type>() ==
        ov::element::f32);
  CHECK(type_of(*c10::TensorType::create(at::zeros({1}, at::kComplexFloat)))
            .as<kinds::Tensor>()
            .element_type.is<kinds::Complex>());
}

TEST_CASE("a rank that is known is kept, a size is not") {
  CHECK(td::detail::shape_of(*c10::TensorType::create(at::zeros({2, 3}))) == ov::PartialShape{-1, -1});
  CHECK(td::detail::shape_of(*c10::TensorType::get()).rank().is_dynamic());
  CHECK(td::detail::shape_of(*c10::IntType::get()).rank().is_dynamic());
}
