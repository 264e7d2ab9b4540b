#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/detail/libtorch/quantization.hpp>
#include <torchdeploy/quantization/engine.hpp>
#include <torchdeploy/quantization/isa.hpp>

namespace torchdeploy::inline v0 {

/// A quantized artifact stays in reference form: float weights and operators between quantize/dequantize pairs, as
/// LibTorch's insert passes leave it, so that it can still be pruned or exported. This says how to lower it.
struct reference_form {
  at::QEngine engine{};
  torch::jit::QuantType type{};
  bool full_range{};     ///< have activations 8 bits, or 7?
  std::string target{};  ///< the instructions that this was chosen for

  /// What `load` needs to know, as extra files.
  void stamp(std::unordered_map<std::string, std::string>& files) const {
    files[engine_file] = at::toString(engine);
    files[range_file] = full_range ? "full" : "reduced";
    files[target_file] = target;
  }
};

namespace detail {

/// Without samples a range is found at each call, in the bits that a constant of the graph tells.
inline void set_dynamic_range(jit::Module const& reference, bool reduced) {
  for (auto const& module : reference.modules())
    for (auto const& method : module.get_methods())
      for_each_node(*method.graph(), [&](jit::Node* node) {
        if (!is_operator(node, "aten::_choose_qparams_per_tensor")) return;
        jit::WithInsertPoint const before(node);
        node->replaceInput(1, node->owningGraph()->insertConstant(reduced));
      });
}

/// Methods that a user may call and that freezing must keep. What `forward` alone uses, and is named with an underscore
/// (`_forward_impl`), is inlined into it; kept too, it would double the file.
inline std::vector<std::string> exported_methods(torch::jit::Module const& module) {
  std::vector<std::string> called;
  for (auto const& method : module.get_methods())
    for_each_node(*method.graph(), [&](torch::jit::Node* node) {
      if (node->kind() == c10::prim::CallMethod && node->input(0) == node->owningGraph()->inputs()[0])
        called.push_back(node->s(c10::attr::name));
    });
  std::vector<std::string> kept;
  for (auto const& method : module.get_methods()) {
    auto const& name = method.name();
    bool const helper = name.starts_with('_') && std::find(called.begin(), called.end(), name) != called.end();
    if (name != "forward" && !helper) kept.push_back(name);
  }
  return kept;
}

/// LibTorch dequantizes a tuple of results with one operator, which in a file reads as one of a list, and the file does not
/// load ("annotated as having type Tuple[Tensor, Tensor]"). One operator for each result does the same and does load.
inline void dequantize_one_by_one(torch::jit::Graph& graph) {
  std::vector<torch::jit::Node*> whole;
  for_each_node(graph, [&](torch::jit::Node* node) {
    if (is_operator(node, "aten::dequantize") && node->input(0)->node()->kind() == c10::prim::TupleConstruct)
      whole.push_back(node);
  });
  auto const each_of = [&](auto const& self, torch::jit::Value* tuple) -> torch::jit::Value* {
    std::vector<torch::jit::Value*> results;
    for (auto* each : tuple->node()->inputs()) {
      if (each->node()->kind() == c10::prim::TupleConstruct)
        each = self(self, each);
      else if (each->type()->kind() == c10::TypeKind::TensorType)
        each = graph.insert(c10::Symbol::fromQualString("aten::dequantize"), {each});
      results.push_back(each);
    }
    return graph.insertNode(graph.createTuple(results))->output();
  };
  for (auto* node : whole) {
    torch::jit::WithInsertPoint const before(node);
    node->output()->replaceAllUsesWith(each_of(each_of, node->input(0)));
  }
}

/// Prepack, fuse and freeze a copy of a reference form: the model that will run. The same passes, in the same order, as
/// `convert_jit` and the end of `_quantize_jit` in torch/ao/quantization/quantize_jit.py.
inline torch::jit::Module lowered(torch::jit::Module const& module, reference_form const& how,
                                  std::vector<std::string> const& preserve) {
  return translated<quantization_error>(errc::lowering_failed, "packing the int8 weights failed", {}, [&] {
    engine_scope const engine(how.engine);
    without_warnings const silence;
    auto copy = cloned(module);
    auto result = torch::jit::Finalize(copy, how.type, preserve);
    auto graph = result.get_method("forward").graph();
    dequantize_one_by_one(*graph);
    torch::jit::ConstantPropagation(graph);
    torch::jit::EliminateDeadCode(graph);
    return result;
  });
}

}  // namespace detail

}  // namespace torchdeploy::inline v0
