#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/dtype.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/quantization.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

/// What LibTorch's graph mode dies of, found before it is called: repaired where the model's meaning allows, else refused
/// with the place and the reason.
namespace torchdeploy::inline v0::detail {

inline bool always_raises(jit::Block* block) {
  for (jit::Node* node : block->nodes()) {
    if (node->kind() == c10::prim::RaiseException) return true;
    if (node->kind() != c10::prim::If) continue;
    bool both = true;
    for (jit::Block* inner : node->blocks()) both = both && always_raises(inner);
    if (both) return true;
  }
  return false;
}

/// An `if` that gives values though each of its branches raises: InsertObservers indexes an empty vector there.
inline bool is_deadly_branch(jit::Node const* node) {
  if (node->kind() != c10::prim::If || node->outputs().empty()) return false;
  bool raises = true;
  for (auto* block : node->blocks()) raises = raises && always_raises(const_cast<jit::Block*>(block));
  return raises;
}

inline jit::GraphFunction* called_function(jit::Node const* node) {
  if (node->kind() != c10::prim::CallFunction) return nullptr;
  auto const type = node->input(0)->type()->cast<c10::FunctionType>();
  return type ? jit::tryToGraphFunction(*type->function()) : nullptr;
}

/// Does the graph, or a function it calls, hold what ends the process? Beside the branches above, that is a call of a
/// function without parameters, of whose graph InsertObservers reads the first input: scripted nn.MultiheadAttention asks
/// `get_fastpath_enabled()`.
inline bool is_deadly(jit::Graph& graph, std::set<void const*>& seen) {
  if (!seen.insert(&graph).second) return false;
  bool found = false;
  for_each_node(graph, [&](jit::Node* node) {
    found = found || is_deadly_branch(node);
    if (auto* const function = called_function(node))
      found = found || function->num_inputs() == 0 || is_deadly(*function->graph(), seen);
  });
  return found;
}

/// After a branch that raises, nothing reads what it gives: let the values come from nowhere, and the `if` give none.
inline void disarm(jit::Node* branch) {
  auto& graph = *branch->owningGraph();
  jit::WithInsertPoint const before(branch);
  for (auto i = branch->outputs().size(); i-- > 0;) {
    auto* const nothing = graph.insertNode(graph.createUninitialized(branch->output(i)->type()))->output();
    branch->output(i)->replaceAllUsesWith(nothing);
    branch->eraseOutput(i);
    for (auto* block : branch->blocks()) block->eraseOutput(i);
  }
}

/// A module that stays in float, and why: with all that is inside it, or alone.
struct exclusion {
  std::string path;
  std::string reason;
  bool alone = false;

  [[nodiscard]] bool covers(std::string_view name) const {
    return path.empty() || name == path || (name.starts_with(path) && name[path.size()] == '.');
  }
  [[nodiscard]] bool applies_to(layer const& each) const {
    return alone ? each.weight && owner_of(*each.weight) == path : covers(each.name);
  }
};

/// Make a module of ours safe for InsertObservers: a method that would end the process is settled first (the functions it
/// calls are shared with others and stay as they are), and its module stays in float, since what such control flow gives
/// is not observed alike in all branches.
inline std::vector<exclusion> disarm(jit::Module const& module) {
  std::vector<exclusion> excluded;
  for (auto const& [path, each] : module.named_modules())
    for (auto const& method : each.get_methods()) {
      std::set<void const*> seen;
      auto const graph = method.graph();
      if (!is_deadly(*graph, seen)) continue;
      settle(*graph, each);
      std::vector<jit::Node*> deadly;
      for_each_node(*graph, [&](jit::Node* node) {
        if (is_deadly_branch(node)) deadly.push_back(node);
      });
      for (auto* node : deadly) disarm(node);
      excluded.push_back(
          {path, "graph mode can't follow the branches of " + each.type()->name()->name() + "." + method.name()});
    }
  return excluded;
}

/// Graph mode follows the calls from `forward` and must know, at each, which module is called.
inline void refuse_what_graph_mode_cannot_follow(jit::Module const& module) {
  constexpr auto hint = "quantize the sub-modules by themselves, or load another export of the model";
  for (auto const& [path, each] : module.named_modules())
    for (auto const& method : each.get_methods()) {
      auto const graph = method.graph();
      auto const where = (path.empty() ? "" : path + ".") + method.name();
      for_each_node(*graph, [&](jit::Node* node) {
        if (node->kind() != c10::prim::CallMethod) return;
        auto* at = node->input(0);
        while (at->node()->kind() == c10::prim::GetAttr) at = at->node()->input(0);
        if (at != graph->inputs()[0])
          throw quantization_error(errc::not_quantizable,
                                   "expected calls of sub-modules only, but '" + where + "' calls '" +
                                       node->s(c10::attr::name) + "' of an object that it gets at run time",
                                   hint);
      });
    }
}

/// What would surface only inside LibTorch, as the text of another error, or when the session runs. `in_float` tells of a
/// layer that it will not be quantized.
template <class InFloat>
void refuse_weights_that_cannot_be_quantized(jit::Module const& module, jit::Graph& graph, InFloat const& in_float) {
  for (auto const& each : layers_of(graph)) {
    if (!each.weight || in_float(each.name)) continue;
    auto const value = attribute_at(module, *each.weight);
    if (!value.isTensor() || !value.toTensor().is_floating_point()) continue;
    auto const weight = value.toTensor();
    auto const name = "'" + joined(*each.weight) + "'";
    if (weight.scalar_type() != at::kFloat)
      throw quantization_error(errc::not_quantizable,
                               "expected float32 weights, got " + dtype_name(weight.scalar_type()) + " in " + name,
                               "export the model with model.float()");
    if (weight.numel() == 0) throw quantization_error(errc::not_quantizable, "expected weights, got none in " + name);
    if (!at::isfinite(weight).all().item<bool>())
      throw quantization_error(errc::not_finite, "expected finite weights, got NaN or infinity in " + name);
  }
}
inline void refuse_weights_that_cannot_be_quantized(jit::Module const& module) {
  refuse_weights_that_cannot_be_quantized(module, *settled_graph(module), [](std::string const&) { return false; });
}

}  // namespace torchdeploy::inline v0::detail
