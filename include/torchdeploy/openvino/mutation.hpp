#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/aliases.hpp>
#include <torchdeploy/detail/libtorch/rewriting.hpp>
#include <torchdeploy/diagnosis/state.hpp>
#include <torchdeploy/openvino/layer_path.hpp>

/// Tensors that are changed in place, of which OpenVINO knows nothing.
namespace torchdeploy::inline v0::detail {

/// A node that writes into a tensor or list it was given, and what it writes into.
struct writing {
  jit::Node* node;
  jit::Value* target;
};

inline std::vector<writing> writings_of(jit::Graph& graph) {
  std::vector<writing> found;
  for_each_node(graph, [&](jit::Node* node) {
    auto const* const schema = node->maybeSchema();
    if (!schema) return;
    for (std::size_t i = 0; i < std::min(node->inputs().size(), schema->arguments().size()); ++i)
      if (writes(*schema, i)) found.push_back({node, node->input(i)});
  });
  return found;
}

/// What a method writes to is its own: an argument that it changes is copied first, which no output can tell.
inline void own_arguments(jit::Graph& graph) {
  if (writings_of(graph).empty()) return;
  jit::WithInsertPoint const first(*graph.block()->nodes().begin());
  for (jit::Value* input : graph.inputs()) {
    if (!input->hasUses() || input->type()->kind() != c10::TypeKind::TensorType) continue;
    auto const uses = input->uses();
    auto* const copy = graph.insert(c10::aten::clone, {input});
    copy->setType(input->type());
    for (auto const& use : uses) use.user->replaceInput(use.offset, copy);
  }
}

/// In place, a result has the dtype of the tensor that it is written to; the same operator beside it may promote:
/// `mask += 1.5`, `x.lt_(0)`. Nodes where that can differ are marked in their scope, which the pass that takes them out
/// keeps.
inline auto const& promotion_mark() {
  static auto const mark = c10::Symbol::scope("in_place");
  return mark;
}
inline void mark_promotions(jit::Graph& graph) {
  for (auto const& [node, target] : writings_of(graph)) {
    auto const tensors = std::count_if(node->inputs().begin(), node->inputs().end(), [](jit::Value* each) {
      return each->type()->kind() == c10::TypeKind::TensorType;
    });
    static constexpr std::array to_bool = {"eq", "ne",          "lt",         "le",          "gt",
                                           "ge", "logical_and", "logical_or", "logical_xor", "logical_not"};
    bool const compares = std::find(to_bool.begin(), to_bool.end(), operator_name(node)) != to_bool.end();
    if (node->outputs().size() != 1 || (tensors < 2 && !compares)) continue;
    auto const path = layer_path(node);
    auto const marked = c10::make_intrusive<jit::Scope>()->push(promotion_mark());
    node->setScope(marked->push(c10::Symbol::scope(path)));
  }
}
inline void keep_dtypes(jit::Graph& graph) {
  std::vector<jit::Node*> marked;
  for_each_node(graph, [&](jit::Node* node) {
    auto const scope = node->scope();
    if (scope && !scope->isRoot() && !scope->parent()->isRoot() && scope->parent()->name() == promotion_mark())
      marked.push_back(node);
  });
  for (jit::Node* node : marked) {
    set_layer_path(node, layer_path(node));
    auto const dtype = [](jit::Value* each) {
      auto const tensor = each->type()->cast<c10::TensorType>();
      return tensor ? tensor->scalarType() : std::nullopt;
    };
    auto* const schema = node->maybeSchema();
    bool const in_place = schema && !schema->arguments().empty() && writes(*schema, 0);
    auto* const result = node->outputs().size() == 1 ? node->output() : nullptr;
    if (in_place || !result || (dtype(result) && dtype(result) == dtype(node->input(0)))) continue;
    jit::WithInsertPoint const after(node->next());
    auto* const kept = graph.insert(c10::aten::type_as, {result, node->input(0)});
    set_layer_path(kept->node(), layer_path(node));
    result->replaceAllUsesAfterNodeWith(kept->node(), kept);
  }
}

/// Is a value read at a node, or later, that runs after `node`? In a loop what is written above runs after, too.
inline bool is_read_after(jit::Value* value, jit::Node* node) {
  auto const inside = [](jit::Node* user, jit::Node* around) {
    while (user && user != around) user = user->owningBlock()->owningNode();
    return user != nullptr;
  };
  auto const loop_around =
      [&](jit::Node* user) {  // what is made anew at each turn is not what was read at the one before
        for (auto* at = node; at; at = at->owningBlock()->owningNode())
          if (at->kind() == c10::prim::Loop && !inside(value->node(), at) && inside(user, at)) return true;
        return false;
      };
  return std::any_of(value->uses().begin(), value->uses().end(), [&](jit::Use const& use) {
    return use.user != node &&
           (use.user->kind() == c10::prim::Return || use.user->isAfter(node) || loop_around(use.user));
  });
}

/// A constant that is written to was an attribute: state that the next call finds changed.
inline void refuse_written_constants(std::shared_ptr<jit::Graph> const& graph) {
  auto const all = writings_of(*graph);
  if (all.empty()) return;
  jit::AliasDb const aliases(graph);
  for_each_node(*graph, [&](jit::Node* constant) {
    if (constant->kind() != c10::prim::Constant || constant->output()->type()->kind() != c10::TypeKind::TensorType)
      return;
    for (auto const& [node, target] : all)
      if (target->type()->kind() == c10::TypeKind::TensorType && aliases.mayAlias(constant->output(), target)) {
        auto const name = layer_path(constant);
        throw backend_error(errc::conversion_failed,
                            "expected a model without state, got one that writes '" +
                                (name.empty() ? "a constant (" + where(node) + ")" : name) + "'",
                            "run it on LibTorch, or take the state as an argument and return it");
      }
  });
}

/// OpenVINO's front end carries a change to the tensor itself and, through select and slice, to what it is a part of; not to
/// other views of it. There the result would be wrong without a word.
inline void refuse_shared_writes(std::shared_ptr<jit::Graph> const& graph) {
  auto const all = writings_of(*graph);
  if (all.empty()) return;
  std::vector<jit::Value*> values(graph->inputs().begin(), graph->inputs().end());
  for_each_node(*graph, [&](jit::Node* node) {
    for (auto* each : node->outputs())
      if (each->type()->kind() == c10::TypeKind::TensorType) values.push_back(each);
  });
  jit::AliasDb const aliases(graph);
  for (auto const& [node, target] : all) {
    std::vector<jit::Value*> followed{target};
    while (is_operator(followed.back()->node(), "aten::select") || is_operator(followed.back()->node(), "aten::slice"))
      followed.push_back(followed.back()->node()->input(0));
    for (auto* each : values) {
      if (std::find(followed.begin(), followed.end(), each) != followed.end()) continue;
      if (each->node() == node || each->node()->isAfter(node) || !aliases.mayAlias(each, target)) continue;
      if (is_read_after(each, node))
        throw backend_error(errc::conversion_failed,
                            "expected tensors that nothing else sees change, got " +
                                std::string(node->kind().toQualString()) + " (" + where(node) +
                                ") on one that a view shares",
                            "write it without the underscore: x = x.add(y)");
    }
  }
}

}  // namespace torchdeploy::inline v0::detail
