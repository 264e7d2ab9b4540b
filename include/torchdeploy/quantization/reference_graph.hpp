#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/rewriting.hpp>
#include <torchdeploy/quantization/lowering.hpp>
#include <torchdeploy/quantization/unpacking.hpp>

namespace torchdeploy::inline v0::detail {

/// Brings the frozen graph of a quantized model to the form that other runtimes read: nothing but quantize, dequantize
/// and what only asks for a shape touches an int8 tensor. LibTorch's passes leave more, even in reference form:
/// operators that move int8 numbers (max_pool2d, flatten) or keep their grid (mean), and questions after a grid
/// (q_scale).
class reference_graph {
 public:
  reference_graph(jit::Graph& graph, jit::Module const& module) : graph_(graph), module_(module) {}

  /// @throws backend_error 608
  void write() {
    auto shared = graph_.shared_from_this();
    jit::RemoveTensorMutation(shared);
    dequantize_one_by_one(graph_);
    visit(graph_.block());
    for (auto* output : graph_.outputs())
      if (is_int8(output))
        throw backend_error(errc::conversion_failed, "expected a model that returns float tensors, got an int8 one",
                            "end it with a dequantize (torch.ao.quantization.DeQuantStub)");
    jit::ConstantPropagation(shared);
    jit::EliminateDeadCode(shared);
  }

 private:
  using maybe_grid = std::optional<grid>;

  [[nodiscard]] bool is_int8(jit::Value const* value) const { return int8_.contains(value); }
  void note(jit::Value const* value, maybe_grid const& of) { int8_.insert_or_assign(value, of); }
  [[nodiscard]] grid known_grid(jit::Node* node, jit::Value const* value) const {
    auto const& found = int8_.at(value);
    if (!found) refuse_int8(node, "the scale of its input is not known");
    return *found;
  }

  /// The value in float, where it is int8, or a list of such.
  jit::Value* plain(jit::Value* value) const {
    if (!is_int8(value)) return value;
    auto const dequantize = c10::Symbol::fromQualString("aten::dequantize");
    if (value->type()->kind() != c10::TypeKind::ListType) return graph_.insert(dequantize, {value});
    if (value->node()->kind() != c10::prim::ListConstruct) refuse_int8(value->node(), "its list is made elsewhere");
    std::vector<jit::Value*> all;
    for (auto* each : value->node()->inputs()) all.push_back(plain(each));
    return graph_.insertNode(graph_.createList(c10::TensorType::get(), all))->output();
  }

  jit::Value* rounded(jit::Value* value, grid const& to) {
    auto* const result = graph_.insert(c10::Symbol::fromQualString("aten::quantize_per_tensor"),
                                       {value, to.scale, to.zero_point, static_cast<std::int64_t>(to.dtype)});
    note(result, to);
    return result;
  }

  void visit(jit::Block* block) {
    std::vector<jit::Node*> const nodes(block->nodes().begin(), block->nodes().end());
    for (auto* node : nodes) visit(node);
  }

  void visit(jit::Node* node) {
    for (auto* block : node->blocks()) visit(block);
    jit::WithInsertPoint const before(node);
    auto const name = std::string_view(node->kind().toQualString());
    bool const reads_int8 =
        std::any_of(node->inputs().begin(), node->inputs().end(), [&](jit::Value* v) { return is_int8(v); });
    if (name == "aten::quantize_per_tensor") return quantize(node);
    if (name == "aten::quantize_per_channel") return note(node->output(), std::nullopt);
    if (name == "prim::Constant") return note_constant(node);
    if (name == "prim::If") return leave_branches(node);
    if (name.starts_with("quantized::")) return unpack(node);
    if (name == "aten::dequantize") return dequantize(node, reads_int8);
    if (!reads_int8) return;
    if (name == "prim::Loop") refuse_int8(node, "int8 tensors go round a loop");
    if (name == "prim::ListConstruct" || name == "prim::TupleConstruct") return note(node->output(), std::nullopt);
    if (auto const answer = answer_of(node, name)) {
      auto* const constant = graph_.insertConstant(*answer);
      answers_.insert(constant);
      return replace(node, constant);
    }
    if (std::any_of(node->outputs().begin(), node->outputs().end(), holds_tensors)) in_float(node);
  }

  static bool holds_tensors(jit::Value const* value) {
    auto const& type = value->type();
    auto const list = type->cast<c10::ListType>();
    return type->kind() == c10::TypeKind::TensorType ||
           (list && list->getElementType()->kind() == c10::TypeKind::TensorType);
  }

  static void replace(jit::Node* node, jit::Value* by) {
    node->output()->replaceAllUsesWith(by);
    node->destroy();
  }

  /// After `x + 1.5` and `x * 2` a reference form asks for the grid of `x`, but the int8 operators that it is lowered to
  /// move it. A grid that is stated there as a number is meant, if it is the same.
  void quantize(jit::Node* node) {
    auto to = stated_grid(node);
    auto* made = node->input(0)->node();
    if (is_operator(made, "aten::relu") || is_operator(made, "aten::relu_")) made = made->input(0)->node();
    auto const name = operator_name(made);
    if (to && answers_.contains(node->input(1)) && (name == "add" || name == "mul") &&
        is_operator(made->input(0)->node(), "aten::dequantize")) {
      auto const scalar = constant_number(made->input(1));
      auto const from = int8_.find(made->input(0)->node()->input(0));
      if (scalar && from != int8_.end() && from->second == to) {
        auto number = *scalar;
        to = grid_with_scalar(*to, name == "add", number);
        node->replaceInput(1, graph_.insertConstant(to->scale));
        node->replaceInput(2, graph_.insertConstant(to->zero_point));
      }
    }
    note(node->output(), to);
  }

  void note_constant(jit::Node* node) {
    auto const value = jit::toIValue(node->output());
    if (!value || !value->isTensor() || !value->toTensor().is_quantized()) return;
    auto const tensor = value->toTensor();
    note(node->output(), tensor.qscheme() == at::kPerTensorAffine
                             ? maybe_grid({tensor.q_scale(), tensor.q_zero_point(), tensor.scalar_type()})
                             : std::nullopt);
  }

  void dequantize(jit::Node* node, bool reads_int8) {
    if (!reads_int8) refuse_int8(node, "where its tensor is quantized can't be seen");
    if (node->input(0)->type()->kind() == c10::TypeKind::ListType) replace(node, plain(node->input(0)));
  }

  [[nodiscard]] std::optional<c10::IValue> answer_of(jit::Node* node, std::string_view question) const {
    if (question == "aten::q_scale") return known_grid(node, node->input(0)).scale;
    if (question == "aten::q_zero_point") return known_grid(node, node->input(0)).zero_point;
    if (question == "prim::dtype") return static_cast<std::int64_t>(known_grid(node, node->input(0)).dtype);
    if (question == "prim::is_quantized") return true;
    return std::nullopt;
  }

  void unpack(jit::Node* node) {
    unpacker const write(graph_, module_, [this](jit::Value* value) { return plain(value); });
    maybe_grid input;
    for (auto* each : node->inputs())
      if (!input && is_int8(each)) input = first_grid(each);
    auto const [result, to] = write(node, input);
    result->node()->copyMetadata(node);
    replace(node, to ? rounded(result, *to) : result);
  }

  [[nodiscard]] maybe_grid first_grid(jit::Value* value) const {
    bool const list = value->node()->kind() == c10::prim::ListConstruct && !value->node()->inputs().empty();
    auto const found = int8_.find(list ? value->node()->input(0) : value);
    return found == int8_.end() ? std::nullopt : found->second;
  }

  /// An operator of LibTorch's that takes int8 tensors: the float operator between quantize and dequantize is the same.
  void in_float(jit::Node* node) {
    auto const name = operator_name(node);
    if (name != node->kind().toUnqualString()) refuse_int8(node, "it writes an int8 tensor that others read");
    maybe_grid to;
    for (std::size_t i = 0; i < node->inputs().size(); ++i) {
      if (!is_int8(node->input(i))) continue;
      if (!to) to = first_grid(node->input(i));
      node->replaceInput(i, plain(node->input(i)));
    }
    // their results have a fixed range, and so a grid of their own
    if (name == "sigmoid" || name == "hardsigmoid") to = grid{1.0 / 256, 0};
    if (name == "tanh") to = grid{2.0 / 256, 128};
    if (!to) refuse_int8(node, "the scale of its input is not known");
    for (auto* output : node->outputs()) {
      if (output->type()->kind() == c10::TypeKind::ListType)
        round_elements(output, *to);
      else if (holds_tensors(output) && !gives_indices(node, output))
        round(output, *to);
    }
  }

  /// max_pool2d_with_indices, max(dim), sort, topk: the second result counts.
  static bool gives_indices(jit::Node const* node, jit::Value const* output) {
    return node->outputs().size() > 1 && output->offset() > 0;
  }

  void round(jit::Value* value, grid const& to) {
    jit::WithInsertPoint const after(value->node()->next());
    auto* const result = rounded(value, to);
    value->replaceAllUsesAfterNodeWith(result->node(), result);
  }

  /// chunk and split give lists: what comes out of them is int8 again.
  void round_elements(jit::Value* list, grid const& to) {
    auto const uses = list->uses();
    for (auto const& use : uses) {
      auto const name = std::string_view(use.user->kind().toQualString());
      if (name == "aten::dequantize") {
        use.user->output()->replaceAllUsesWith(list);
        use.user->removeAllInputs();
        note(list, std::nullopt);  // so that visiting the node, now without inputs, finds nothing to refuse
      } else if (name == "prim::ListUnpack" || name == "aten::__getitem__") {
        for (auto* each : use.user->outputs()) round(each, to);
      } else {
        refuse_int8(use.user, "it reads a list of int8 tensors");
      }
    }
  }

  /// What leaves a branch leaves it in float, since the grids of branches may differ.
  void leave_branches(jit::Node* node) {
    for (std::size_t i = 0; i < node->outputs().size(); ++i) {
      maybe_grid common;
      bool any = false, same = true;
      for (auto* block : node->blocks()) {
        auto* const value = block->outputs()[i];
        if (!is_int8(value)) {
          same = same && value->node()->kind() == c10::prim::Uninitialized;
          continue;
        }
        same = same && int8_.at(value) && (!any || common == int8_.at(value));
        common = int8_.at(value);
        any = true;
        jit::WithInsertPoint const end(block->return_node());
        block->replaceOutput(i, plain(value));
      }
      if (!any) continue;
      if (same) {
        jit::WithInsertPoint const after(node->next());
        round(node->output(i), *common);
        continue;
      }
      auto const uses = node->output(i)->uses();
      for (auto const& use : uses) {
        if (!is_operator(use.user, "aten::dequantize"))
          refuse_int8(use.user, "its branches give int8 tensors of different scales");
        use.user->output()->replaceAllUsesWith(node->output(i));
      }
      note(node->output(i), std::nullopt);
    }
  }

  jit::Graph& graph_;
  jit::Module const& module_;
  std::unordered_map<jit::Value const*, maybe_grid> int8_;  ///< int8 tensors, and lists of such
  std::unordered_set<jit::Value const*> answers_;  ///< what questions after a grid became
};

}  // namespace torchdeploy::inline v0::detail
