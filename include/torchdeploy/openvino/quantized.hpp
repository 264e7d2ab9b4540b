#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/detail/libtorch/rewriting.hpp>
#include <torchdeploy/quantization/reference_graph.hpp>

/// A quantized graph as OpenVINO's low precision transformations want it: activations through FakeQuantize, weights as
/// int8 constants that are converted and multiplied by their scales.
namespace torchdeploy::inline v0::detail {

/// Turns quantize/dequantize pairs of activations into one pair for each grid, which OpenVINO's front end makes a
/// FakeQuantize of: its own bounds are constants, and only then does the plugin look for int8 kernels.
///
/// The range is that of the dtype (0..255) also where calibration used 7 bits, as in LibTorch: a value beyond the
/// calibrated ones is not cut there either. What rounds a value that lies on the same grid already is left out. A pair
/// whose range is found at each call (dynamic quantization) goes away: its layer computes in float, or OpenVINO finds a
/// range by itself.
class fake_quantization {
 public:
  explicit fake_quantization(jit::Graph& graph) : graph_(graph) {}

  void write() {
    visit(graph_.block());
    jit::EliminateDeadCode(graph_.block());
  }

 private:
  void visit(jit::Block* block) {
    std::vector<jit::Node*> const nodes(block->nodes().begin(), block->nodes().end());
    for (auto* node : nodes) {
      for (auto* inner : node->blocks()) visit(inner);
      if (is_operator(node, "aten::quantize_per_tensor"))
        replace(node, rounded(node));
      else if (is_operator(node, "aten::quantize_per_channel") && node->input(0)->node()->kind() != c10::prim::Constant)
        replace(node, rounded_by_channel(node));
      else if (is_operator(node, "aten::dequantize") && node->input(0)->node()->kind() != c10::prim::Constant)
        replace(node, node->input(0));
      else if (auto const of = kept_grid(node))
        for (auto* output : node->outputs()) on_grid_.emplace(output, *of);
    }
  }

  static void replace(jit::Node* node, jit::Value* by) {
    node->output()->replaceAllUsesWith(by);
    node->destroy();
  }

  jit::Value* rounded(jit::Node* node) {
    auto* const value = node->input(0);
    auto const to = stated_grid(node);
    if (!to) return value;
    if (grid_of(value) == to) return value;
    jit::WithInsertPoint const before(node);
    auto* const integers = graph_.insert(c10::Symbol::fromQualString("aten::quantize_per_tensor"),
                                         {value, to->scale, to->zero_point, static_cast<std::int64_t>(to->dtype)});
    auto* const result = graph_.insert(c10::Symbol::fromQualString("aten::dequantize"), {integers});
    integers->node()->copyMetadata(node);
    result->node()->copyMetadata(node);
    on_grid_.emplace(result, *to);
    return result;
  }

  /// A weight that is computed.
  jit::Value* rounded_by_channel(jit::Node* node) {
    jit::WithInsertPoint const before(node);
    return graph_.insert(c10::Symbol::fromQualString("aten::fake_quantize_per_channel_affine"),
                         {node->input(0), node->input(1), node->input(2), node->input(3), -128, 127});
  }

  [[nodiscard]] std::optional<grid> grid_of(jit::Value const* value) const {
    auto const at = on_grid_.find(value);
    return at == on_grid_.end() ? std::nullopt : std::optional(at->second);
  }

  /// The grid of what an operator gives, where it is that of what it takes.
  [[nodiscard]] std::optional<grid> kept_grid(jit::Node const* node) const {
    if (node->kind() == c10::prim::If && node->outputs().size() == 1) {
      auto const of = grid_of(node->blocks()[0]->outputs()[0]);
      return of == grid_of(node->blocks()[1]->outputs()[0]) ? of : std::nullopt;
    }
    return keeps_grid(node) ? grid_of(node->input(0)) : std::nullopt;
  }

  /// Operators of one tensor that only move numbers, or take the larger.
  static bool keeps_grid(jit::Node const* node) {
    if (node->kind() == c10::prim::ListUnpack) return true;
    static constexpr std::array known = {"relu",
                                         "max_pool1d",
                                         "max_pool2d",
                                         "max_pool3d",
                                         "flatten",
                                         "reshape",
                                         "view",
                                         "permute",
                                         "transpose",
                                         "t",
                                         "contiguous",
                                         "squeeze",
                                         "unsqueeze",
                                         "select",
                                         "slice",
                                         "expand",
                                         "repeat",
                                         "clone",
                                         "detach",
                                         "upsample_nearest2d",
                                         "pixel_shuffle",
                                         "upsample_nearest1d",
                                         "upsample_nearest3d",
                                         "chunk",
                                         "split",
                                         "__getitem__"};
    return node->outputs().size() == 1 && !node->inputs().empty() &&
           std::string_view(node->kind().ns().toUnqualString()) == "aten" &&
           std::find(known.begin(), known.end(), operator_name(node)) != known.end();
  }

  jit::Graph& graph_;
  std::unordered_map<jit::Value const*, grid> on_grid_;
};

/// Brings a frozen quantized graph, in reference form or lowered, to what OpenVINO's front end reads. A float graph
/// stays as it is.
/// @throws backend_error 608
inline void prepare_quantized(jit::Graph& graph, jit::Module const& module) {
  bool quantized = is_lowered(graph);
  for (auto const* each : {"aten::dequantize", "aten::quantize_per_tensor", "aten::quantize_per_channel"})
    quantized = quantized || has_operator(graph, each);
  if (!quantized) return;
  reference_graph(graph, module).write();
  fake_quantization(graph).write();
}

/// Answers `x.dim()` and `len(x.size())` behind quantize/dequantize pairs: LibTorch's analysis of shapes stops at them,
/// and what a script decides by ranks (interpolate) would stay. Asked of a copy without them.
inline void answer_ranks(jit::Graph& graph) {
  if (!has_operator(graph, "aten::dequantize")) return;
  auto bare = graph.copy();
  std::vector<jit::Node*> asked, copied;
  for_each_node(graph, [&](jit::Node* node) { asked.push_back(node); });
  for_each_node(*bare, [&](jit::Node* node) { copied.push_back(node); });
  for (auto* node : copied) {
    bool const pair = is_operator(node, "aten::quantize_per_tensor") || is_operator(node, "aten::dequantize");
    if (!pair) continue;
    auto* plain = node->input(0);
    if (auto const weight = jit::toIValue(plain); weight && weight->isTensor()) {
      jit::WithInsertPoint const before(node);
      plain = bare->insertConstant(at::zeros({}).expand(weight->toTensor().sizes()));
    }
    node->output()->replaceAllUsesWith(plain);
  }
  jit::PropagateInputShapes(bare);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    auto const* of = is_operator(copied[i], "aten::dim") ? copied[i]->input(0) : nullptr;
    if (is_operator(copied[i], "aten::len") && is_operator(copied[i]->input(0)->node(), "aten::size"))
      of = copied[i]->input(0)->node()->input(0);
    auto const type = of ? of->type()->cast<c10::TensorType>() : nullptr;
    if (!type || !type->dim()) continue;
    jit::WithInsertPoint const before(asked[i]);
    asked[i]->output()->replaceAllUsesWith(graph.insertConstant(static_cast<std::int64_t>(*type->dim())));
  }
}

}  // namespace torchdeploy::inline v0::detail
