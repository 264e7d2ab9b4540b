#pragma once

#include <torchdeploy/onnx/lowering/family.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

/// Sizes, and the same elements in another shape, order or dtype.
namespace torchdeploy::inline v0::detail {

// --- sizes and numbers -------------------------------------------------------------------------------------------------
/// size(x), all of them or one: a number is a vector of one element.
inline onnx_results lower_size(onnx_call const& call) {
  if (call.arguments() > 1 && call.has(1)) return {call.size(0, call.integer(1))};
  onnx_results all;
  for (std::int64_t i = 0; i < call.rank(0); ++i) all.push_back(call.size(0, i));
  return all;
}
inline onnx_results lower_length(onnx_call const& call) {
  if (!call.is_tensor(0)) call.refuse("the length of the list depends on the inputs");
  return {call.size(0, 0)};
}
inline onnx_results lower_numel(onnx_call const& call) {
  return {call.onnx.unsqueeze(call.onnx.emit("Size", {call.tensor(0)}), {0})};
}
inline onnx_results lower_shape_as_tensor(onnx_call const& call) { return {call.shape(0)}; }

/// A tensor of one element, or a number, as a number.
inline onnx_results lower_to_number(onnx_call const& call) {
  auto const value = call.tensor(0, call.result_dtype());
  return {call.is_tensor(0) ? call.onnx.reshape(value, {1}) : value};
}
/// A number as a tensor without dimensions, a list of them as one that has one.
inline onnx_results lower_number_to_tensor(onnx_call const& call) {
  if (is_container(call.at(0)->seen[0])) {
    if (call.result_rank() != 1) call.refuse("expected a list of numbers");
    std::vector<onnx_value> all;
    for (auto const& each : call.elements(0))
      all.push_back(call.onnx.cast(call.read(each), onnx_call::dtype_of(each->seen[0]), call.result_dtype()));
    return {call.onnx.concat(all, 0)};
  }
  return {call.onnx.squeeze(call.tensor(0, call.result_dtype()), {0})};
}

// --- shapes ------------------------------------------------------------------------------------------------------------
/// The sizes to reshape to: as many as possible fixed, at most one open one left to be inferred.
inline onnx_value target_shape(onnx_call const& call, onnx_value otherwise) {
  std::vector<std::int64_t> sizes;
  int open = 0;
  for (std::int64_t i = 0; i < call.result_rank(); ++i) {
    auto const fixed = call.fixed_result_size(i);
    if (fixed == 0) return otherwise;  // 0 would mean "as it was"
    open += !fixed;
    sizes.push_back(fixed.value_or(-1));
  }
  return open <= 1 ? call.onnx.integers(sizes) : otherwise;
}
/// Without elements: 0 among the sizes of a Reshape means "as it was".
inline bool is_empty(onnx_call const& call) {
  for (std::int64_t i = 0; i < call.result_rank(); ++i)
    if (!call.fixed_result_size(i)) return false;
  return call.result().toTensor().numel() == 0;
}
inline onnx_results lower_reshape(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (call.arguments() > 1 && call.has("dtype") && !call.has("size") && !call.has("shape"))
    call.refuse("it reads the same bytes as another dtype");
  if (is_empty(call))
    return {onnx.constant(at::empty(call.result().toTensor().sizes(), at::TensorOptions(call.result_dtype())))};
  auto const target = call.is_tensor(1) ? call.shape(1) : call.sizes(1);
  return {onnx.emit("Reshape", {call.tensor(0), target_shape(call, target)})};
}
/// A reshape whose target is known from the result alone, its open sizes from the operand's.
inline onnx_value sizes_with(onnx_call const& call,
                             std::vector<std::pair<std::int64_t, std::int64_t>> const& from_operand,
                             std::int64_t inferred) {
  std::vector<onnx_value> sizes;
  for (std::int64_t i = 0; i < call.result_rank(); ++i) {
    if (auto const fixed = call.fixed_result_size(i)) {
      sizes.push_back(call.onnx.integers({*fixed}));
      continue;
    }
    auto const source =
        std::find_if(from_operand.begin(), from_operand.end(), [&](auto const& each) { return each.first == i; });
    if (i == inferred)
      sizes.push_back(call.onnx.integers({-1}));
    else if (source != from_operand.end())
      sizes.push_back(call.size(0, source->second));
    else
      call.refuse("a size of its result is not known");
  }
  return sizes.empty() ? call.onnx.integers({}) : call.onnx.concat(sizes, 0);
}
inline onnx_results lower_flatten(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const rank = call.rank(0);
  if (rank == 0) return {onnx.reshape(call.tensor(0), {1})};
  bool const all = call.name() == "aten::ravel";
  auto const first = all ? 0 : call.axis("start_dim", rank), last = all ? rank - 1 : call.axis("end_dim", rank);
  if (first == last) return {call.tensor(0)};
  if (first == 1 && last == rank - 1) return {onnx.emit("Flatten", {call.tensor(0)}, {{"axis", 1}})};
  std::vector<std::pair<std::int64_t, std::int64_t>> kept;
  for (std::int64_t i = 0; i < rank; ++i)
    if (i < first || i > last) kept.emplace_back(i < first ? i : i - (last - first), i);
  return {onnx.emit("Reshape", {call.tensor(0), target_shape(call, sizes_with(call, kept, first))})};
}
inline onnx_results lower_unflatten(onnx_call const& call) {
  auto const rank = call.rank(0);
  auto const axis = call.axis("dim", rank);
  std::vector<std::pair<std::int64_t, std::int64_t>> kept;
  auto const more = call.result_rank() - rank;
  for (std::int64_t i = 0; i < rank; ++i)
    if (i != axis) kept.emplace_back(i < axis ? i : i + more, i);
  std::vector<std::int64_t> open;
  for (std::int64_t i = axis; i <= axis + more; ++i)
    if (!call.fixed_result_size(i)) open.push_back(i);
  if (open.size() > 1) call.refuse("two of its sizes depend on the inputs");
  return {call.onnx.emit("Reshape", {call.tensor(0), sizes_with(call, kept, open.empty() ? -1 : open.front())})};
}

inline onnx_results lower_permute(onnx_call const& call) {
  return {call.onnx.transpose(call.tensor(0), call.axes("dims", call.rank(0)))};
}
/// Two axes change places.
inline onnx_results with_axes_swapped(onnx_call const& call, std::int64_t a, std::int64_t b) {
  auto const rank = call.rank(0);
  if (rank < 2) return {call.tensor(0)};
  std::vector<std::int64_t> order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(onnx_call::axis(a, rank))],
            order[static_cast<std::size_t>(onnx_call::axis(b, rank))]);
  return {call.onnx.transpose(call.tensor(0), order)};
}
inline onnx_results lower_transpose(onnx_call const& call) {
  return with_axes_swapped(call, call.integer(1), call.integer(2));
}
inline onnx_results lower_matrix_transpose(onnx_call const& call) { return with_axes_swapped(call, -2, -1); }
inline onnx_results lower_numpy_transpose(onnx_call const& call) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(call.rank(0)));
  std::iota(order.rbegin(), order.rend(), 0);
  return {call.onnx.transpose(call.tensor(0), order)};
}
inline onnx_results lower_movedim(onnx_call const& call) {
  auto const rank = call.rank(0);
  auto const from = call.axes("source", rank), to = call.axes("destination", rank);
  std::vector<std::int64_t> order(static_cast<std::size_t>(rank), -1);
  for (std::size_t i = 0; i < from.size(); ++i) order[static_cast<std::size_t>(to[i])] = from[i];
  std::int64_t next = 0;
  for (auto& each : order) {
    if (each >= 0) continue;
    while (std::find(from.begin(), from.end(), next) != from.end()) ++next;
    each = next++;
  }
  return {call.onnx.transpose(call.tensor(0), order)};
}

inline onnx_results lower_unsqueeze(onnx_call const& call) {
  return {call.onnx.unsqueeze(call.tensor(0), {call.axis("dim", call.rank(0) + 1)})};
}
/// Axes of size 1 go; one of another size stays, which ONNX would refuse.
inline onnx_results lower_squeeze(onnx_call const& call) {
  auto const rank = call.rank(0);
  auto axes = call.has("dim") ? call.axes("dim", rank) : std::vector<std::int64_t>(static_cast<std::size_t>(rank));
  if (!call.has("dim")) std::iota(axes.begin(), axes.end(), 0);
  std::erase_if(axes, [&](std::int64_t each) { return rank == 0 || !call.is_one(0, each); });
  if (rank - static_cast<std::int64_t>(axes.size()) != call.result_rank())
    call.refuse("whether an axis is squeezed depends on what is in the inputs");
  std::sort(axes.begin(), axes.end());
  return {call.onnx.squeeze(call.tensor(0), axes)};
}

/// -1 keeps a size.
inline onnx_results lower_expand(onnx_call const& call) {
  auto& onnx = call.onnx;
  std::vector<onnx_value> sizes;
  auto const& wanted = call.elements("size");
  auto const added = static_cast<std::int64_t>(wanted.size()) - call.rank(0);
  bool changes = added > 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto const axis = static_cast<std::int64_t>(i) - added;
    auto const fixed = call.fixed_result_size(static_cast<std::int64_t>(i));
    bool const keeps = axis >= 0 && dependence_of(wanted[i]) == dependence::none &&
                       (wanted[i]->seen[0].toInt() == -1 || (fixed && call.fixed_size(0, axis) == fixed));
    changes = changes || !keeps;
    sizes.push_back(keeps ? onnx.integers({1}) : fixed ? onnx.integers({*fixed}) : call.number_vector(wanted[i]));
  }
  if (!changes) return {call.tensor(0)};
  return {onnx.expand(call.tensor(0), onnx.concat(sizes, 0))};
}
inline onnx_results lower_expand_as(onnx_call const& call) { return {call.onnx.expand(call.tensor(0), call.shape(1))}; }
inline onnx_results lower_repeat(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const more = call.result_rank() - call.rank(0);
  std::vector<std::int64_t> axes(static_cast<std::size_t>(std::max<std::int64_t>(more, 0)));
  std::iota(axes.begin(), axes.end(), 0);
  auto repeats = call.sizes(1);
  if (auto const short_of = call.rank(0) - static_cast<std::int64_t>(call.elements(1).size()); short_of > 0)  // tile
    repeats =
        onnx.concat({onnx.integers(std::vector<std::int64_t>(static_cast<std::size_t>(short_of), 1)), repeats}, 0);
  return {onnx.emit("Tile", {onnx.unsqueeze(call.tensor(0), axes), repeats})};
}

// --- several tensors ---------------------------------------------------------------------------------------------------
/// Tensors of one dimension without elements are left out, as LibTorch does.
inline onnx_results lower_cat(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  auto const rank = call.result_rank();
  std::vector<onnx_value> all;
  for (auto const& each : call.elements(0)) {
    auto const& tensor = each->seen[0].toTensor();
    if (tensor.dim() == 1 && tensor.numel() == 0 && rank != 1) continue;
    all.push_back(call.onnx.cast(call.read(each), tensor.scalar_type(), dtype));
  }
  return {call.onnx.concat(all, call.axis("dim", rank))};
}
inline onnx_results lower_stack(onnx_call const& call) {
  auto const dtype = call.result_dtype();
  auto const axis = call.axis("dim", call.result_rank());
  std::vector<onnx_value> all;
  for (auto const& each : call.elements(0))
    all.push_back(
        call.onnx.unsqueeze(call.onnx.cast(call.read(each), each->seen[0].toTensor().scalar_type(), dtype), {axis}));
  return {call.onnx.concat(all, axis)};
}

// --- dtypes ------------------------------------------------------------------------------------------------------------
/// Of the many forms of `to` the result tells what was meant.
inline onnx_results lower_cast(onnx_call const& call) { return {call.tensor(0, call.result_dtype())}; }

/// What is written in place: the source in the shape and dtype of what it is written to.
inline onnx_results lower_copy(onnx_call const& call) {
  auto const value = call.tensor(1, call.dtype(0));
  bool same = call.rank(0) == call.rank(1);
  for (std::int64_t i = 0; same && i < call.rank(0); ++i)
    same = call.shown(0).size(i) == call.shown(1).size(i) && call.fixed_size(0, i) == call.fixed_size(1, i);
  return {same ? value : call.onnx.expand(value, call.shape(0))};
}
inline onnx_results lower_fill(onnx_call const& call) {
  return {call.onnx.expand(call.operand(1, call.dtype(0)), call.shape(0))};
}
inline onnx_results lower_zero(onnx_call const& call) {
  return {call.onnx.expand(call.onnx.scalar(0, call.dtype(0)), call.shape(0))};
}

/// Outside of training nothing is dropped.
inline onnx_results lower_dropout(onnx_call const& call) {
  if (call.flag("train") && call.number("p") > 0)
    call.refuse("it drops out at random: it is in training mode",
                "model.eval(), and dropout(x, training=self.training)");
  return {call.tensor(0)};
}
inline onnx_results lower_as_tensor(onnx_call const& call) {
  return call.is_tensor(0) ? lower_cast(call) : lower_number_to_tensor(call);
}

inline constexpr onnx_operator onnx_shapes[] = {
    {"aten::size", &lower_size},
    {"aten::sym_size", &lower_size},
    {"aten::len", &lower_length},
    {"aten::numel", &lower_numel},
    {"aten::_shape_as_tensor", &lower_shape_as_tensor},
    {"aten::Int", &lower_to_number},
    {"aten::Float", &lower_to_number},
    {"aten::Bool", &lower_to_number},
    {"aten::IntImplicit", &lower_to_number},
    {"aten::FloatImplicit", &lower_to_number},
    {"aten::ScalarImplicit", &lower_to_number},
    {"aten::item", &lower_to_number},
    {"aten::is_nonzero", &lower_to_number},
    {"prim::NumToTensor", &lower_number_to_tensor},
    {"aten::tensor", &lower_number_to_tensor},
    {"aten::scalar_tensor", &lower_number_to_tensor},
    {"aten::as_tensor", &lower_as_tensor},
    {"aten::reshape", &lower_reshape},
    {"aten::view", &lower_reshape},
    {"aten::_unsafe_view", &lower_reshape},
    {"aten::reshape_as", &lower_reshape},
    {"aten::view_as", &lower_reshape},
    {"aten::flatten", &lower_flatten},
    {"aten::ravel", &lower_flatten},
    {"aten::unflatten", &lower_unflatten},
    {"aten::permute", &lower_permute},
    {"aten::transpose", &lower_transpose},
    {"aten::swapaxes", &lower_transpose},
    {"aten::swapdims", &lower_transpose},
    {"aten::t", &lower_matrix_transpose},
    {"aten::mT", &lower_matrix_transpose},
    {"aten::mH", &lower_matrix_transpose},
    {"aten::adjoint", &lower_matrix_transpose},
    {"aten::numpy_T", &lower_numpy_transpose},
    {"aten::movedim", &lower_movedim},
    {"aten::moveaxis", &lower_movedim},
    {"aten::unsqueeze", &lower_unsqueeze},
    {"aten::squeeze", &lower_squeeze},
    {"aten::expand", &lower_expand},
    {"aten::broadcast_to", &lower_expand},
    {"aten::expand_as", &lower_expand_as},
    {"aten::repeat", &lower_repeat},
    {"aten::tile", &lower_repeat},
    {"aten::cat", &lower_cat},
    {"aten::concat", &lower_cat},
    {"aten::concatenate", &lower_cat},
    {"aten::stack", &lower_stack},
    {"aten::to", &lower_cast},
    {"aten::type_as", &lower_cast},
    {"aten::_to_copy", &lower_cast},
    {"aten::_autocast_to_full_precision", &lower_cast},
    {"aten::_autocast_to_reduced_precision", &lower_cast},
    {"aten::contiguous", &lower_identity},
    {"aten::clone", &lower_identity},
    {"aten::detach", &lower_identity},
    {"aten::alias", &lower_identity},
    {"aten::lift_fresh", &lower_identity},
    {"aten::positive", &lower_identity},
    {"aten::dropout", &lower_dropout},
    {"aten::feature_dropout", &lower_dropout},
    {"aten::alpha_dropout", &lower_dropout},
    {"aten::feature_alpha_dropout", &lower_dropout},
    {"aten::resolve_conj", &lower_identity},
    {"aten::resolve_neg", &lower_identity},
    {"aten::conj", &lower_identity},
    {"aten::conj_physical", &lower_identity},
    {"aten::real", &lower_identity},
    {"aten::lift", &lower_identity},
    {"aten::cpu", &lower_identity},
    {"prim::data", &lower_identity},
    {"aten::copy", &lower_copy},
    {"aten::fill", &lower_fill},
    {"aten::zero", &lower_zero},
};

}  // namespace torchdeploy::inline v0::detail

#endif
