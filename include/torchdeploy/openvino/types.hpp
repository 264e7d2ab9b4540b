#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <cstdint>
#include <optional>

#include <openvino/core/any.hpp>
#include <openvino/core/partial_shape.hpp>
#include <openvino/core/type/element_type.hpp>
#include <openvino/frontend/decoder.hpp>

#include <torchdeploy/detail/libtorch/module.hpp>

/// What LibTorch and OpenVINO call the same kinds of values. Opt-in: CMake's component OpenVino, or TORCHDEPLOY_WITH_OPENVINO.
namespace torchdeploy::inline v0::detail {

/// Of a complex tensor: of its parts. `dynamic` where OpenVINO has no such type.
inline ov::element::Type element_type(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
    case at::kComplexFloat:
      return ov::element::f32;
    case at::kDouble:
    case at::kComplexDouble:
      return ov::element::f64;
    case at::kHalf:
    case at::kComplexHalf:
      return ov::element::f16;
    case at::kBFloat16:
      return ov::element::bf16;
    case at::kLong:
      return ov::element::i64;
    case at::kInt:
    case at::kQInt32:
      return ov::element::i32;
    case at::kShort:
      return ov::element::i16;
    case at::kChar:
    case at::kQInt8:
      return ov::element::i8;
    case at::kByte:
    case at::kQUInt8:
      return ov::element::u8;
    case at::kUInt16:
      return ov::element::u16;
    case at::kUInt32:
      return ov::element::u32;
    case at::kUInt64:
      return ov::element::u64;
    case at::kBool:
      return ov::element::boolean;
    case at::kFloat8_e4m3fn:
      return ov::element::f8e4m3;
    case at::kFloat8_e5m2:
      return ov::element::f8e5m2;
    default:
      return ov::element::dynamic;
  }
}

/// The dtype of a tensor that holds such elements; nothing where LibTorch has none.
inline std::optional<at::ScalarType> scalar_type(ov::element::Type const& type) {
  for (auto const dtype :
       {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort, at::kChar, at::kByte,
        at::kUInt16, at::kUInt32, at::kUInt64, at::kBool, at::kFloat8_e4m3fn, at::kFloat8_e5m2})
    if (element_type(dtype) == type) return dtype;
  return std::nullopt;
}

/// A type as OpenVINO's front end for PyTorch understands it.
inline ov::Any type_of(c10::Type const& type) {
  namespace kinds = ov::frontend::type;
  switch (type.kind()) {
    case c10::TypeKind::IntType:
      return kinds::PyScalar(ov::element::i64);
    case c10::TypeKind::FloatType:
      return kinds::PyScalar(ov::element::f32);
    case c10::TypeKind::BoolType:
      return kinds::PyScalar(ov::element::boolean);
    case c10::TypeKind::StringType:
    case c10::TypeKind::DeviceObjType:
      return kinds::Str();
    case c10::TypeKind::NoneType:
      return kinds::PyNone();
    case c10::TypeKind::ListType:
      return kinds::List(type_of(*type.expectRef<c10::ListType>().getElementType()));
    case c10::TypeKind::TensorType: {
      auto const dtype = type.expectRef<c10::TensorType>().scalarType();
      ov::Any element = dtype ? element_type(*dtype) : ov::element::Type(ov::element::dynamic);
      return kinds::Tensor(dtype && at::isComplexType(*dtype) ? ov::Any(kinds::Complex(element)) : element);
    }
    default:
      return ov::element::Type(ov::element::dynamic);
  }
}

/// The rank where it is known; sizes stay open, since they would not hold for other inputs.
inline ov::PartialShape shape_of(c10::Type const& type) {
  auto const* const tensor = type.castRaw<c10::TensorType>();
  auto const rank = tensor ? tensor->dim() : std::nullopt;
  return rank ? ov::PartialShape::dynamic(static_cast<std::int64_t>(*rank)) : ov::PartialShape::dynamic();
}

}  // namespace torchdeploy::inline v0::detail
#endif
