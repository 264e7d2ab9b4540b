#pragma once

#include <algorithm>
#include <string>

#include <torchdeploy/detail/libtorch/layers.hpp>

/// The names of layers, through passes that rewrite a graph.
namespace torchdeploy::inline v0::detail {

/// The layer that a node belongs to ("layer1.0.conv1"), as `name_layers` wrote it into the node's scope; empty for the model
/// itself.
inline std::string layer_path(jit::Node* node) {
  auto const scope = node->scope();
  return scope && !scope->isRoot() ? scope->name().toUnqualString() : std::string();
}

inline void set_layer_path(jit::Node* node, std::string const& path) {
  auto const root = c10::make_intrusive<jit::Scope>();
  node->setScope(path.empty() ? root : root->push(c10::Symbol::scope(path)));
}

/// Write each node's layer into its scope, where passes keep it: of a layer the path of its weight, as reports have it, of
/// other nodes what inlining tells.
inline void name_layers(jit::Graph& graph) {
  for_each_node(graph, [](jit::Node* node) {
    if (node->kind() == c10::prim::Constant) return set_layer_path(node, {});
    auto path = place_of(node);
    path.erase(std::min(path.size(), path.rfind('.') == path.npos ? 0 : path.rfind('.')));
    if (auto const layer = layer_at(node); layer && layer->weight) path = layer->name;
    set_layer_path(node, path);
  });
}

}  // namespace torchdeploy::inline v0::detail
