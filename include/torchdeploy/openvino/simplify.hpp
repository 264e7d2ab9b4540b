#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/detail/libtorch/rewriting.hpp>
#include <torchdeploy/openvino/containers.hpp>
#include <torchdeploy/openvino/quantized.hpp>

/// A graph without what only LibTorch's interpreter asks: which device, which mode, are the arguments of a shape that fits.
namespace torchdeploy::inline v0::detail {

/// Does a value depend on what is in the arguments, or on their shapes and types alone? `known`: of each value, asked once, as
/// a value that is used twice would double the work at each step.
inline bool depends_on_data(jit::Value* value, std::unordered_map<jit::Value*, bool>& known) {
  if (auto const found = known.find(value); found != known.end()) return found->second;
  static constexpr std::array about_shape = {
      "aten::size",          "aten::dim",           "aten::len",       "aten::numel",
      "aten::stride",        "prim::dtype",         "prim::device",    "aten::is_floating_point",
      "aten::is_complex",    "prim::layout",        "prim::is_nested", "prim::is_cuda",
      "prim::requires_grad", "aten::is_contiguous", "prim::shape"};
  auto* const node = value->node();
  if (node->kind() == c10::prim::Constant) return false;
  if (node->kind() == c10::prim::Param) return true;
  bool const about_none = is_operator(node, "aten::__is__") || is_operator(node, "aten::__isnot__");
  if (about_none && node->input(1)->type()->kind() == c10::TypeKind::NoneType) return false;
  if (std::any_of(about_shape.begin(), about_shape.end(), [&](char const* each) { return is_operator(node, each); }))
    return false;
  auto const any = [&](auto const& values) {
    return std::any_of(values.begin(), values.end(), [&](jit::Value* each) { return depends_on_data(each, known); });
  };
  bool const depends = any(node->inputs()) || std::any_of(node->blocks().begin(), node->blocks().end(),
                                                          [&](jit::Block* each) { return any(each->outputs()); });
  return known[value] = depends;
}
inline bool depends_on_data(jit::Value* value) {
  std::unordered_map<jit::Value*, bool> known;
  return depends_on_data(value, known);
}

inline bool ends_raising(jit::Block* block) {
  return std::any_of(block->nodes().begin(), block->nodes().end(),
                     [](jit::Node* node) { return is_operator(node, "prim::RaiseException"); });
}

/// A branch that raises because of shapes or types is a check of the arguments: the runtime has its own. One that depends on
/// what is in a tensor is part of what the model does, and stays.
inline void drop_checks(jit::Graph& graph) {
  for_each_node(graph, [&](jit::Node* node) {
    if (node->kind() != c10::prim::If) return;
    bool const first = ends_raising(node->blocks()[0]), second = ends_raising(node->blocks()[1]);
    if (first == second || depends_on_data(node->input())) return;
    jit::WithInsertPoint const before(node);
    node->replaceInput(0, graph.insertConstant(second));
  });
}

/// Operators that do a whole layer's work, where LibTorch chooses them over the plain ones: without gradients.
inline bool is_fused_layer(jit::Node const* node) {
  return is_operator(node, "aten::_native_multi_head_attention") ||
         is_operator(node, "aten::_transformer_encoder_layer_fwd");
}

/// Questions about the process and the kind of tensors get the answer they have in a runtime: dense tensors on the CPU, no
/// autocast, no gradients; but where a layer would be fused, the answer that leads to plain operators.
inline void answer_questions(jit::Graph& graph) {
  bool fused = false;
  for_each_node(graph, [&](jit::Node* node) { fused = fused || is_fused_layer(node); });
  struct answer {
    std::string_view question;
    bool value;
  };
  answer const answers[] = {{"prim::is_nested", false},
                            {"prim::is_cuda", false},
                            {"prim::is_sparse", false},
                            {"prim::is_mkldnn", false},
                            {"prim::is_meta", false},
                            {"aten::is_autocast_enabled", false},
                            {"aten::is_autocast_cpu_enabled", false},
                            {"aten::is_grad_enabled", fused},
                            {"prim::requires_grad", fused}};
  for_each_node(graph, [&](jit::Node* node) {
    std::optional<c10::IValue> value;
    for (auto const& each : answers)
      if (is_operator(node, each.question)) value = each.value;
    if (is_operator(node, "prim::device")) value = c10::Device(c10::kCPU);
    if ((is_operator(node, "aten::__is__") || is_operator(node, "aten::__isnot__")) && node->input(0) == node->input(1))
      value = is_operator(node, "aten::__is__");
    if (!value) return;
    jit::WithInsertPoint const before(node);
    node->output()->replaceAllUsesWith(graph.insertConstant(*value));
  });
}

inline std::size_t size_of(jit::Graph& graph) {
  std::size_t nodes = 0;
  for_each_node(graph, [&](jit::Node*) { ++nodes; });
  return nodes;
}

/// LibTorch's propagation of ranks forgets what was said of the arguments where a tensor is written to.
inline void propagate_ranks(std::shared_ptr<jit::Graph> const& graph) {
  std::vector<c10::TypePtr> given;
  for (auto const* each : graph->inputs()) given.push_back(each->type());
  jit::PropagateInputShapes(graph);
  for (std::size_t i = 0; i < given.size(); ++i) graph->inputs()[i]->setType(given[i]);
}

/// Remove what is decided by ranks and dtypes, until nothing more is: each branch that goes tells more of them.
inline void simplify(std::shared_ptr<jit::Graph>& graph) {
  constexpr int most_rounds = 32;  // a model of scripted attention takes 4
  std::size_t before = 0;
  for (int round = 0; round < most_rounds && size_of(*graph) != before; ++round) {
    before = size_of(*graph);
    drop_checks(*graph);
    answer_questions(*graph);
    jit::LowerSimpleTuples(graph);
    fold_dict_writes(*graph);
    jit::PeepholeOptimizeDictIdioms(graph);
    jit::PeepholeOptimizeListIdioms(graph, /*refine_list_len=*/true);
    jit::UnrollConstantLoops(graph);
    jit::RemoveListMutation(graph);
    jit::RemoveTensorMutation(graph);
    answer_ranks(*graph);
    propagate_ranks(graph);
    jit::PeepholeOptimize(graph);
    jit::ConstantPropagation(graph);
    jit::EliminateDeadCode(graph);
  }
}

}  // namespace torchdeploy::inline v0::detail
