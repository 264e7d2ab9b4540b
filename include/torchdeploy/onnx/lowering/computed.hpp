#pragma once

#include <torchdeploy/onnx/lowering/arithmetic.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

/// What families share: dtypes that runtimes compute in, and shapes made of open sizes.
namespace torchdeploy::inline v0::detail {

/// The dtype to compute in: ONNX's operators are defined, and ONNX Runtime's written, for few of the small dtypes.
inline at::ScalarType computed_dtype(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBool:
    case at::kByte:
    case at::kChar:
    case at::kShort:
      return at::kInt;
    case at::kBFloat16:
      return at::kFloat;
    default:
      return dtype;
  }
}

/// The axes of a tensor, 0 to rank - 1.
inline std::vector<std::int64_t> all_axes(std::int64_t rank) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(rank));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// A number, as a vector of one element, without its dimension: what Range takes, and Gather to pick one.
inline onnx_value without_dimension(onnx_builder& onnx, onnx_value number) {
  if (auto const known = onnx.constant_of(number)) return onnx.constant(known->reshape({}));
  return onnx.squeeze(number, {0});
}
/// An int argument without dimensions, in a dtype.
inline onnx_value int_operand(onnx_call const& call, onnx_argument argument) {
  return without_dimension(call.onnx, call.sizes(argument));
}

/// 0, 1, ... up to a size.
inline onnx_value counted(onnx_builder& onnx, onnx_value size) {
  if (auto const known = onnx.constant_of(size))
    return onnx.constant(at::arange(known->item().toLong(), at::TensorOptions(at::kLong)));
  return onnx.emit("Range", {onnx.integer(0), onnx.squeeze(size, {0}), onnx.integer(1)});
}

/// The product of sizes, vectors of one element.
inline onnx_value product(onnx_builder& onnx, std::vector<onnx_value> const& sizes) {
  std::int64_t fixed = 1;
  onnx_value all;
  for (auto const each : sizes) {
    if (auto const known = onnx.constant_of(each)) {
      fixed *= known->item().toLong();
      continue;
    }
    all = all ? onnx.emit("Mul", {all, each}) : each;
  }
  if (!all) return onnx.integers({fixed});
  return fixed == 1 ? all : onnx.emit("Mul", {all, onnx.integers({fixed})});
}

/// a + b of ints, computed where both are known.
inline onnx_value sum_of(onnx_builder& onnx, onnx_value a, onnx_value b) {
  auto const x = onnx.constant_of(a), y = onnx.constant_of(b);
  if (x && y) return onnx.constant(*x + *y);
  if (y && at::equal(*y, at::zeros_like(*y))) return a;
  return onnx.emit("Add", {a, b});
}

/// A condition chooses between two values of one dtype. ONNX Runtime has no Where of bools.
inline onnx_value where_true(onnx_builder& onnx, onnx_value condition, onnx_value yes, onnx_value no,
                             at::ScalarType dtype) {
  auto const computed = computed_dtype(dtype);
  auto const made = onnx.emit("Where", {condition, onnx.cast(yes, dtype, computed), onnx.cast(no, dtype, computed)});
  return onnx.cast(made, computed, dtype);
}

}  // namespace torchdeploy::inline v0::detail

#endif
