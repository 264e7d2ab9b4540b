#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/diagnosis/inspected.hpp>

/// What a trace has made constant. The branches it did not take leave nothing in its graph: LibTorch removes the comparison
/// with them. What does remain is looked for here and in weights.hpp.
namespace torchdeploy::inline v0::detail {

/// Was this number computed by float32 arithmetic, and not typed? It is then exactly a float32 with most of its bits in
/// use, which a float64 is once in 2^29, and one that a person made of five digits or fewer is left out (float32(0.1)).
inline bool is_computed_float32(double value) {
  auto const narrow = static_cast<float>(value);
  using limits = std::numeric_limits<float>;
  if (!std::isfinite(narrow) || static_cast<double>(narrow) != value) return false;
  for (auto const known : {limits::max(), limits::min(), limits::epsilon()})
    if (std::abs(narrow) == known) return false;
  constexpr std::uint32_t mantissa = 0x7FFFFF;
  auto const bits = std::bit_cast<std::uint32_t>(narrow) & mantissa;
  if (bits == 0 || std::countr_zero(bits) > 7) return false;  // dyadic: 0.5, 0.375
  std::array<char, 32> text{};
  auto const end =
      std::to_chars(text.data(), text.data() + text.size(), std::abs(narrow), std::chars_format::scientific).ptr;
  auto const digits = std::string_view(text.data(), static_cast<std::size_t>(end - text.data()));
  return digits.substr(0, digits.find('e')).size() > 6;  // six digits and the point
}

/// The number in a constant: a float, or the tensor without dimensions that a trace makes of one.
inline std::optional<double> number_of(jit::Value const* value) {
  auto const constant = jit::toIValue(value);
  if (!constant) return std::nullopt;
  if (constant->isDouble()) return constant->toDouble();
  if (constant->isInt()) return static_cast<double>(constant->toInt());
  if (!constant->isTensor() || !constant->toTensor().defined()) return std::nullopt;
  auto const& tensor = constant->toTensor();
  if (tensor.dim() != 0 || !tensor.device().is_cpu() || tensor.is_quantized() || tensor.is_complex())
    return std::nullopt;
  return tensor.item<double>();
}

/// Numbers that a trace got from a tensor: `x.max().item()`, `float(x.mean())`.
inline void find_baked_numbers(inspected const& in, std::vector<finding>& found) {
  std::vector<std::pair<jit::Node*, double>> baked;
  for_each_node(*in.graph, [&](jit::Node* node) {
    if (!is_aten(node) || operator_name(node).starts_with("quantize_") || operator_name(node).starts_with("_make_per_"))
      return;
    for (auto const* input : node->inputs()) {
      auto const constant = jit::toIValue(input);
      if (!constant || constant->isInt()) continue;
      if (constant->isTensor() &&
          (!constant->toTensor().defined() || constant->toTensor().scalar_type() != at::kDouble))
        continue;
      if (auto const number = number_of(input); number && is_computed_float32(*number) && is_traced(node))
        baked.emplace_back(node, *number);
    }
  });
  if (!baked.empty())
    found.push_back({"lost-control-flow", severity::warning, where(baked.front().first),
                     "the trace holds " + std::to_string(baked.size()) +
                         " number(s) that a tensor had when it was made: " + number_text(baked.front().second),
                     "no .item(), float(x) or int(x) of what depends on the input: keep it a tensor, or script"});
}

/// A loop over an input, written out: `x[:, 0]`, `x[:, 1]`, ... and nothing after the last.
inline void find_unrolled_loops(inspected const& in, std::vector<finding>& found) {
  struct unrolled {
    jit::Value const* source;
    std::int64_t dimension;
    jit::Node* first;
    std::vector<std::int64_t> indices{};  ///< each once
  };
  std::vector<unrolled> loops;
  for_each_node(*in.graph, [&](jit::Node* node) {
    if (!is_operator(node, "aten::select")) return;
    auto const dimension = jit::toIValue(node->input(1)), index = jit::toIValue(node->input(2));
    if (!dimension || !index) return;
    auto const* source = node->input(0);
    while (is_operator(source->node(), "aten::slice")) source = source->node()->input(0);  // x[:, t] slices first
    if (source->node()->kind() != c10::prim::Param) return;
    auto loop = std::find_if(loops.begin(), loops.end(), [&](unrolled const& each) {
      return each.source == source && each.dimension == dimension->toInt();
    });
    if (loop == loops.end()) {
      loops.push_back({source, dimension->toInt(), node});
      loop = loops.end() - 1;
    }
    auto& indices = loop->indices;
    if (std::find(indices.begin(), indices.end(), index->toInt()) == indices.end()) indices.push_back(index->toInt());
  });
  for (auto const& loop : loops) {
    auto const count = static_cast<std::int64_t>(loop.indices.size());
    bool const whole = std::all_of(loop.indices.begin(), loop.indices.end(),
                                   [&](std::int64_t index) { return 0 <= index && index < count; });
    constexpr std::int64_t least = 3;  // x[:, 0] and x[:, 1] are written by hand
    if (count < least || !whole || !is_traced(loop.first)) continue;
    found.push_back({"lost-control-flow", severity::warning, where(loop.first),
                     "a loop over dimension " + std::to_string(loop.dimension) + " of the input was written out " +
                         std::to_string(count) + " times: longer inputs are cut off, shorter ones raise",
                     "torch.jit.script the loop"});
  }
}

/// Does a value depend on the method's input by more than its sizes, and row by row? (Sums of everything do not.)
inline bool follows_input(jit::Value const* value) {
  std::set<void const*> seen;
  std::vector<jit::Value const*> waiting{value};
  while (!waiting.empty()) {
    auto const* const each = waiting.back();
    waiting.pop_back();
    if (!seen.insert(each).second) continue;
    auto const type = each->type()->kind();
    if (type != c10::TypeKind::TensorType && type != c10::TypeKind::ListType && type != c10::TypeKind::TupleType &&
        type != c10::TypeKind::OptionalType)
      continue;
    auto const* const node = each->node();
    if (node->kind() == c10::prim::Param) return true;
    auto const kind = operator_name(node);
    bool const reduces = kind == "sum" || kind == "mean" || kind == "max" || kind == "min" || kind == "norm";
    if (kind == "size" || kind == "NumToTensor" || (reduces && node->inputs().size() <= 2)) continue;
    for (auto const* input : node->inputs()) waiting.push_back(input);
  }
  return false;
}

/// Sizes given as constants; none where any is computed.
inline std::vector<std::int64_t> constant_sizes(jit::Value const* list) {
  if (auto const constant = jit::toIValue(list))
    return constant->isIntList() ? constant->toIntVector() : std::vector<std::int64_t>();
  std::vector<std::int64_t> sizes;
  if (list->node()->kind() != c10::prim::ListConstruct) return sizes;
  for (auto const* each : list->node()->inputs()) {
    auto const size = jit::toIValue(each);
    if (!size || !size->isInt()) return {};
    sizes.push_back(size->toInt());
  }
  return sizes;
}

/// `view` or `reshape` of what was computed from the input, to sizes that are all constants: no -1 is there to follow the
/// batch, so one number of elements fits. `view(-1, 256)` is right, and so is what reshapes a weight.
inline std::vector<jit::Node*> fixed_views(jit::Graph& graph) {
  std::vector<jit::Node*> fixed;
  for_each_node(graph, [&](jit::Node* node) {
    if (!is_operator(node, "aten::view") && !is_operator(node, "aten::reshape")) return;
    auto const sizes = constant_sizes(node->input(1));
    if (sizes.empty() || std::find(sizes.begin(), sizes.end(), std::int64_t{-1}) != sizes.end()) return;
    if (follows_input(node->input(0))) fixed.push_back(node);
  });
  return fixed;
}

/// The constant sizes of a new tensor.
inline std::vector<std::int64_t> made_with(jit::Value const* tensor) {
  static constexpr std::array makers = {"zeros", "ones", "full", "empty", "rand", "randn"};
  bool const is_new = std::find(makers.begin(), makers.end(), operator_name(tensor->node())) != makers.end();
  return is_new ? constant_sizes(tensor->node()->input(0)) : std::vector<std::int64_t>();
}

/// The states that an LSTM starts from, made with constant sizes: for one batch size. LibTorch gives them to oneDNN
/// unchecked, which then reads and writes past the end.
inline void find_baked_states(inspected const& in, std::vector<finding>& found) {
  for_each_node(*in.graph, [&](jit::Node* node) {
    if (!is_operator(node, "aten::lstm")) return;
    std::vector<std::vector<std::int64_t>> states;
    if (auto const list = jit::toIValue(node->input(1)); list && list->isTensorList()) {
      for (at::Tensor const& state : list->toTensorList()) states.push_back(state.sizes().vec());
    } else if (node->input(1)->node()->kind() == c10::prim::ListConstruct) {
      for (auto const* state : node->input(1)->node()->inputs()) {
        auto const constant = jit::toIValue(state);  // settling computes zeros of constant sizes
        bool const folded = constant && constant->isTensor() && constant->toTensor().defined();
        states.push_back(folded ? constant->toTensor().sizes().vec() : made_with(state));
      }
    }
    auto const baked = std::find_if(states.begin(), states.end(), [](auto const& sizes) { return sizes.size() == 3; });
    if (baked == states.end()) return;
    found.push_back({"baked-batch", severity::warning, where(node),
                     "the LSTM starts from states of batch " + std::to_string((*baked)[1]) +
                         ": at another one oneDNN writes past their end, and nothing is raised",
                     "torch.zeros(layers, x.size(0), hidden), or no initial state at all"});
  });
}

inline void find_fixed_views(inspected const& in, std::vector<finding>& found) {
  auto const fixed = fixed_views(*in.graph);
  if (fixed.empty()) return;
  std::string sizes;
  for (auto const each : constant_sizes(fixed.front()->input(1)))
    sizes += (sizes.empty() ? "" : ", ") + std::to_string(each);
  found.push_back(
      {"baked-sizes", severity::note, where(fixed.front()),
       std::to_string(fixed.size()) + " view(s) have constants for all sizes: [" + sizes +
           "] fits one batch and resolution only",
       "x.flatten(1), or -1 for the batch; sizes from x.shape stay alive in a trace, int(...) and len(x) don't"});
}

}  // namespace torchdeploy::inline v0::detail
