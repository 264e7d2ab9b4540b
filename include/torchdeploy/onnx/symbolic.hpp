#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
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

inline std::uint64_t next_birth() {
  thread_local std::uint64_t last = 0;
  return ++last;
}

struct symbolic {
  std::array<c10::IValue, 2> seen{};
  dependence depends_on = dependence::none;
  onnx_value value{};
  std::optional<std::vector<symbol>> elements{};  ///< of a list or tuple; of a dict its values
  std::string name{};  ///< of a weight: its path
  bool is_state = false;  ///< it belongs to the model: what a call writes there the next one reads
  std::optional<onnx_view> view{};
  std::uint64_t version = 0;  ///< of a root: how often it was written to
  bool is_viewed = false;  ///< another one is a view of it
  std::uint64_t born = next_birth();  ///< those made later have a greater one
  /// What is open though it was the same in both runs (how many elements are positive, the smaller of a size and 512): what
  /// this would be where that is another, as far as shapes and numbers go. Nothing: as it was; None: it can't be told.
  std::optional<c10::IValue> elsewhere{};
  std::vector<bool> open_axes{};  ///< those whose sizes would be others; empty: none

  [[nodiscard]] bool is_open(std::int64_t axis) const {
    return !open_axes.empty() && open_axes.at(static_cast<std::size_t>(axis));
  }
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

}  // namespace torchdeploy::inline v0::detail

#endif
