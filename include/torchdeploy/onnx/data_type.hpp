#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include <torchdeploy/detail/libtorch/module.hpp>

namespace torchdeploy::inline v0::detail {

/// In which field of a TensorProto the numbers of a type stand when they are not raw bytes.
enum class onnx_field_of { none, floats, int32s, int64s, doubles, uint64s, strings };

struct onnx_data_type {
  std::string_view name;
  int bits;  ///< of an element; 0: strings
  onnx_field_of field;
  std::optional<at::ScalarType> dtype;  ///< LibTorch's, where it has it with one element to a number
};

/// TensorProto.DataType, by its number. Source: onnx.proto.
inline constexpr onnx_data_type onnx_data_types[] = {
    {"undefined", 0, onnx_field_of::none, {}},
    {"float32", 32, onnx_field_of::floats, at::kFloat},
    {"uint8", 8, onnx_field_of::int32s, at::kByte},
    {"int8", 8, onnx_field_of::int32s, at::kChar},
    {"uint16", 16, onnx_field_of::int32s, at::kUInt16},
    {"int16", 16, onnx_field_of::int32s, at::kShort},
    {"int32", 32, onnx_field_of::int32s, at::kInt},
    {"int64", 64, onnx_field_of::int64s, at::kLong},
    {"string", 0, onnx_field_of::strings, {}},
    {"bool", 8, onnx_field_of::int32s, at::kBool},
    {"float16", 16, onnx_field_of::int32s, at::kHalf},
    {"float64", 64, onnx_field_of::doubles, at::kDouble},
    {"uint32", 32, onnx_field_of::uint64s, at::kUInt32},
    {"uint64", 64, onnx_field_of::uint64s, at::kUInt64},
    {"complex64", 64, onnx_field_of::floats, at::kComplexFloat},
    {"complex128", 128, onnx_field_of::doubles, at::kComplexDouble},
    {"bfloat16", 16, onnx_field_of::int32s, at::kBFloat16},
    {"float8_e4m3fn", 8, onnx_field_of::int32s, at::kFloat8_e4m3fn},
    {"float8_e4m3fnuz", 8, onnx_field_of::int32s, at::kFloat8_e4m3fnuz},
    {"float8_e5m2", 8, onnx_field_of::int32s, at::kFloat8_e5m2},
    {"float8_e5m2fnuz", 8, onnx_field_of::int32s, at::kFloat8_e5m2fnuz},
    {"uint4", 4, onnx_field_of::int32s, {}},
    {"int4", 4, onnx_field_of::int32s, {}},
    {"float4_e2m1", 4, onnx_field_of::int32s, {}},
    {"float8_e8m0", 8, onnx_field_of::int32s, at::kFloat8_e8m0fnu},
    {"uint2", 2, onnx_field_of::int32s, {}},
    {"int2", 2, onnx_field_of::int32s, {}},
    {"float6_e2m3", 6, onnx_field_of::int32s, {}},
    {"float6_e3m2", 6, onnx_field_of::int32s, {}},
};

/// Nothing for 0 and for a number that ONNX has not.
constexpr onnx_data_type const* data_type_of(std::int64_t number) {
  return number > 0 && number < std::ssize(onnx_data_types) ? &onnx_data_types[number] : nullptr;
}

}  // namespace torchdeploy::inline v0::detail
