#pragma once

#include <torchdeploy/onnx/lowering/slicing.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Elements that a tensor of places, or a mask, picks; and writing to them.
namespace torchdeploy::inline v0::detail {

// --- broadcasting ------------------------------------------------------------------------------------------------------
/// A tensor with what is known of its sizes.
struct sized_value {
  onnx_value value;
  std::vector<std::int64_t> seen{};  ///< sizes in the first run
  std::vector<std::optional<std::int64_t>> fixed{};  ///< sizes that never differ
  bool by_data = false;  ///< its sizes depend on the inputs' data: any may be 1
};
inline sized_value sized(onnx_call const& call, symbol const& tensor) {
  sized_value made{call.read(tensor)};
  made.seen = tensor->seen[0].toTensor().sizes().vec();
  made.by_data = std::any_of(tensor->open_axes.begin(), tensor->open_axes.end(), [](bool open) { return open; });
  for (std::size_t i = 0; i < made.seen.size(); ++i)
    made.fixed.push_back(onnx_call::fixed_size(*tensor, static_cast<std::int64_t>(i)));
  return made;
}
inline onnx_value size_of(onnx_builder& onnx, sized_value const& x, std::size_t axis) {
  return x.fixed[axis] ? onnx.integers({*x.fixed[axis]}) : onnx.size(x.value, static_cast<std::int64_t>(axis));
}
/// The sizes that tensors have when they are broadcast: of each axis those of the tensor that is not 1 there.
inline std::vector<onnx_value> broadcast_sizes(onnx_builder& onnx, std::vector<sized_value> const& all) {
  std::size_t rank = 0;
  for (auto const& each : all) rank = std::max(rank, each.seen.size());
  std::vector<onnx_value> sizes;
  for (std::size_t i = 0; i < rank; ++i) {
    sized_value const* widest = nullptr;
    std::size_t place = 0;
    for (auto const& each : all) {
      if (i + each.seen.size() < rank) continue;
      auto const axis = i + each.seen.size() - rank;
      bool const one = each.fixed[axis] == 1;
      if (!widest || (!one && (widest->fixed[place] == 1 || (each.fixed[axis] && !widest->fixed[place])))) {
        widest = &each;
        place = axis;
      }
    }
    auto size = size_of(onnx, *widest, place);
    if (widest->by_data && !widest->fixed[place])
      for (auto const& each : all) {
        if (i + each.seen.size() < rank || each.value == widest->value) continue;
        auto const other = size_of(onnx, each, i + each.seen.size() - rank);
        size = onnx.emit("Where", {onnx.emit("Equal", {size, onnx.integers({1})}), other, size});
      }
    sizes.push_back(size);
  }
  return sizes;
}
inline onnx_value joined_sizes(onnx_builder& onnx, std::vector<onnx_value> const& sizes) {
  return sizes.empty() ? onnx.integers({}) : onnx.concat(sizes, 0);
}
/// Broadcast to one shape, as far as they have another.
inline std::vector<onnx_value> broadcast(onnx_builder& onnx, std::vector<sized_value> const& all) {
  bool same = true;
  for (auto const& each : all)
    same =
        same && each.fixed == all.front().fixed && each.seen == all.front().seen && (!each.by_data || all.size() == 1);
  std::vector<onnx_value> made;
  auto const sizes = same ? onnx_value{} : joined_sizes(onnx, broadcast_sizes(onnx, all));
  for (auto const& each : all) made.push_back(same ? each.value : onnx.expand(each.value, sizes));
  return made;
}
inline onnx_results lower_broadcast_tensors(onnx_call const& call) {
  std::vector<sized_value> all;
  for (auto const& each : call.elements(0)) all.push_back(sized(call, each));
  return broadcast(call.onnx, all);
}
/// A tensor for each axis of a grid: indexing "xy" has the first two axes swapped.
inline onnx_results lower_meshgrid(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const& given = call.elements(0);
  auto const count = given.size();
  bool const swapped = call.has("indexing") && call.text("indexing") == "xy" && count > 1;
  auto const place = [&](std::size_t i) { return swapped && i < 2 ? 1 - i : i; };
  std::vector<onnx_value> sizes(count), all;
  for (std::size_t i = 0; i < count; ++i) {
    auto const x = sized(call, given[i]);
    sizes[place(i)] = x.seen.empty() ? onnx.integers({1}) : size_of(onnx, x, 0);
    std::vector<std::int64_t> shape(count, 1);
    shape[place(i)] = -1;
    all.push_back(onnx.reshape(x.value, shape));
  }
  for (auto& each : all) each = onnx.expand(each, onnx.concat(sizes, 0));
  return all;
}

// --- one axis ----------------------------------------------------------------------------------------------------------
/// At least one dimension, as ONNX's operators need.
inline onnx_value with_dimension(onnx_call const& call, onnx_argument argument) {
  auto const x = call.tensor(argument);
  return call.rank(argument) == 0 ? call.onnx.reshape(x, {1}) : x;
}
inline onnx_results lower_index_select(onnx_call const& call) {
  auto const rank = call.rank(0);
  auto const made =
      call.onnx.gather(with_dimension(call, 0), with_dimension(call, "index"), rank == 0 ? 0 : call.axis("dim", rank));
  return {rank == 0 ? call.onnx.reshape(made, {}) : made};
}
inline onnx_results lower_gather(onnx_call const& call) {
  auto const rank = call.rank(0);
  auto const axis = rank == 0 ? 0 : call.axis("dim", rank);
  auto x = with_dimension(call, 0);
  for (std::int64_t i = 0; i < rank; ++i)  // LibTorch reads as far as the index reaches; OpenVINO wants one shape
    if (i != axis && call.rank("index") == rank &&
        (call.shown(0).size(i) != call.shown("index").size(i) || call.fixed_size(0, i) != call.fixed_size("index", i)))
      x = call.onnx.slice(x, i, call.onnx.integers({0}), call.size("index", i));
  auto const made = call.onnx.emit("GatherElements", {x, with_dimension(call, "index")}, {{"axis", axis}});
  return {call.rank("index") == 0 ? call.onnx.reshape(made, {}) : made};
}
/// Along an axis; the others are broadcast.
inline onnx_results lower_take_along_dim(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const index = call.tensor("indices", at::kLong);
  if (!call.has("dim"))
    return {
        onnx.emit("GatherElements", {onnx.reshape(call.tensor(0), {-1}), onnx.reshape(index, {-1})}, {{"axis", 0}})};
  auto const rank = call.rank(0);
  auto const axis = call.axis("dim", rank);
  auto x = sized(call, call.at(0)), places = sized(call, call.at("indices"));
  places.value = index;
  auto const at = static_cast<std::size_t>(axis);
  auto const expanded = [&](sized_value const& one, sized_value const& other) {
    bool same = true;
    std::vector<onnx_value> sizes;
    for (std::size_t i = 0; i < one.seen.size(); ++i) {
      same = same && (i == at || (one.fixed[i] == other.fixed[i] && one.seen[i] == other.seen[i]));
      sizes.push_back(i == at ? onnx.integers({1}) : size_of(onnx, other, i));
    }
    return same ? one.value : onnx.expand(one.value, onnx.concat(sizes, 0));
  };
  return {onnx.emit("GatherElements", {expanded(x, places), expanded(places, x)}, {{"axis", axis}})};
}
inline onnx_results lower_take(onnx_call const& call) {
  return {call.onnx.gather(call.onnx.reshape(call.tensor(0), {-1}), call.tensor("index"), 0)};
}
inline onnx_results lower_embedding(onnx_call const& call) {
  return {call.onnx.gather(call.tensor("weight"), call.tensor("indices"), 0)};
}
inline onnx_results lower_one_hot(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const x = call.tensor(0);
  bool const counts = call.is_constant("num_classes") && call.integer("num_classes") < 0;  // as many as there are
  auto const classes =
      counts ? onnx.reshape(onnx.emit("Add", {onnx.reduce("ReduceMax", x, {}, false), onnx.integer(1)}), {1})
             : call.sizes("num_classes");
  return {onnx.emit("OneHot", {x, classes, onnx.integers({0, 1})}, {{"axis", -1}})};
}
/// [total]: 0 as often as the first number says, 1 as often as the second...
inline onnx_value repeated_places(onnx_builder& onnx, onnx_value repeats) {
  auto const ends = onnx.emit("CumSum", {repeats, onnx.integer(0)});
  auto const total = onnx.reduce("ReduceSum", repeats, {0}, true);
  auto const passed = onnx.emit("LessOrEqual", {ends, onnx.unsqueeze(counted(onnx, total), {1})});
  return onnx.reduce("ReduceSum", onnx.cast(passed, at::kBool, at::kLong), {1}, false);
}
/// Each element a number of times in a row; without an axis of all of them.
inline onnx_results lower_repeat_interleave(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (!call.has("self")) return as_result(call, repeated_places(onnx, call.tensor("repeats", at::kLong)), at::kLong);
  auto const rank = call.rank(0);
  bool const flat = !call.has("dim");
  auto const axis = flat ? 0 : call.axis("dim", rank);
  auto const x = flat && rank != 1 ? onnx.reshape(call.tensor(0), {-1}) : call.tensor(0);
  std::vector<onnx_value> sizes;
  for (auto const each : all_axes(rank)) sizes.push_back(call.size(0, each));
  auto const size = flat ? product(onnx, sizes) : call.size(0, axis);
  auto const known = onnx.constant_of(size);
  if (call.is_tensor("repeats") && call.shown("repeats").numel() != 1) {
    if (!call.is_constant("repeats"))
      return {onnx.gather(x, repeated_places(onnx, call.tensor("repeats", at::kLong)), axis)};
    return {onnx.gather(x, onnx.constant(at::repeat_interleave(call.weight("repeats"))), axis)};
  }
  if (known && call.is_constant("repeats")) {
    auto const places = at::arange(known->item().toLong(), at::TensorOptions(at::kLong));
    return {onnx.gather(x, onnx.constant(places.repeat_interleave(call.integer("repeats"))), axis)};
  }
  auto const repeats =
      call.is_tensor("repeats") ? onnx.reshape(call.tensor("repeats", at::kLong), {1}) : call.sizes("repeats");
  auto const places = onnx.emit("Div", {counted(onnx, onnx.emit("Mul", {size, repeats})), repeats});
  return {onnx.gather(x, places, axis)};
}

// --- several axes ------------------------------------------------------------------------------------------------------
/// What x[i, :, j] names: the axes that have a tensor of places, the tensors, and where in the result their axes come.
struct index_of_axes {
  std::vector<std::int64_t> axes{};
  std::vector<sized_value> places{};
  std::int64_t first = 0;  ///< place of the axes of the tensors, which is 0 where others lie between them

  [[nodiscard]] std::int64_t rank() const {
    std::size_t most = 0;
    for (auto const& each : places) most = std::max(most, each.seen.size());
    return static_cast<std::int64_t>(most);
  }
};
inline bool is_mask(at::ScalarType dtype) { return dtype == at::kBool || dtype == at::kByte; }

/// A mask stands for the places where it is true.
inline index_of_axes index_of(onnx_call const& call) {
  auto& onnx = call.onnx;
  index_of_axes made;
  std::int64_t axis = 0;
  bool apart = false;
  for (auto const& each : call.elements("indices")) {
    if (each->seen[0].isNone() || !each->seen[0].toTensor().defined()) {
      ++axis;
      continue;
    }
    if (!made.axes.empty() && made.axes.back() != axis - 1) apart = true;
    auto const& tensor = each->seen[0].toTensor();
    if (!is_mask(tensor.scalar_type())) {
      made.axes.push_back(axis++);
      made.places.push_back(sized(call, each));
      continue;
    }
    if (tensor.dim() == 0) call.refuse("it is indexed by a mask without dimensions");
    auto const all = onnx.emit("NonZero", {onnx.cast(call.read(each), tensor.scalar_type(), at::kBool)});
    for (std::int64_t i = 0; i < tensor.dim(); ++i) {
      made.axes.push_back(axis++);
      made.places.push_back({onnx.gather(all, onnx.integer(i), 0), {tensor.numel()}, {std::nullopt}, true});
    }
  }
  made.first = apart || made.axes.empty() ? 0 : made.axes.front();
  return made;
}
/// The order of axes that has the indexed ones first.
inline std::vector<std::int64_t> indexed_first(std::vector<std::int64_t> const& axes, std::int64_t rank) {
  auto order = axes;
  for (auto const each : all_axes(rank))
    if (std::find(axes.begin(), axes.end(), each) == axes.end()) order.push_back(each);
  return order;
}
inline std::vector<std::int64_t> inverse_order(std::vector<std::int64_t> const& order) {
  std::vector<std::int64_t> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  return back;
}
/// The order that brings the first `count` axes to the place `first`.
inline std::vector<std::int64_t> moved_behind(std::int64_t count, std::int64_t first, std::int64_t rank) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < first; ++i) order.push_back(count + i);
  for (std::int64_t i = 0; i < count; ++i) order.push_back(i);
  for (std::int64_t i = count + first; i < rank; ++i) order.push_back(i);
  return order;
}
/// The places, each a row of as many numbers as there are indexed axes.
inline onnx_value rows_of_places(onnx_builder& onnx, index_of_axes const& index) {
  auto all = broadcast(onnx, index.places);
  for (auto& each : all) each = onnx.unsqueeze(each, {index.rank()});
  return onnx.concat(all, index.rank());
}
inline bool has_mixed_dtypes(onnx_call const& call) {
  for (auto const& each : call.elements("indices"))
    if (each->seen[0].isTensor() && each->seen[0].toTensor().defined() &&
        each->seen[0].toTensor().scalar_type() == at::kInt)
      return true;
  return false;
}
inline index_of_axes index_in_longs(onnx_call const& call) {
  auto index = index_of(call);
  if (index.axes.empty() || (index.axes.size() == 1 && call.name() == "aten::index") || !has_mixed_dtypes(call))
    return index;
  for (auto& each : index.places)
    each.value = call.onnx.emit("Cast", {each.value}, {{"to", onnx_builder::onnx_type_of(at::kLong)}});
  return index;
}

inline onnx_results lower_index(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const index = index_in_longs(call);
  auto const rank = call.rank("self");
  if (index.axes.empty()) return {call.tensor("self")};
  if (index.axes.size() == 1) return {onnx.gather(call.tensor("self"), index.places[0].value, index.axes[0])};
  auto const x = onnx.transpose(call.tensor("self"), indexed_first(index.axes, rank));
  auto const picked = onnx.emit("GatherND", {x, rows_of_places(onnx, index)});
  auto const result = index.rank() + rank - static_cast<std::int64_t>(index.axes.size());
  return {onnx.transpose(picked, moved_behind(index.rank(), index.first, result))};
}

/// What is written by a mask alone, where it writes one number: a choice.
inline std::optional<onnx_value> put_by_mask(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const& indices = call.elements("indices");
  if (indices.size() != 1 || !indices[0]->seen[0].isTensor() || call.shown("values").numel() != 1) return std::nullopt;
  auto const& mask = indices[0]->seen[0].toTensor();
  for (std::int64_t i = 0; i < call.rank("values"); ++i)
    if (call.fixed_size("values", i) != 1) return std::nullopt;
  if (!is_mask(mask.scalar_type())) return std::nullopt;
  std::vector<std::int64_t> behind;
  for (auto i = mask.dim(); i < call.rank("self"); ++i) behind.push_back(i);
  auto const dtype = call.dtype("self");
  auto const where = onnx.unsqueeze(onnx.cast(call.read(indices[0]), mask.scalar_type(), at::kBool), behind);
  auto value = onnx.reshape(call.tensor("values", dtype), {});
  if (call.flag("accumulate")) value = onnx.emit("Add", {call.tensor("self"), value});
  return onnx.emit("Where", {where, value, call.tensor("self")});
}
inline std::vector<onnx_node_attribute> reduction_attribute(onnx_call const& call, std::string const& kind) {
  if (kind.empty()) return {};
  std::int64_t const since = kind == "add" || kind == "mul" ? 16 : 18;
  if (call.onnx.opset() < since)
    call.refuse("ONNX combines with what was there from opset " + std::to_string(since),
                ".opset = " + std::to_string(since));
  return {{"reduction", kind}};
}
inline onnx_results lower_index_put(onnx_call const& call) {
  auto& onnx = call.onnx;
  if (auto const made = put_by_mask(call)) return {*made};
  auto const index = index_in_longs(call);
  if (index.axes.empty()) call.refuse("no index is given");
  auto const rank = call.rank("self");
  auto const count = index.rank();
  auto const order = indexed_first(index.axes, rank);
  // of what is written: the sizes of the places, then those of the axes that have none
  auto sizes = broadcast_sizes(onnx, index.places);
  for (auto i = index.axes.size(); i < order.size(); ++i) sizes.push_back(call.size("self", order[i]));
  auto const all = static_cast<std::int64_t>(sizes.size());
  auto const place = moved_behind(count, index.first, all);
  std::vector<onnx_value> shown;
  for (auto const each : place) shown.push_back(sizes[static_cast<std::size_t>(each)]);
  auto const values = onnx.transpose(onnx.expand(call.tensor("values", call.dtype("self")), onnx.concat(shown, 0)),
                                     inverse_order(place));
  auto const written =
      onnx.emit("ScatterND", {onnx.transpose(call.tensor("self"), order), rows_of_places(onnx, index), values},
                reduction_attribute(call, call.flag("accumulate") ? "add" : ""));
  return {onnx.transpose(written, inverse_order(order))};
}

/// All elements where a mask is true, in a row.
inline onnx_results lower_masked_select(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto mask = sized(call, call.at("mask"));
  mask.value = call.tensor("mask", at::kBool);
  auto const both = broadcast(onnx, {sized(call, call.at(0)), mask});
  return {onnx.emit("Compress", {both[0], onnx.reshape(both[1], {-1})})};
}
/// The n-th true place of the mask takes the n-th element of the source.
inline onnx_results lower_masked_scatter(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const dtype = call.dtype(0);
  auto const mask = onnx.expand(call.tensor("mask", at::kBool), call.shape(0));
  auto const ones = onnx.cast(onnx.reshape(mask, {-1}), at::kBool, at::kLong);
  auto const count = onnx.emit("Sub", {onnx.emit("CumSum", {ones, onnx.integer(0)}), onnx.integer(1)});
  auto const places = onnx.emit("Max", {count, onnx.integer(0)});
  auto const picked = onnx.gather(onnx.reshape(call.tensor("source", dtype), {-1}), places, 0);
  return {onnx.emit("Where", {mask, onnx.emit("Reshape", {picked, call.shape(0)}), call.tensor(0)})};
}
/// A row for each element that is not 0.
inline onnx_results lower_nonzero(onnx_call const& call) {
  if (call.rank(0) == 0) call.refuse("it is of one number");
  return {call.onnx.transpose(nonzero_places(call, 0), {1, 0})};
}

inline constexpr onnx_operator onnx_indexing[] = {
    {"aten::broadcast_tensors", &lower_broadcast_tensors},
    {"aten::meshgrid", &lower_meshgrid},
    {"aten::index_select", &lower_index_select},
    {"aten::gather", &lower_gather},
    {"aten::take_along_dim", &lower_take_along_dim},
    {"aten::take", &lower_take},
    {"aten::embedding", &lower_embedding},
    {"aten::one_hot", &lower_one_hot},
    {"aten::repeat_interleave", &lower_repeat_interleave},
    {"aten::index", &lower_index},
    {"aten::index_put", &lower_index_put},
    {"aten::_index_put_impl", &lower_index_put},
    {"aten::masked_select", &lower_masked_select, true},
    {"aten::masked_scatter", &lower_masked_scatter},
    {"aten::nonzero", &lower_nonzero, true},
    {"aten::argwhere", &lower_nonzero, true},
};

}  // namespace torchdeploy::inline v0::detail

#endif
