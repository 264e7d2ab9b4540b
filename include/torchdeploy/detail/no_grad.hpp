#pragma once

#include <algorithm>
#include <vector>

#include <torchdeploy/detail/libtorch/model_graph.hpp>

namespace torchdeploy::inline v0::detail {

/// `with torch.no_grad()` is a context manager, for which neither the lite interpreter has an instruction nor ONNX an
/// operator. Sessions run without gradients anyway, so it is left out.
inline void remove_no_grad(jit::Graph& graph) {
  std::vector<jit::Node*> scopes;
  for_each_node(graph, [&](jit::Node* node) {
    if (node->kind() == c10::prim::CreateObject &&
        node->output()->type()->expectRef<c10::ClassType>().name()->qualifiedName().ends_with("grad_mode.no_grad"))
      scopes.push_back(node);
  });
  for (auto* scope : scopes) {
    auto const uses = scope->output()->uses();
    bool const only_a_scope = std::all_of(uses.begin(), uses.end(), [](jit::Use const& use) {
      auto const kind = use.user->kind();
      return (kind == c10::prim::Enter || kind == c10::prim::Exit || kind == c10::prim::SetAttr) &&
             std::none_of(use.user->outputs().begin(), use.user->outputs().end(),
                          [](auto const* output) { return output->hasUses(); });
    });
    if (!only_a_scope) continue;
    for (auto const& use : uses) use.user->destroy();
    scope->destroy();
  }
}

}  // namespace torchdeploy::inline v0::detail
