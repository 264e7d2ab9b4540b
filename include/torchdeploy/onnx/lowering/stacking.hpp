#pragma once

#include <torchdeploy/onnx/lowering/shape.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <vector>

/// Tensors brought to a rank, and put side by side.
namespace torchdeploy::inline v0::detail {

/// With axes of size 1 added until there are as many as `least`: LibTorch has them before those that are there, and of three
/// one behind.
inline onnx_value at_least(onnx_builder& onnx, onnx_value x, std::int64_t rank, std::int64_t least) {
  if (rank >= least) return x;
  if (rank == 0) return onnx.reshape(x, std::vector<std::int64_t>(static_cast<std::size_t>(least), 1));
  if (least == 2) return onnx.unsqueeze(x, {0});
  return onnx.unsqueeze(x, rank == 1 ? std::vector<std::int64_t>{0, 2} : std::vector<std::int64_t>{2});
}
inline std::vector<onnx_value> all_at_least(onnx_call const& call, std::int64_t least, at::ScalarType const* dtype) {
  std::vector<onnx_value> all;
  for (auto const& each : call.elements(0)) {
    auto const& tensor = each->seen[0].toTensor();
    auto const x = at_least(call.onnx, call.read(each), tensor.dim(), least);
    all.push_back(dtype ? call.onnx.cast(x, tensor.scalar_type(), *dtype) : x);
  }
  return all;
}
/// Of one tensor, or of several.
template <int Least>
onnx_results lower_at_least(onnx_call const& call) {
  if (!call.is_tensor(0)) return all_at_least(call, Least, nullptr);
  return {at_least(call.onnx, call.tensor(0), call.rank(0), Least)};
}
/// hstack, vstack, dstack: along the columns, which of vectors is their one axis, the rows, or the third axis.
template <int Least>
onnx_results lower_stacked(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  auto const all = all_at_least(call, Least, &dtype);
  return {call.onnx.concat(all, Least == 1 ? (call.result_rank() == 1 ? 0 : 1) : Least == 2 ? 0 : 2)};
}
/// Vectors become columns.
inline onnx_results lower_column_stack(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  std::vector<onnx_value> all;
  for (auto const& each : call.elements(0)) {
    auto const& tensor = each->seen[0].toTensor();
    auto const x = call.onnx.cast(call.read(each), tensor.scalar_type(), dtype);
    all.push_back(tensor.dim() > 1 ? x : call.onnx.reshape(x, {-1, 1}));
  }
  return {call.onnx.concat(all, 1)};
}

inline constexpr onnx_operator onnx_stacking[] = {
    {"aten::atleast_1d", &lower_at_least<1>}, {"aten::atleast_2d", &lower_at_least<2>},
    {"aten::atleast_3d", &lower_at_least<3>}, {"aten::hstack", &lower_stacked<1>},
    {"aten::vstack", &lower_stacked<2>},      {"aten::row_stack", &lower_stacked<2>},
    {"aten::dstack", &lower_stacked<3>},      {"aten::column_stack", &lower_column_stack},
};

}  // namespace torchdeploy::inline v0::detail

#endif
