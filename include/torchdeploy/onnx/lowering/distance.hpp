#pragma once

#include <torchdeploy/onnx/lowering/reduction.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

/// How far tensors are from each other.
namespace torchdeploy::inline v0::detail {

/// The mean or sum of all, or each: what losses are asked for.
inline onnx_results reduced_loss(onnx_call const& call, onnx_value x, at::ScalarType dtype) {
  constexpr std::int64_t mean = 1, sum = 2;
  auto const how = call.integer_or("reduction", mean);
  if (how == mean || how == sum) x = call.onnx.reduce(how == mean ? "ReduceMean" : "ReduceSum", x, {}, false);
  return as_result(call, x, dtype);
}
inline onnx_results lower_mse_loss(onnx_call const& call) {
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const apart = call.onnx.emit("Sub", {call.tensor("self", dtype), call.tensor("target", dtype)});
  return reduced_loss(call, call.onnx.emit("Mul", {apart, apart}), dtype);
}
inline onnx_results lower_l1_loss(onnx_call const& call) {
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const apart = call.onnx.emit("Sub", {call.tensor("self", dtype), call.tensor("target", dtype)});
  return reduced_loss(call, call.onnx.emit("Abs", {apart}), dtype);
}
/// The p-norm of x1 - x2 + epsilon over the last axis.
inline onnx_results lower_pairwise_distance(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = statistics_dtype(call.result_dtype());
  auto const p = call.number_or("p", 2);
  auto const apart = onnx.emit("Add", {onnx.emit("Sub", {call.tensor("x1", dtype), call.tensor("x2", dtype)}),
                                       onnx.scalar(call.number_or("eps", 1e-6), dtype)});
  bool const keep = call.flag("keepdim");
  if (p == 2) return as_result(call, onnx.reduce("ReduceL2", apart, {-1}, keep), dtype);
  auto const size = onnx.emit("Abs", {apart});
  if (p == 1) return as_result(call, onnx.reduce("ReduceSum", size, {-1}, keep), dtype);
  if (std::isinf(p)) return as_result(call, onnx.reduce(p > 0 ? "ReduceMax" : "ReduceMin", size, {-1}, keep), dtype);
  if (p == 0) call.refuse("expected p that is not 0");
  auto const sum = onnx.reduce("ReduceSum", onnx.emit("Pow", {size, onnx.scalar(p, dtype)}), {-1}, keep);
  return as_result(call, onnx.emit("Pow", {sum, onnx.scalar(1 / p, dtype)}), dtype);
}

inline constexpr onnx_operator onnx_distances[] = {
    {"aten::mse_loss", &lower_mse_loss},
    {"aten::l1_loss", &lower_l1_loss},
    {"aten::pairwise_distance", &lower_pairwise_distance},
};

}  // namespace torchdeploy::inline v0::detail

#endif
