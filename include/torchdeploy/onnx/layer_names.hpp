#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/backend/layer_outputs.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/onnx/wire.hpp>

/// The layers of a model of ONNX's, by the names that PyTorch's exporter gives its nodes and weights.
namespace torchdeploy::inline v0::detail {

/// "features.0" of "/features/features.0/Conv", as a module exports it, and of "/features/0/Conv", as a scripted one does.
inline std::string layer_of_onnx_node(std::string_view name) {
  std::string path, last;
  if (!name.starts_with('/')) return {};
  name.remove_prefix(1);
  for (std::size_t end = name.find('/'); end != name.npos; end = name.find('/')) {
    std::string segment(name.substr(0, end));
    name.remove_prefix(end + 1);
    if (!last.empty() && segment.starts_with(last + "."))
      path.resize(path.size() - last.size());  // it has its parent's name
    else if (!path.empty())
      path += '.';
    path += segment;
    last = std::move(segment);
  }
  return path;
}

struct onnx_node_text {
  std::string_view name, kind;
  std::vector<std::string_view> inputs, outputs;
};

inline std::vector<onnx_node_text> onnx_nodes(std::string_view model, std::set<std::string_view>& weights) {
  std::vector<onnx_node_text> nodes;
  for (auto top = onnx_reader(model); top.next(onnx_model::graph);)
    for (auto graph = onnx_reader(view_of(top.get_view())); graph.next();) {
      if (graph.tag() == onnx_graph::initializer) {
        for (auto tensor = onnx_reader(view_of(graph.get_view())); tensor.next(onnx_tensor::name);)
          weights.insert(view_of(tensor.get_view()));
        continue;
      }
      if (graph.tag() != onnx_graph::node) {
        graph.skip();
        continue;
      }
      onnx_node_text node;
      for (auto field = onnx_reader(view_of(graph.get_view())); field.next();) {
        if (field.tag() == onnx_node::name)
          node.name = view_of(field.get_view());
        else if (field.tag() == onnx_node::op_type)
          node.kind = view_of(field.get_view());
        else if (field.tag() == onnx_node::input)
          node.inputs.push_back(view_of(field.get_view()));
        else if (field.tag() == onnx_node::output)
          node.outputs.push_back(view_of(field.get_view()));
        else
          field.skip();
      }
      nodes.push_back(std::move(node));
    }
  return nodes;
}

/// The layer that a node is, by its weight's name where the exporter kept it, else by its own; empty where it is none.
inline std::string onnx_layer_name(onnx_node_text const& node, std::set<std::string_view> const& weights) {
  constexpr std::string_view works[] = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Gather"};
  if (std::find(std::begin(works), std::end(works), node.kind) == std::end(works) || node.outputs.empty()) return {};
  constexpr std::string_view suffix = ".weight";
  for (auto const input : node.inputs)
    if (weights.contains(input) && input.ends_with(suffix))
      return std::string(input.substr(0, input.size() - suffix.size()));
  bool const learned = node.inputs.size() > 1 && weights.contains(node.inputs[node.kind == "Gather" ? 0 : 1]);
  if (node.kind == "Gather" && !learned) return {};
  auto path = layer_of_onnx_node(node.name);
  if (learned || node.kind != "MatMul") return path;
  return path.empty() ? "matmul" : path + ".matmul";  // as reports name a product without a weight
}

/// Where a layer's output is: behind its bias, and behind a batch norm.
inline std::string_view onnx_layer_output(onnx_node_text const& node, std::vector<onnx_node_text> const& nodes,
                                          std::set<std::string_view> const& weights) {
  auto at = node.outputs.front();
  for (bool biased = node.kind != "MatMul";;) {
    onnx_node_text const* only = nullptr;
    for (auto const& each : nodes) {
      if (each.kind == "Shape" || std::find(each.inputs.begin(), each.inputs.end(), at) == each.inputs.end()) continue;
      if (only) return at;
      only = &each;
    }
    if (!only || only->outputs.empty()) return at;
    bool const bias = !biased && only->kind == "Add" &&
                      std::any_of(only->inputs.begin(), only->inputs.end(),
                                  [&](auto input) { return input != at && weights.contains(input); });
    if (only->kind == "BatchNormalization") return only->outputs.front();
    if (!bias) return at;
    biased = true;
    at = only->outputs.front();
  }
}

/// The same model with its layers' outputs behind its own, and which these are.
inline std::pair<Onnx::handle, std::vector<shown_layer>> with_layer_outputs(Onnx::handle const& model,
                                                                            std::span<std::string const> wanted) {
  std::string text(model.text());
  std::set<std::string_view> weights;
  auto const nodes = onnx_nodes(text, weights);
  auto summary = *model.summary;
  std::vector<shown_layer> layers;
  std::string graph;
  protozero::pbf_writer more(graph);
  for (auto const& node : nodes) {
    auto name = onnx_layer_name(node, weights);
    if (name.empty() || (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end())) continue;
    auto const output = onnx_layer_output(node, nodes, weights);
    auto const known = std::find_if(summary.outputs.begin(), summary.outputs.end(),
                                    [&](auto const& each) { return each.name == output; });
    layers.push_back(
        {std::move(name), std::string(node.kind), {}, static_cast<std::size_t>(known - summary.outputs.begin())});
    if (known != summary.outputs.end()) continue;
    summary.outputs.push_back({.name = std::string(output)});
    std::string info;
    protozero::pbf_writer(info).add_string(onnx_value_info::name, std::string(output));
    more.add_message(onnx_graph::output, info);
  }
  // protobuf merges a message that comes twice: the graph goes on at the end of the model
  protozero::pbf_writer(text).add_message(onnx_model::graph, graph);
  Onnx::handle made = model;
  made.file = shared_bytes_of(std::move(text));
  made.summary = std::make_shared<onnx_summary const>(std::move(summary));
  return {std::move(made), std::move(layers)};
}

}  // namespace torchdeploy::inline v0::detail

#endif
