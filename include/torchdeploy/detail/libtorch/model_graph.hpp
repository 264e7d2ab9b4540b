#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/detail/libtorch/copies.hpp>
#include <torchdeploy/detail/libtorch/graph.hpp>

/// Reading a model's graph: what its layers are, where their weights live, what state it is in.
namespace torchdeploy::inline v0::detail {

namespace jit = torch::jit;

/// Visit every node, nested blocks included.
template <class Visit>
void for_each_node(jit::Block* block, Visit const& visit) {
  for (jit::Node* node : block->nodes()) {
    visit(node);
    for (jit::Block* inner : node->blocks()) for_each_node(inner, visit);
  }
}
template <class Visit>
void for_each_node(jit::Graph& graph, Visit const& visit) {
  for_each_node(graph.block(), visit);
}

/// Names of attributes from the model down to a module or tensor. Not one string: names that passes make hold dots.
using attribute_path = std::vector<std::string>;

/// "layer1.0.conv1.weight"
inline std::string joined(attribute_path const& path) {
  std::string all;
  for (auto const& name : path) all += (all.empty() ? "" : ".") + name;
  return all;
}

/// The path of a value that is `self.layer1.0.conv1.weight`; nothing for any other value.
inline std::optional<attribute_path> path_of(jit::Value const* value) {
  attribute_path path;
  for (; value->node()->kind() == c10::prim::GetAttr; value = value->node()->input(0))
    path.insert(path.begin(), value->node()->s(c10::attr::name));
  bool const is_self = value->node()->kind() == c10::prim::Param && value->offset() == 0;
  if (path.empty() || !is_self) return std::nullopt;
  return path;
}

/// "conv2d" for aten::conv2d and aten::conv2d_.
inline std::string operator_name(jit::Node const* node) {
  std::string name = node->kind().toUnqualString();
  if (name.size() > 1 && name.back() == '_' && name.front() != '_') name.pop_back();
  return name;
}

inline bool is_operator(jit::Node const* node, std::string_view qualified) {
  return node->kind().toQualString() == qualified;
}

inline c10::IValue attribute_at(jit::Module const& module, attribute_path const& path) {
  c10::IValue at = module._ivalue();
  for (auto const& name : path) at = at.toObjectRef().getAttr(name);
  return at;
}

/// Make a method's graph what will run: calls inlined, attributes that nothing writes (`inplace`, `training`) taken as the
/// constants they are, and branches that are then never taken removed.
inline void settle(jit::Graph& graph, jit::Module const& module) {
  jit::Inline(graph);
  std::vector<std::string> written;
  std::vector<jit::Node*> read;
  for_each_node(graph, [&](jit::Node* node) {
    if (node->kind() == c10::prim::SetAttr) written.push_back(node->s(c10::attr::name));
    if (node->kind() == c10::prim::GetAttr) read.push_back(node);
  });
  for (jit::Node* node : read) {
    auto const kind = node->output()->type()->kind();
    bool const is_setting = kind == c10::TypeKind::BoolType || kind == c10::TypeKind::IntType ||
                            kind == c10::TypeKind::FloatType || kind == c10::TypeKind::StringType;
    auto const path = path_of(node->output());
    if (!is_setting || !path || std::find(written.begin(), written.end(), path->back()) != written.end()) continue;
    // scale and zero point stay attributes: plan and report look them up by their path
    if (std::any_of(node->output()->uses().begin(), node->output()->uses().end(),
                    [](jit::Use const& use) { return operator_name(use.user).starts_with("quantize_per_"); }))
      continue;
    jit::WithInsertPoint const before(node);
    node->output()->replaceAllUsesWith(graph.insertConstant(attribute_at(module, *path)));
  }
  auto shared = graph.shared_from_this();
  jit::ConstantPropagation(shared);
  jit::EliminateDeadCode(shared);
}

/// Are they two names of one tensor?
inline bool is_tied(at::Tensor const& a, at::Tensor const& b) {
  return a.is_alias_of(b) && a.storage_offset() == b.storage_offset() && a.sizes() == b.sizes() &&
         a.strides() == b.strides();
}

/// Tie in a copy what is tied in the model; `originals` and `copies` are the tensors seen so far.
inline void tie_copies(c10::ivalue::Object const& from, c10::ivalue::Object& to, std::vector<at::Tensor>& originals,
                       std::vector<at::Tensor>& copies) {
  for (std::size_t i = 0; i < from.slots().size(); ++i) {
    auto const& value = from.getSlot(i);
    auto const& name = from.type()->getAttributeName(i);
    if (value.isObject() && value.toObjectRef().type()->is_module()) {
      tie_copies(value.toObjectRef(), to.getAttr(name).toObjectRef(), originals, copies);
    } else if (value.isTensor() && value.toTensor().defined() && value.toTensor().has_storage()) {
      std::size_t known = 0;
      while (known < originals.size() && !is_tied(originals[known], value.toTensor())) ++known;
      if (known < originals.size()) {
        to.setAttr(name, copies[known]);
      } else {
        originals.push_back(value.toTensor());
        copies.push_back(to.getAttr(name).toTensor());
      }
    }
  }
}

/// A copy of data and code. LibTorch's `clone` copies a tensor once for each of its names; what was tied (an embedding and
/// the layer behind it) is tied in the copy too.
inline jit::Module cloned(jit::Module const& module) {
  auto copy = copy_of_data(module.clone(/*inplace=*/true));  // new code, then new data
  std::vector<at::Tensor> originals, copies;
  tie_copies(*module._ivalue(), *copy._ivalue(), originals, copies);
  return copy;
}

/// A copy of a method's graph, settled, to look at.
inline std::shared_ptr<jit::Graph> settled_graph(jit::Module const& module, std::string const& method = "forward") {
  auto graph = module.get_method(method).graph()->copy();
  settle(*graph, module);
  return graph;
}

inline bool has_operator(jit::Graph& graph, std::string_view qualified) {
  bool found = false;
  for_each_node(graph, [&](jit::Node* node) { found = found || is_operator(node, qualified); });
  return found;
}

/// Was the model lowered already (its weights packed for an int8 engine)?
inline bool is_lowered(jit::Graph& graph) {
  bool found = false;
  for_each_node(graph, [&](jit::Node* node) {
    found = found || std::string_view(node->kind().ns().toUnqualString()) == "quantized";
  });
  return found;
}

/// Bytes of all tensors a model carries: parameters, buffers and constants of its graphs, each storage once.
inline std::uint64_t tensor_bytes(jit::Module const& module) {
  std::vector<void const*> seen;
  std::uint64_t bytes = 0;
  auto const add = [&](at::Tensor const& tensor) {
    if (!tensor.defined() || !tensor.has_storage()) return;
    void const* const storage = tensor.storage().unsafeGetStorageImpl();
    if (std::find(seen.begin(), seen.end(), storage) != seen.end()) return;
    seen.push_back(storage);
    bytes += tensor.nbytes();
  };
  for (auto const& each : module.attributes(true))
    if (each.isTensor()) add(each.toTensor());
  for (auto const& method : module.get_methods())
    for_each_node(*method.graph(), [&](jit::Node* node) {
      if (node->kind() != c10::prim::Constant || !node->hasAttribute(c10::attr::value)) return;
      if (node->kindOf(c10::attr::value) == jit::AttributeKind::t) add(node->t(c10::attr::value));
    });
  return bytes;
}

}  // namespace torchdeploy::inline v0::detail
