#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/diagnosis/state.hpp>
#include <torchdeploy/onnx/call.hpp>
#include <torchdeploy/onnx/open_counts.hpp>
#include <torchdeploy/onnx/shape_only.hpp>
#include <torchdeploy/onnx/symbolic.hpp>

/// Running a graph's nodes one by one, on two sets of inputs.
namespace torchdeploy::inline v0::detail {

/// Results of a node in the two runs.
using onnx_results_of_runs = std::array<std::vector<c10::IValue>, 2>;

/// Does a node write to what it is given?
inline bool is_writing(jit::Node const* node) {
  auto const* const schema = node->maybeSchema();
  if (!schema) return false;
  for (std::size_t i = 0; i < schema->arguments().size(); ++i)
    if (writes(*schema, i)) return true;
  return false;
}

/// Does a node ask a question about tensors that is not about what is in them?
inline bool asks_for_sizes(jit::Node const* node) {
  // clang-format off
  static std::unordered_set<std::string_view> const all = {
      "aten::__is__", "aten::__isnot__", "aten::_shape_as_tensor", "aten::dim", "aten::get_device",
      "aten::is_complex", "aten::is_contiguous", "aten::is_floating_point", "aten::is_same_size", "aten::is_signed",
      "aten::keys", "aten::len", "aten::numel", "aten::size", "aten::storage_offset", "aten::stride", "aten::sym_size",
      "prim::device", "prim::dtype", "prim::index", "prim::is_cuda", "prim::is_ipu", "prim::is_meta", "prim::is_mkldnn",
      "prim::is_mps", "prim::is_nested", "prim::is_quantized", "prim::is_sparse", "prim::is_sparse_csr",
      "prim::is_vulkan", "prim::is_xpu", "prim::isinstance", "prim::itemsize", "prim::layout", "prim::requires_grad",
      "prim::shape", "prim::type"};
  // clang-format on
  if (is_operator(node, "aten::__contains__"))  // of a dict's keys
    return node->input(0)->type()->kind() == c10::TypeKind::DictType;
  return all.contains(node->kind().toQualString());
}

/// One that the sizes of a tensor answer.
inline bool asks_for_a_size(jit::Node const* node) {
  static std::unordered_set<std::string_view> const all = {
      "aten::_shape_as_tensor", "aten::is_same_size", "aten::len", "aten::numel", "aten::size",
      "aten::sym_size",         "prim::shape"};
  return all.contains(node->kind().toQualString());
}

/// Does a node give a tensor another shape in place?
inline bool reshapes_in_place(jit::Node const* node) {
  static std::unordered_set<std::string_view> const all = {"unsqueeze", "squeeze", "t",   "transpose",  "swapaxes",
                                                           "swapdims",  "resize",  "set", "as_strided", "resize_as"};
  return all.contains(operator_name(node));
}
/// In one that its operator that is not in place gives, too.
inline bool moves_axes_in_place(jit::Node const* node) {
  static std::unordered_set<std::string_view> const all = {"unsqueeze", "squeeze",  "t",
                                                           "transpose", "swapaxes", "swapdims"};
  return all.contains(operator_name(node));
}

/// Does a branch raise an error?
inline bool ends_in_error(jit::Block* block) {
  return std::any_of(block->nodes().begin(), block->nodes().end(),
                     [](jit::Node* node) { return node->kind() == c10::prim::RaiseException; });
}

/// Were the results the same in both runs?
inline bool is_same(onnx_results_of_runs const& results) {
  for (std::size_t i = 0; i < results[0].size(); ++i)
    if (!same_value(results[0][i], results[1].at(i))) return false;
  return true;
}

/// Is it a yes or no about sizes that are open, such as `x.size(0) == 1`? At other sizes the answer may be another.
inline bool judges_open_sizes(std::vector<symbol> const& inputs, onnx_results_of_runs const& results) {
  if (results[0].size() != 1 || !results[0][0].isBool()) return false;
  return std::any_of(inputs.begin(), inputs.end(), [](symbol const& each) {
    return is_number(each->seen[0]) && (has_open(each) || !same_value(each->seen[0], each->seen[1]));
  });
}

/// Is a size asked for that is open, though it was the same in both runs?
inline bool is_about_open_axis(std::vector<symbol> const& inputs) {
  auto const& of = *inputs[0];
  if (inputs.size() > 1 && inputs[1]->seen[0].isInt() && has_rank(of.seen[0]))
    return of.is_open(onnx_call::axis(inputs[1]->seen[0].toInt(), of.seen[0].toTensor().dim()));
  return std::any_of(inputs.begin(), inputs.end(), [](symbol const& each) { return !each->open_axes.empty(); });
}
/// Of sizes that are open `squeeze` keeps even those that are 1.
inline bool keeps_open_axis(jit::Node const* node, std::vector<symbol> const& inputs) {
  if (operator_name(node) != "squeeze" || !has_rank(inputs[0]->seen[0])) return false;
  auto const rank = inputs[0]->seen[0].toTensor().dim();
  std::vector<std::int64_t> axes;
  if (inputs.size() > 1 && inputs[1]->seen[0].isInt())
    axes = {inputs[1]->seen[0].toInt()};
  else if (inputs.size() > 1 && inputs[1]->seen[0].isIntList())
    axes = inputs[1]->seen[0].toIntVector();
  else
    for (std::int64_t i = 0; i < rank; ++i) axes.push_back(i);
  return std::any_of(axes.begin(), axes.end(), [&](std::int64_t axis) {
    return !onnx_call::fixed_size(*inputs[0], onnx_call::axis(axis, rank));
  });
}
inline void open_sizes_of(symbolic& value, std::optional<c10::IValue> const& elsewhere) {
  value.elsewhere = elsewhere;
  value.open_axes = open_axes_of(value.seen[0], elsewhere);
}
inline void open_element(symbolic& element, c10::IValue const& list, std::size_t place) {
  auto const elsewhere = list.isList() ? list.toList().get(place) : c10::IValue();
  if (is_number(element.seen[0])) {
    if (elsewhere.isNone())
      element.elsewhere = other_number(element.seen[0]);
    else if (!same_value(elsewhere, element.seen[0]))
      element.elsewhere = elsewhere;
    else if (same_value(element.seen[0], element.seen[1]))
      element.depends_on = dependence::none;
  } else if (!open_axes_of(element.seen[0], elsewhere).empty()) {
    open_sizes_of(element, elsewhere);
  }
}

/// What of the model a tensor is.
inline std::string state_name(std::string const& name) { return name.empty() ? "an attribute" : "'" + name + "'"; }

/// Of what depends on the data of the inputs a model needs the shapes, but for a few.
enum class evaluation : std::uint8_t { shapes, values };
/// Thrown where shapes alone don't tell how the model goes on.
struct values_needed {};

class node_runner {
 public:
  explicit node_runner(evaluation of_data) : of_data_(of_data) {}

  /// Runs an operator: once if it depends on nothing, as the second run would give the same.
  /// @throws export_error 902, 903
  onnx_results_of_runs operator()(jit::Node* node, std::vector<symbol> const& inputs, dependence depends_on) {
    if (node->kind() == c10::prim::RaiseException) refuse_call(node, "the model raises an error on the examples");
    // without gradients LibTorch chooses operators that do the work of a whole layer; the plain ones can be exported
    if (is_operator(node, "aten::is_grad_enabled")) return {{{true}, {true}}};
    if (node->kind() == c10::prim::isinstance) return {{{is_of(node, inputs[0], 0)}, {is_of(node, inputs[0], 1)}}};
    auto& operation = operation_of(node);
    auto const begin = std::chrono::steady_clock::now();
    onnx_results_of_runs results;
    for (std::size_t run = 0; run < results.size(); ++run)
      results[run] = run == 1 && depends_on == dependence::none
                         ? results[0]
                         : once(node, operation, inputs, run, depends_on == dependence::data);
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return results;
  }
  /// See other_counts.
  other_counts::results elsewhere(jit::Node* node, std::vector<symbol> const& inputs,
                                  std::vector<c10::IValue> const& seen, bool counts, bool opens) {
    bool const is_concerned = counts || opens || std::any_of(inputs.begin(), inputs.end(), has_open);
    if (!is_concerned || (asks_for_sizes(node) && !asks_for_a_size(node)) || !node->maybeOperator())
      return other_counts::results(seen.size());
    return elsewhere_(node, operation_of(node), inputs, seen, counts, opens);
  }
  [[nodiscard]] bool has_values() const { return of_data_ == evaluation::values; }
  /// @throws values_needed
  void demand_values() const {
    if (of_data_ == evaluation::shapes) throw values_needed();
  }
  /// What running operators took so far.
  [[nodiscard]] double seconds() const { return seconds_; }

 private:
  jit::Operation& operation_of(jit::Node* node) {
    auto& operation = operations_[node];
    if (!operation) {
      if (!node->maybeOperator()) refuse_call(node, "expected an operator of LibTorch's, got one that it has not");
      operation = node->getOperation();
    }
    return *operation;
  }
  static bool is_of(jit::Node* node, symbol const& value, std::size_t run) {
    auto const& types = node->tys(c10::attr::types);
    return std::any_of(types.begin(), types.end(),
                       [type = value->seen[run].type()](c10::TypePtr const& each) { return type->isSubtypeOf(*each); });
  }
  jit::Stack once(jit::Node* node, jit::Operation& operation, std::vector<symbol> const& inputs, std::size_t run,
                  bool on_data) {
    jit::Stack stack;
    for (auto const& each : inputs) stack.push_back(each->seen[run]);
    if (on_data && of_data_ == evaluation::shapes)
      if (auto results = shapes_(node, operation, stack)) return std::move(*results);
    if (auto const* const schema = node->maybeSchema(); schema && schema->is_vararg())
      stack.emplace_back(static_cast<std::int64_t>(inputs.size()));  // as the interpreter says how many there are
    try {
      operation(stack);
    } catch (std::exception const& thrown) {
      auto const* const sizes = run == 0 ? "the example's sizes" : "other sizes";
      std::throw_with_nested(export_error(
          errc::export_raised, described(node) + " raised on inputs of " + sizes + ": " + first_words(thrown)));
    }
    return stack;
  }

  evaluation of_data_;
  std::unordered_map<jit::Node const*, std::optional<jit::Operation>> operations_{};
  shape_runner shapes_{};
  other_counts elsewhere_{};
  double seconds_ = 0;
};

}  // namespace torchdeploy::inline v0::detail

#endif
