#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <torchdeploy/onnx/builder.hpp>

/// A graph without nodes that can go: what the pass before leaves is right already.
namespace torchdeploy::inline v0::detail {

/// Visits what a node reads, the branches of an If included.
template <class Visit>
void for_each_read(onnx_made_node const& node, Visit const& visit) {
  for (auto const each : node.inputs)
    if (each) visit(each);
  for (auto const& attribute : node.attributes)
    if (auto const* const branch = std::get_if<std::shared_ptr<onnx_subgraph>>(&attribute.value)) {
      for (auto const& inner : (*branch)->nodes) for_each_read(inner, visit);
      for (auto const each : (*branch)->outputs) visit(each);
    }
}

/// Nodes and constants that no output needs.
inline void drop_unused(onnx_builder& onnx, std::vector<onnx_value> const& outputs) {
  std::set<onnx_value> used(outputs.begin(), outputs.end());
  auto const sweep = [&](auto const& self, std::vector<onnx_made_node>& nodes) -> void {
    std::vector<onnx_made_node> kept;
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      if (std::none_of(node->outputs.begin(), node->outputs.end(), [&](auto each) { return used.contains(each); }))
        continue;
      for (auto const& attribute : node->attributes)
        if (auto const* const branch = std::get_if<std::shared_ptr<onnx_subgraph>>(&attribute.value)) {
          used.insert((*branch)->outputs.begin(), (*branch)->outputs.end());
          self(self, (*branch)->nodes);
        }
      used.insert(node->inputs.begin(), node->inputs.end());
      kept.push_back(std::move(*node));
    }
    nodes.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  };
  sweep(sweep, onnx.nodes());
  std::erase_if(onnx.tensors(), [&](auto const& each) { return !used.contains(each.first); });
}

/// How often each value is read.
inline std::map<onnx_value, std::size_t> count_reads(onnx_builder& onnx, std::vector<onnx_value> const& outputs) {
  std::map<onnx_value, std::size_t> reads;
  for (auto const each : outputs) ++reads[each];
  for (auto const& node : onnx.nodes()) for_each_read(node, [&](onnx_value each) { ++reads[each]; });
  return reads;
}

/// A batch norm behind a convolution, transposed or not, or behind a product with a matrix, goes into its weight and bias.
inline void fold_batch_norms(onnx_builder& onnx, std::vector<onnx_value> const& outputs) {
  auto const reads = count_reads(onnx, outputs);
  std::map<onnx_value, std::size_t> made_by;
  auto& nodes = onnx.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (auto const each : nodes[i].outputs) made_by[each] = i;
  for (auto& norm : nodes) {
    if (norm.kind != "BatchNormalization") continue;
    auto const found = made_by.find(norm.inputs[0]);
    if (found == made_by.end() || reads.at(norm.inputs[0]) != 1) continue;
    auto& layer = nodes[found->second];
    bool const convolves = layer.kind == "Conv", transposed = layer.kind == "ConvTranspose",
               multiplies = layer.kind == "Gemm";
    if (!convolves && !transposed && !multiplies) continue;
    // what Gemm scales, the weight or the bias, would be scaled once more
    if (multiplies && std::any_of(layer.attributes.begin(), layer.attributes.end(), [](auto const& each) {
          return (each.name == "alpha" || each.name == "beta") && std::get<double>(each.value) != 1;
        }))
      continue;
    auto const weight = onnx.constant_of(layer.inputs[1]);
    auto const old_bias = layer.inputs.size() > 2 ? onnx.constant_of(layer.inputs[2]) : std::nullopt;
    std::vector<at::Tensor> statistics;
    for (std::size_t i = 1; i < 5; ++i)
      if (auto const each = onnx.constant_of(norm.inputs[i])) statistics.push_back(each->to(at::kDouble));
    if (!weight || statistics.size() != 4 || (layer.inputs.size() > 2 && !old_bias)) continue;
    if (transposed && std::any_of(layer.attributes.begin(), layer.attributes.end(), [](auto const& each) {
          return each.name == "group" && std::get<std::int64_t>(each.value) != 1;
        }))
      continue;
    double epsilon = 1e-5;
    for (auto const& each : norm.attributes)
      if (each.name == "epsilon") epsilon = std::get<double>(each.value);
    auto const factor = statistics[0] / at::sqrt(statistics[3] + epsilon);
    // channels out are the first axis of a convolution's weight and of a matrix that is read transposed, else the second
    std::vector<std::int64_t> shape(static_cast<std::size_t>(weight->dim()), 1);
    bool const second =
        transposed ||
        (multiplies && std::none_of(layer.attributes.begin(), layer.attributes.end(), [](auto const& each) {
           return each.name == "transB" && std::get<std::int64_t>(each.value) == 1;
         }));
    shape[second ? 1 : 0] = factor.numel();
    auto const dtype = weight->scalar_type();
    auto const bias = (old_bias ? old_bias->to(at::kDouble) : at::zeros_like(factor)) - statistics[2];
    auto const name_of = [&](onnx_value value) {
      auto const name = onnx.names().find(value);
      return name == onnx.names().end() ? std::string() : name->second;
    };
    auto const weight_name = name_of(layer.inputs[1]);
    auto const dot = weight_name.rfind('.');
    auto const bias_name = dot == std::string::npos ? std::string() : weight_name.substr(0, dot) + ".bias";
    layer.inputs.resize(3);
    layer.inputs[1] = onnx.constant((weight->to(at::kDouble) * factor.reshape(shape)).to(dtype), weight_name);
    layer.inputs[2] = onnx.constant((bias * factor + statistics[1]).to(dtype), bias_name);
    layer.outputs[0] = norm.outputs[0];
    norm.outputs.clear();  // nobody reads it any more
  }
}

}  // namespace torchdeploy::inline v0::detail

#endif
