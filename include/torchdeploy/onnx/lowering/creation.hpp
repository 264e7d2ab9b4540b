#pragma once

#include <torchdeploy/onnx/lowering/exponential.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <vector>

/// Tensors made of nothing but their sizes.
namespace torchdeploy::inline v0::detail {

/// The sizes to make: those that are asked for, or another tensor's.
inline onnx_value wanted_sizes(onnx_call const& call, bool like) {
  if (like) return call.shape(0);
  return call.sizes("size");
}
/// A number in each place.
inline onnx_results filled(onnx_call const& call, onnx_value sizes, at::Scalar const& value) {
  auto const dtype = call.result_dtype();
  if (auto const known = call.onnx.constant_of(sizes)) {
    std::vector<std::int64_t> shape(known->const_data_ptr<std::int64_t>(),
                                    known->const_data_ptr<std::int64_t>() + known->numel());
    constexpr std::int64_t few = 16;
    if (c10::multiply_integers(shape) <= few)
      return {call.onnx.constant(at::full(shape, value, at::TensorOptions(dtype)))};
  }
  // below opset 20 it makes no bfloat16
  auto const made = dtype == at::kBFloat16 ? at::kFloat : dtype;
  auto const all =
      call.onnx.emit("ConstantOfShape", {sizes}, {{"value", at::full({1}, value, at::TensorOptions(made))}});
  return {call.onnx.cast(all, made, dtype)};
}
template <int Value, bool Like>
onnx_results lower_filled(onnx_call const& call) {
  return filled(call, wanted_sizes(call, Like), Value);
}
template <bool Like>
onnx_results lower_full(onnx_call const& call) {
  auto const sizes = wanted_sizes(call, Like);
  if (call.is_constant("fill_value")) {
    auto const& value = call.constant("fill_value");
    return filled(call, sizes, value.isTensor() ? value.toTensor().item() : value.toScalar());
  }
  return {call.onnx.expand(call.operand("fill_value", call.result_dtype()), sizes)};
}

/// start, start + step, ... below end. The numbers may be ints or floats; the result tells the dtype.
inline onnx_results lower_arange(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  // LibTorch counts the steps in double where one is a float, but for int64: then the floats are cut off first
  auto computed = dtype == at::kHalf || dtype == at::kBFloat16 ? at::kFloat : dtype;
  if (is_integral(dtype)) computed = at::kLong;
  for (auto const* each : {"start", "end", "step"})
    if (dtype != at::kLong && call.has(each) && call.dtype(each) == at::kDouble) computed = at::kDouble;
  auto const number = [&](char const* name, std::int64_t otherwise) {
    if (!call.has(name)) return onnx.constant(at::scalar_tensor(otherwise, computed));
    if (call.is_tensor(name)) return onnx.reshape(call.tensor(name, computed), {});
    return call.operand(name, computed);
  };
  auto const made = onnx.emit("Range", {number("start", 0), number("end", 0), number("step", 1)});
  return as_result(call, made, computed);
}
/// From start to end in steps of one size, both of them in it.
inline onnx_results lower_linspace(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const computed = is_integral(dtype) || dtype == at::kDouble ? at::kDouble : at::kFloat;
  auto const start = call.operand("start", computed), end = call.operand("end", computed);
  auto const count = call.sizes("steps");
  auto const places = onnx.cast(counted(onnx, count), at::kLong, computed);
  auto const last = onnx.emit("Max", {onnx.emit("Sub", {count, onnx.integers({1})}), onnx.integers({1})});
  auto const step = onnx.emit("Div", {onnx.emit("Sub", {end, start}), onnx.cast(last, at::kLong, computed)});
  return as_result(call, onnx.emit("Add", {start, onnx.emit("Mul", {places, step})}), computed);
}
/// 1 on the diagonal.
inline onnx_results lower_eye(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rows = call.sizes("n"), columns = call.has("m") ? call.sizes("m") : rows;
  auto const dtype = call.result_dtype();
  auto const row = onnx.unsqueeze(counted(onnx, rows), {1}), column = onnx.unsqueeze(counted(onnx, columns), {0});
  return {onnx.cast(onnx.emit("Equal", {row, column}), at::kBool, dtype)};
}
/// Places in the lower or upper triangle of a matrix: two rows of numbers.
template <bool Upper>
onnx_results lower_triangle_places(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const row = onnx.unsqueeze(counted(onnx, call.sizes("row")), {1}),
             column = onnx.unsqueeze(counted(onnx, call.sizes("col")), {0});
  auto const inside = onnx.emit(Upper ? "GreaterOrEqual" : "LessOrEqual",
                                {onnx.emit("Sub", {column, row}), onnx.integer(call.integer("offset"))});
  return as_result(call, onnx.emit("NonZero", {inside}), at::kLong);
}

inline constexpr onnx_operator onnx_creation[] = {
    {"aten::zeros", &lower_filled<0, false>},
    {"aten::ones", &lower_filled<1, false>},
    {"aten::empty", &lower_filled<0, false>},
    {"aten::full", &lower_full<false>},
    {"aten::new_zeros", &lower_filled<0, false>},
    {"aten::new_ones", &lower_filled<1, false>},
    {"aten::new_empty", &lower_filled<0, false>},
    {"aten::new_full", &lower_full<false>},
    {"aten::zeros_like", &lower_filled<0, true>},
    {"aten::ones_like", &lower_filled<1, true>},
    {"aten::empty_like", &lower_filled<0, true>},
    {"aten::full_like", &lower_full<true>},
    {"aten::arange", &lower_arange},
    {"aten::linspace", &lower_linspace},
    {"aten::eye", &lower_eye},
    {"aten::tril_indices", &lower_triangle_places<false>},
    {"aten::triu_indices", &lower_triangle_places<true>},
};

}  // namespace torchdeploy::inline v0::detail

#endif
