#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <torchdeploy/detail/libtorch/graph.hpp>
#include <torchdeploy/onnx/builder.hpp>

/// What a value of a model was when its graph was run, twice and on inputs of different sizes, and what stands for it in ONNX.
namespace torchdeploy::inline v0::detail {

/// On what a value depends. What depends on sizes alone and was the same in both runs is a constant too.
enum class dependence : std::uint8_t { none, sizes, data };

struct symbolic;
/// Names of one object share one: a list that is appended to, a tensor that is written to.
using symbol = std::shared_ptr<symbolic>;

/// A tensor that is a part or another shape of `base`: what is written to one is seen in the other.
struct onnx_view {
  symbol base;
  torch::jit::Node* node;
  std::vector<symbol> inputs;
  std::size_t output;  ///< of the node, or element of the list that it gives
  std::uint64_t version{};  ///< of the root when this was read last
};

struct symbolic {
  std::array<c10::IValue, 2> seen{};
  dependence depends_on = dependence::none;
  onnx_value value{};
  std::optional<std::vector<symbol>> elements{};  ///< of a list or tuple; of a dict its values
  std::string name{};  ///< of a weight: its path
  bool is_state = false;  ///< it belongs to the model: what a call writes there the next one reads
  std::optional<onnx_view> view{};
  std::uint64_t version = 0;  ///< of a root: how often it was written to
  bool sized_by_data =
      false;  ///< its sizes depend on what is in the inputs: none is fixed, even if it was the same in both runs
};

inline bool is_container(c10::IValue const& value) {
  return value.isList() || value.isTuple() || value.isGenericDict();
}

/// Equal for all that a graph can tell.
inline bool same_value(c10::IValue const& a, c10::IValue const& b) {
  auto const same_elements = [](auto const& x, auto const& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](auto const& each, auto const& other) { return same_value(each, other); });
  };
  if (a.isTensor() && b.isTensor()) {
    auto const &x = a.toTensor(), &y = b.toTensor();
    if (!x.defined() || !y.defined()) return x.defined() == y.defined();
    if (x.is_same(y)) return true;
    return x.sizes() == y.sizes() && x.scalar_type() == y.scalar_type() && x.layout() == y.layout() && at::equal(x, y);
  }
  if (a.isList() && b.isList()) return same_elements(a.toListRef(), b.toListRef());
  if (a.isTuple() && b.isTuple()) return same_elements(a.toTupleRef().elements(), b.toTupleRef().elements());
  if (a.isGenericDict() && b.isGenericDict()) {
    auto const x = a.toGenericDict(), y = b.toGenericDict();
    if (x.size() != y.size()) return false;
    for (auto const& item : x) {
      auto const other = y.find(item.key());
      if (other == y.end() || !same_value(item.value(), other->value())) return false;
    }
    return true;
  }
  if (a.isObject() && b.isObject()) return a.toObject() == b.toObject();
  if (a.isDouble() && b.isDouble())
    return a.toDouble() == b.toDouble() || (a.toDouble() != a.toDouble() && b.toDouble() != b.toDouble());
  if (a.tagKind() != b.tagKind() || a.isObject() || a.isCapsule() || a.isGenerator()) return false;
  return a == b;
}

inline symbol constant_symbol(c10::IValue const& first, c10::IValue const& second) {
  return std::make_shared<symbolic>(symbolic{.seen = {first, second}});
}

/// The elements of a list or tuple, or the values of a dict; of a constant they are made when they are asked for.
inline std::vector<symbol>& elements_of(symbol const& container) {
  if (container->elements) return *container->elements;
  container->elements.emplace();
  std::array<std::vector<c10::IValue>, 2> parts;
  for (std::size_t run = 0; run < parts.size(); ++run) {
    auto const& value = container->seen[run];
    if (value.isList())
      for (c10::IValue const& each : value.toList()) parts[run].push_back(each);
    else if (value.isTuple())
      for (auto const& each : value.toTupleRef().elements()) parts[run].push_back(each);
    else if (value.isGenericDict())
      for (auto const& item : value.toGenericDict()) parts[run].push_back(item.value());
  }
  for (std::size_t i = 0; i < std::min(parts[0].size(), parts[1].size()); ++i) {
    auto element = constant_symbol(parts[0][i], parts[1][i]);
    element->depends_on = container->depends_on;
    if (element->depends_on == dependence::sizes && same_value(parts[0][i], parts[1][i]))
      element->depends_on = dependence::none;
    element->is_state = container->is_state;
    container->elements->push_back(std::move(element));
  }
  return *container->elements;
}

inline symbolic& root_of(symbol const& value) {
  auto* at = value.get();
  while (at->view) at = at->view->base.get();
  return *at;
}

/// Of a view, what was written to its base counts; of a container, what is in it.
inline dependence dependence_of(symbol const& value) {
  auto depends_on = value->depends_on;
  if (value->view) depends_on = std::max(depends_on, root_of(value).depends_on);
  if (value->elements) {
    // a list that holds all it depends on depends on nothing else
    depends_on = dependence::none;
    for (auto const& each : *value->elements) depends_on = std::max(depends_on, dependence_of(each));
  }
  return depends_on;
}

inline bool has_dimensions(symbol const& value) {
  return value->seen[0].isTensor() && value->seen[0].toTensor().defined() && value->seen[0].toTensor().dim() > 0;
}

inline bool has_sizes_by_data(symbol const& value) {
  if (value->elements) return std::any_of(value->elements->begin(), value->elements->end(), has_sizes_by_data);
  return value->sized_by_data;
}

/// Do the sizes of what an operator gives depend on what is in the inputs, as those of x[x > 0] do?
inline bool is_sized_by_data(torch::jit::Node const* node, std::vector<symbol> const& inputs) {
  using names = std::unordered_set<std::string_view>;
  static names const counting = {"nonzero", "nonzero_numpy", "argwhere", "masked_select", "bincount"};
  static names const taking_sizes = {"slice",
                                     "narrow",
                                     "arange",
                                     "zeros",
                                     "ones",
                                     "full",
                                     "empty",
                                     "expand",
                                     "repeat",
                                     "reshape",
                                     "view",
                                     "split",
                                     "linspace",
                                     "eye",
                                     "pad",
                                     "topk",
                                     "new_ones",
                                     "new_zeros",
                                     "new_full",
                                     "tril_indices",
                                     "tile",
                                     "new_empty",
                                     "broadcast_to",
                                     "triu_indices",
                                     "split_with_sizes",
                                     "constant_pad_nd",
                                     "unflatten",
                                     "one_hot"};
  static names const keeping_sizes = {"index_put",       "index_put_", "_index_put_impl_", "masked_scatter",
                                      "masked_scatter_", "copy_",      "scatter",          "scatter_",
                                      "index_add",       "index_copy"};
  std::string_view const name = node->kind().toUnqualString();
  if (inputs.empty()) return false;
  if (keeping_sizes.contains(name)) return has_sizes_by_data(inputs[0]);
  if (std::any_of(inputs.begin(), inputs.end(), has_sizes_by_data)) return true;
  auto const is_data = [](symbol const& value) { return dependence_of(value) == dependence::data; };
  if (counting.contains(name) || name.starts_with("unique") || name.starts_with("_unique"))
    return std::any_of(inputs.begin(), inputs.end(), is_data);
  if (name == "where") return inputs.size() == 1 && is_data(inputs[0]);
  if (name == "repeat_interleave") {
    auto const& repeats = inputs[inputs.size() > 2 ? 1 : 0];
    return repeats->seen[0].isTensor() && is_data(repeats);
  }
  if (name == "one_hot" && is_data(inputs[0]) && inputs[1]->seen[0].isInt() && inputs[1]->seen[0].toInt() < 0)
    return true;
  if (name == "index") {
    auto const& indices = elements_of(inputs[1]);
    return std::any_of(indices.begin(), indices.end(), [&](symbol const& each) {
      return each->seen[0].isTensor() && each->seen[0].toTensor().defined() && is_data(each) &&
             (each->seen[0].toTensor().scalar_type() == at::kBool ||
              each->seen[0].toTensor().scalar_type() == at::kByte);
    });
  }
  if (!taking_sizes.contains(name)) return false;
  return std::any_of(inputs.begin(), inputs.end(), [&](symbol const& each) {
    bool const numbers = !each->seen[0].isTensor() && !each->seen[0].isNone();
    return numbers && is_data(each);
  });
}

}  // namespace torchdeploy::inline v0::detail

#endif
