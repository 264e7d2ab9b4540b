#pragma once

#include <torchdeploy/onnx/lowering/arithmetic.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

/// Products of matrices and vectors: linear, matmul, einsum and their relatives.
namespace torchdeploy::inline v0::detail {

/// A number that a term is scaled by, where it is not 1.
inline onnx_value scaled(onnx_call const& call, onnx_value value, char const* by, at::ScalarType dtype) {
  if (!call.has(by)) return value;
  auto const& factor = call.constant(by).toScalar();
  if (factor.toDouble() == 1) return value;
  return call.onnx.emit("Mul", {value, call.onnx.constant(at::scalar_tensor(factor, dtype))});
}
/// beta * self + alpha * product. With beta 0 self is not read, NaN or not.
inline onnx_results lower_added_product(onnx_call const& call, onnx_value product) {
  auto const dtype = call.result_dtype();
  auto const term = scaled(call, product, "alpha", dtype);
  if (call.number_or("beta", 1) == 0) return {term};
  return {call.onnx.emit("Add", {term, scaled(call, call.tensor("self", dtype), "beta", dtype)})};
}

/// Gemm reads a weight as it is stored, MatMul a transposed copy. The weight has two dimensions; no bias: none.
inline onnx_value write_linear(onnx_builder& onnx, onnx_value x, std::int64_t rank, onnx_value weight, onnx_value bias,
                               at::ScalarType dtype) {
  if (rank == 2 && at::isFloatingType(dtype))
    return onnx.emit("Gemm", {x, weight, bias}, {{"transB", std::int64_t{1}}});
  auto const product = onnx.emit("MatMul", {x, onnx.transpose(weight, {1, 0})});
  return bias ? onnx.emit("Add", {product, bias}) : product;
}
inline onnx_results lower_linear(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  auto const x = call.tensor("input", dtype), weight = call.tensor("weight", dtype);
  if (call.rank("weight") == 1) return {call.onnx.emit("MatMul", {x, weight})};
  auto const bias = call.has("bias") ? call.tensor("bias", dtype) : onnx_value{};
  return {write_linear(call.onnx, x, call.rank("input"), weight, bias, dtype)};
}

/// matmul, mm, bmm, mv, dot: the shapes tell which.
inline onnx_results lower_matmul(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  return {call.onnx.emit("MatMul", {call.tensor(0, dtype), call.tensor(1, dtype)})};
}
inline onnx_results lower_addmm(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const a = call.tensor("mat1", dtype), b = call.tensor("mat2", dtype);
  if (!at::isFloatingType(dtype)) return lower_added_product(call, onnx.emit("MatMul", {a, b}));
  auto const beta = call.number_or("beta", 1);
  auto const self = beta == 0 ? onnx_value{} : call.tensor("self", dtype);
  std::vector<onnx_node_attribute> attributes;
  if (auto const alpha = call.number_or("alpha", 1); alpha != 1) attributes.push_back({"alpha", alpha});
  if (beta != 1 && beta != 0) attributes.push_back({"beta", beta});
  return {onnx.emit("Gemm", {a, b, self}, std::move(attributes))};
}
/// baddbmm and addmv: the product's operands are the second and third argument.
inline onnx_results lower_add_product(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  return lower_added_product(call, call.onnx.emit("MatMul", {call.tensor(1, dtype), call.tensor(2, dtype)}));
}
/// The products of a batch are summed.
inline onnx_results lower_addbmm(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  auto const product = call.onnx.emit("MatMul", {call.tensor("batch1", dtype), call.tensor("batch2", dtype)});
  return lower_added_product(call, call.onnx.reduce("ReduceSum", product, {0}, false));
}

/// Each element of a vector times each of another.
inline onnx_value outer_product(onnx_call const& call, onnx_argument first, onnx_argument second,
                                at::ScalarType dtype) {
  auto& onnx = call.onnx;
  auto const column = onnx.unsqueeze(call.tensor(first, dtype), {1}), row = call.tensor(second, dtype);
  return dtype == at::kBool ? onnx.emit("And", {column, row}) : onnx.emit("Mul", {column, row});
}
inline onnx_results lower_outer(onnx_call const& call) { return {outer_product(call, 0, 1, call.result_dtype())}; }
inline onnx_results lower_addr(onnx_call const& call) {
  return lower_added_product(call, outer_product(call, "vec1", "vec2", call.result_dtype()));
}
/// The sum of products along an axis.
inline onnx_results lower_vecdot(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const axis = call.axis("dim", std::max(call.rank(0), call.rank(1)));
  auto const pair = onnx.emit("Mul", {call.tensor(0, dtype), call.tensor(1, dtype)});
  return {onnx.reduce("ReduceSum", pair, {axis}, false)};
}
/// Several matrices, one after the other; the first and the last may be vectors.
inline onnx_results lower_matrix_chain(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  onnx_value product;
  for (auto const& each : call.elements(0)) {
    auto const factor = onnx.cast(call.read(each), each->seen[0].toTensor().scalar_type(), dtype);
    product = product ? onnx.emit("MatMul", {product, factor}) : factor;
  }
  return {product};
}

// --- einsum ------------------------------------------------------------------------------------------------------------
inline onnx_results write_einsum(onnx_call const& call, std::string equation, std::vector<onnx_value> tensors) {
  return {call.onnx.emit("Einsum", std::move(tensors), {{"equation", std::move(equation)}})};
}
/// `path`, the order to contract in, is the runtime's.
inline onnx_results lower_einsum(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  std::vector<onnx_value> tensors;
  for (auto const& each : call.elements("tensors"))
    tensors.push_back(call.onnx.cast(call.read(each), each->seen[0].toTensor().scalar_type(), dtype));
  auto equation = call.text("equation");
  std::erase(equation, ' ');
  return write_einsum(call, std::move(equation), std::move(tensors));
}
/// Letters for `count` axes, beginning with one of the alphabet.
inline std::string axis_letters(onnx_call const& call, std::int64_t count, std::int64_t first = 0) {
  constexpr std::int64_t alphabet = 26;
  if (first + count > alphabet) call.refuse("its tensors have too many dimensions");
  std::string letters(static_cast<std::size_t>(count), 'a');
  std::iota(letters.begin(), letters.end(), static_cast<char>('a' + first));
  return letters;
}
/// The sum over pairs of axes; the others stay, the first tensor's before the second's.
inline onnx_results contract(onnx_call const& call, std::vector<std::int64_t> const& first,
                             std::vector<std::int64_t> const& second) {
  auto const dtype = call.result_dtype();
  auto const a = axis_letters(call, call.rank(0));
  auto b = axis_letters(call, call.rank(1), call.rank(0));
  std::string kept = a + b;
  for (std::size_t i = 0; i < first.size(); ++i) {
    auto const letter = a[static_cast<std::size_t>(first[i])];
    auto& paired = b[static_cast<std::size_t>(second[i])];
    std::erase_if(kept, [&](char each) { return each == letter || each == paired; });
    paired = letter;
  }
  return write_einsum(call, a + "," + b + "->" + kept, {call.tensor(0, dtype), call.tensor(1, dtype)});
}
inline onnx_results lower_tensordot(onnx_call const& call) {
  return contract(call, call.axes("dims_self", call.rank(0)), call.axes("dims_other", call.rank(1)));
}
/// Over the last axis of both; a tensor without dimensions scales the other.
inline onnx_results lower_inner(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  if (call.rank(0) == 0 || call.rank(1) == 0)
    return {call.onnx.emit("Mul", {call.tensor(0, dtype), call.tensor(1, dtype)})};
  return contract(call, {call.rank(0) - 1}, {call.rank(1) - 1});
}
/// x1 A x2 for each matrix of the weight, and a bias.
inline onnx_results lower_bilinear(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const rows = axis_letters(call, call.rank("input1") - 1);
  auto const product =
      onnx.emit("Einsum", {call.tensor("input1", dtype), call.tensor("weight", dtype), call.tensor("input2", dtype)},
                {{"equation", rows + "x,zxy," + rows + "y->" + rows + "z"}});
  return {call.has("bias") ? onnx.emit("Add", {product, call.tensor("bias", dtype)}) : product};
}
/// Each element of the first times the whole second.
inline onnx_results lower_kron(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.result_dtype();
  auto const rank = call.result_rank();
  std::vector<std::int64_t> behind, before, sizes;
  int open = 0;
  for (std::int64_t i = 0; i < rank; ++i) {
    behind.push_back(2 * i + 1);
    before.push_back(2 * i);
    auto const fixed = call.fixed_result_size(i);
    open += !fixed;
    sizes.push_back(fixed.value_or(-1));
  }
  if (open > 1) call.refuse("two of its sizes depend on the inputs");
  auto const spread = [&](int which, std::vector<std::int64_t> const& axes) {
    std::vector<std::int64_t> missing(static_cast<std::size_t>(rank - call.rank(which)));
    std::iota(missing.begin(), missing.end(), 0);
    return onnx.unsqueeze(onnx.unsqueeze(call.tensor(which, dtype), missing), axes);
  };
  return {onnx.reshape(onnx.emit("Mul", {spread(0, behind), spread(1, before)}), sizes)};
}

inline constexpr onnx_operator onnx_linear[] = {
    {"aten::linear", &lower_linear},
    {"aten::matmul", &lower_matmul},
    {"aten::linalg_matmul", &lower_matmul},
    {"aten::mm", &lower_matmul},
    {"aten::bmm", &lower_matmul},
    {"aten::mv", &lower_matmul},
    {"aten::dot", &lower_matmul},
    {"aten::vdot", &lower_matmul},
    {"aten::addmm", &lower_addmm},
    {"aten::baddbmm", &lower_add_product},
    {"aten::addmv", &lower_add_product},
    {"aten::addbmm", &lower_addbmm},
    {"aten::addr", &lower_addr},
    {"aten::outer", &lower_outer},
    {"aten::ger", &lower_outer},
    {"aten::linalg_vecdot", &lower_vecdot},
    {"aten::chain_matmul", &lower_matrix_chain},
    {"aten::linalg_multi_dot", &lower_matrix_chain},
    {"aten::einsum", &lower_einsum},
    {"aten::tensordot", &lower_tensordot},
    {"aten::inner", &lower_inner},
    {"aten::bilinear", &lower_bilinear},
    {"aten::kron", &lower_kron},
};

}  // namespace torchdeploy::inline v0::detail

#endif
