#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/detail/names.hpp>

/// Which weights of a model a pruning is about.
namespace torchdeploy::inline v0::detail {

struct prunable {
  layer at;
  at::Tensor weight;
};

/// The weight of a convolution or linear layer, where it is a tensor of numbers that may become zero.
inline std::optional<at::Tensor> prunable_weight(jit::Module const& module, layer const& each) {
  if (!has_prunable_weight(each)) return std::nullopt;
  auto const value = attribute_at(module, *each.weight);
  if (!value.isTensor()) return std::nullopt;
  auto weight = value.toTensor();
  bool const numbers = weight.defined() && weight.layout() == at::kStrided && !weight.is_quantized() &&
                       (weight.is_floating_point() || weight.is_complex());
  return numbers ? std::optional(std::move(weight)) : std::nullopt;
}

/// Modules may share a tensor under several names.
inline bool is_same_weight(at::Tensor const& a, at::Tensor const& b) { return is_tied(a, b) && a.numel() > 0; }

/// Does one element in memory stand for several?
inline bool is_expanded(at::Tensor const& weight) {
  for (std::int64_t i = 0; i < weight.dim(); ++i)
    if (weight.size(i) > 1 && weight.stride(i) == 0) return true;
  return false;
}

/// All that could be pruned, in the order they run, a shared weight once.
inline std::vector<prunable> prunable_layers(jit::Module const& module, std::vector<layer> const& layers) {
  std::vector<prunable> all;
  for (auto const& each : layers) {
    auto weight = prunable_weight(module, each);
    if (!weight) continue;
    bool const seen = std::any_of(all.begin(), all.end(),
                                  [&](prunable const& other) { return is_same_weight(other.weight, *weight); });
    if (!seen) all.push_back({each, std::move(*weight)});
  }
  return all;
}

/// Those that a pattern matches, or all if there is none. @throws error (502, 503)
inline std::vector<prunable> chosen_layers(jit::Module const& module, jit::Graph& graph,
                                           std::vector<std::string> const& patterns) {
  auto const layers = layers_of(graph);
  auto chosen = prunable_layers(module, layers);
  if (std::none_of(chosen.begin(), chosen.end(), [](prunable const& each) { return each.weight.numel() > 0; }))
    throw error(errc::nothing_to_prune, "expected convolution or linear layers with weights of their own, got none",
                "a frozen file has its weights as constants: prune before freezing");
  std::vector<std::string> names;
  for (auto const& each : chosen) names.push_back(each.at.name);
  for (auto const& pattern : patterns) {
    if (std::any_of(names.begin(), names.end(), [&](auto const& name) { return matches(pattern, name); })) continue;
    for (auto const& each : layers)
      if (matches(pattern, each.name))
        throw error(errc::pattern_unmatched,
                    "expected a pattern that matches a convolution or linear layer with a weight of its own, got '" +
                        pattern + "': '" + each.name + "' is " + each.kind,
                    "name others in .layers");
    demand_match<error>(errc::pattern_unmatched, pattern, names);
  }
  if (!patterns.empty())
    std::erase_if(chosen, [&](prunable const& each) {
      return std::none_of(patterns.begin(), patterns.end(),
                          [&](auto const& pattern) { return matches(pattern, each.at.name); });
    });
  for (auto const& each : chosen)
    if (is_expanded(each.weight))
      throw error(errc::nothing_to_prune,
                  "expected weights of their own, got elements that share memory in '" + each.at.name + "'",
                  "save the weight as a copy: weight.contiguous()");
  return chosen;
}

/// A dimension, counted from the end if negative, as an index into the shape of a layer's weight. @throws error (504)
inline std::int64_t dimension_of(prunable const& each, std::int64_t dimension) {
  auto const n = each.weight.dim();
  if (n < 2)
    throw error(errc::dimension_out_of_range,
                "expected weights of two dimensions or more, got " + std::to_string(n) + " in '" + each.at.name + "'",
                "leave it out by .layers");
  if (dimension < -n || dimension >= n)
    throw error(errc::dimension_out_of_range,
                "expected a dimension from " + std::to_string(-n) + " to " + std::to_string(n - 1) + ", got " +
                    std::to_string(dimension) + " for '" + each.at.name + "' (" + each.at.kind + ")",
                ".layers picks the layers that have it");
  return dimension < 0 ? dimension + n : dimension;
}

}  // namespace torchdeploy::inline v0::detail
