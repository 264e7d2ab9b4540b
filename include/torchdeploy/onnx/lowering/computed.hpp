#pragma once

#include <torchdeploy/onnx/lowering/family.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

/// What families share: a dtype that sums are made in, and shapes made of open sizes.
namespace torchdeploy::inline v0::detail {

/// Squares and sums of half precision are made in float, as LibTorch makes them: in half they overflow at 65504.
inline at::ScalarType statistics_dtype(at::ScalarType dtype) {
  return dtype == at::kHalf || dtype == at::kBFloat16 ? at::kFloat : dtype;
}

/// The greatest or the least number of a dtype.
inline at::Tensor extreme_of(at::ScalarType dtype, bool greatest) {
  auto const infinity = std::numeric_limits<double>::infinity();
  if (at::isFloatingType(dtype)) return at::scalar_tensor(greatest ? infinity : -infinity, dtype);
  if (dtype == at::kByte || dtype == at::kBool)
    return at::scalar_tensor(greatest ? (dtype == at::kByte ? 255 : 1) : 0, dtype);
  auto const unused = 64 - 8 * static_cast<int>(c10::elementSize(dtype));
  using limits = std::numeric_limits<std::int64_t>;
  return at::scalar_tensor((greatest ? limits::max() : limits::min()) >> unused, dtype);
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

}  // namespace torchdeploy::inline v0::detail

#endif
