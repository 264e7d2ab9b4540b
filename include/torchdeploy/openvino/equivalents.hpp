#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/openvino/layer_path.hpp>

/// Operators for which OpenVINO has a rule that differs, written with others.
namespace torchdeploy::inline v0::detail {

/// `div(a, b, rounding_mode="floor")` is `floor_divide(a, b)`, for which `add_rules` has a rule that is right for negative
/// integers, where OpenVINO's own gives -7 // 2 = -3.
inline void rewrite_floor_division(jit::Graph& graph, jit::Node* node) {
  if (operator_name(node) != "div" || node->inputs().size() != 3) return;
  auto const mode = jit::toIValue(node->input(2));
  if (!mode || !mode->isString() || mode->toStringRef() != "floor") return;
  auto* const whole = graph.insert(c10::aten::floor_divide, {node->input(0), node->input(1)});
  whole->setType(node->output()->type());
  set_layer_path(whole->node(), layer_path(node));
  node->output()->replaceAllUsesWith(whole);
}

/// `unbind(x, dim)[i]` is `select(x, dim, i)`: of a list that is made at run time OpenVINO takes all elements or none.
inline void rewrite_element(jit::Graph& graph, jit::Node* node) {
  if (operator_name(node) != "__getitem__" || !is_operator(node->input(0)->node(), "aten::unbind")) return;
  auto* const list = node->input(0)->node();
  auto* const element = graph.insert(c10::aten::select, {list->input(0), list->input(1), node->input(1)});
  element->setType(node->output()->type());
  set_layer_path(element->node(), layer_path(list));
  node->output()->replaceAllUsesWith(element);
}

/// Sums and products of integers are int64, unless told otherwise.
inline void widen_integers(jit::Graph& graph, jit::Node* node) {
  auto const name = operator_name(node);
  if (name != "cumsum" && name != "prod" && name != "sum") return;
  auto const tensor = node->input(0)->type()->cast<c10::TensorType>();
  auto const argument = node->maybeSchema() ? node->schema().argumentIndexWithName("dtype") : std::nullopt;
  if (!tensor || !tensor->scalarType() || !at::isIntegralType(*tensor->scalarType(), true) || !argument) return;
  auto const at = static_cast<std::size_t>(*argument);
  if (node->input(at)->type()->kind() == c10::TypeKind::NoneType)
    node->replaceInput(at, graph.insertConstant(static_cast<std::int64_t>(at::kLong)));
}

/// The values of which one or another is taken where `use` is: at the end of a branch, around a loop.
inline std::vector<jit::Value*> alternatives(jit::Use const& use) {
  auto* const user = use.user;
  auto* const around = user->kind() == c10::prim::Return ? user->owningBlock()->owningNode() : user;
  if (!around) return {};
  if (around->kind() == c10::prim::If && user != around)
    return {around->blocks()[0]->outputs()[use.offset], around->blocks()[1]->outputs()[use.offset],
            around->outputs()[use.offset]};
  if (around->kind() != c10::prim::Loop) return {};
  auto const first = user == around ? 2U : 1U;  // trip count and condition go in, the condition comes out
  if (use.offset < first) return {};
  auto const at = use.offset - first;
  return {around->input(at + 2), around->blocks()[0]->outputs()[at + 1], around->outputs()[at]};
}

/// The rank of a value, as far as operators that keep it tell, and loops, which keep the rank of what they carry.
using known_ranks = std::map<jit::Value*, std::optional<std::size_t>>;  // a sum of sums is asked once, not 2^n times
inline std::optional<std::size_t> rank_of(jit::Value* value, known_ranks& known);

inline std::optional<std::size_t> worked_out_rank(jit::Value* value, known_ranks& known) {
  static constexpr std::array keep = {
      "add",    "sub",        "mul",        "div",        "pow",        "maximum", "minimum",  "where",
      "tanh",   "sigmoid",    "relu",       "relu6",      "leaky_relu", "elu",     "gelu",     "silu",
      "exp",    "log",        "sqrt",       "abs",        "neg",        "clamp",   "hardtanh", "softmax",
      "to",     "type_as",    "clone",      "dropout",    "contiguous", "linear",  "conv1d",   "conv2d",
      "conv3d", "layer_norm", "batch_norm", "group_norm", "log_softmax"};
  auto const tensor = value->type()->cast<c10::TensorType>();
  if (!tensor) return std::nullopt;
  if (tensor->dim()) return tensor->dim();
  auto* const node = value->node();
  if (node->kind() == c10::prim::If) {
    auto const first = rank_of(node->blocks()[0]->outputs()[value->offset()], known);
    return first ? first : rank_of(node->blocks()[1]->outputs()[value->offset()], known);
  }
  if (node->kind() == c10::prim::Loop) return rank_of(node->input(value->offset() + 2), known);
  if (node->kind() == c10::prim::Param) {
    auto* const around = node->owningBlock()->owningNode();
    return around && around->kind() == c10::prim::Loop && value->offset() > 0
               ? rank_of(around->input(value->offset() + 1), known)
               : std::nullopt;
  }
  if (std::find(keep.begin(), keep.end(), operator_name(node)) == keep.end()) return std::nullopt;
  std::optional<std::size_t> most;
  for (auto* input : node->inputs()) {
    if (input->type()->kind() != c10::TypeKind::TensorType) continue;
    auto const rank = rank_of(input, known);
    if (!rank) return std::nullopt;
    most = std::max(most.value_or(0), *rank);
  }
  return most;
}

inline std::optional<std::size_t> rank_of(jit::Value* value, known_ranks& known) {
  if (auto const found = known.find(value); found != known.end()) return found->second;
  return known[value] = worked_out_rank(value, known);
}

/// What stands for the result of a branch that returned before, and is never read, is a tensor of the rank that is: a loop
/// whose ranks differ is refused when it is compiled.
inline void rewrite_uninitialized(jit::Graph& graph, jit::Node* node) {
  if (node->kind() != c10::prim::Uninitialized || node->output()->type()->kind() != c10::TypeKind::TensorType) return;
  std::optional<std::size_t> rank;
  known_ranks known;
  for (auto const& use : node->output()->uses())
    for (auto* const other : alternatives(use))
      if (!rank && other != node->output()) rank = rank_of(other, known);
  if (!rank) return;
  auto const dtype = node->output()->type()->expectRef<c10::TensorType>().scalarType().value_or(at::kFloat);
  node->output()->replaceAllUsesWith(graph.insertConstant(at::zeros(std::vector<std::int64_t>(*rank, 1), dtype)));
}

inline void rewrite(jit::Graph& graph) {
  std::vector<jit::Node*> operators;
  for_each_node(graph, [&](jit::Node* node) {
    if (std::string_view(node->kind().ns().toUnqualString()) == "aten" || node->kind() == c10::prim::Uninitialized)
      operators.push_back(node);
  });
  for (jit::Node* node : operators) {
    jit::WithInsertPoint const before(node);
    rewrite_uninitialized(graph, node);
    rewrite_floor_division(graph, node);
    rewrite_element(graph, node);
    widen_integers(graph, node);
  }
  jit::EliminateDeadCode(graph.block());
}

}  // namespace torchdeploy::inline v0::detail
