#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/core/report.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/quantization/calibrate.hpp>

/// What samples do to activations, by the names of the report: which sample brought a NaN, whose range is far from all others'.
namespace torchdeploy::inline v0::detail {

/// One activation that samples reach.
struct watched {
  activation_history const* history{};
  std::string name;  ///< "the input 'x'", "the output of 'layer1.0.conv2'"
};

inline std::string name_of_activation(jit::Value* value) {
  auto* const node = value->node();
  if (node->kind() == c10::prim::Param)
    return "the input '" + value->debugName().substr(0, value->debugName().find('.')) + "'";
  auto const argument = weight_argument(operator_name(node));
  auto const weight = argument && *argument < node->inputs().size() ? path_of(node->input(*argument)) : std::nullopt;
  return "the output of '" + (weight ? layer_name(*weight) : place_of(node)) + "'";
}

/// The activations of an observed model, in the order they come to be.
inline std::vector<watched> activations_of(jit::Module const& observed,
                                           std::vector<std::unique_ptr<site>> const& sites) {
  std::vector<watched> all;
  auto const graph = settled_graph(observed);
  for_each_node(*graph, [&](jit::Node* node) {
    if (!is_operator(node, "torchdeploy::observe")) return;
    auto const number = jit::toIValue(node->input(1));
    if (!number || !number->isInt()) return;
    for (auto const& each : sites)
      if (reinterpret_cast<std::int64_t>(each.get()) == number->toInt() && each->history())
        all.push_back({each->history(), name_of_activation(node->input(0))});
  });
  return all;
}

/// @throws quantization_error 406, naming the first activation that the last sample made NaN or infinite
inline void refuse_not_finite(jit::Module const& observed, std::vector<std::unique_ptr<site>> const& sites,
                              std::size_t sample) {
  auto const spoiled = [](activation_history const* history) { return history && !std::isfinite(history->last()); };
  if (std::none_of(sites.begin(), sites.end(), [&](auto const& each) { return spoiled(each->history()); })) return;
  auto const all = activations_of(observed, sites);
  auto const first = std::find_if(all.begin(), all.end(), [&](watched const& each) { return spoiled(each.history); });
  auto const where = first != all.end() ? first->name : std::string("an activation");
  throw quantization_error(
      errc::not_finite,
      "expected finite activations, got NaN or infinity in " + where + " on sample " + std::to_string(sample),
      "repair the sample, or keep the layer in float32 by .overrides");
}

/// Samples that reach this many times as far as the median sample. 16 = 2^4: an observer that follows takes half of their
/// eight bits from all others. An image of 0..255 among ones of 0..1, or normalized, reaches 97 to 255 times as far;
/// batches of one data set at most 2.4 times, at any activation of the tests' models.
inline constexpr float jump = 16;

/// A finding for each sample whose range jumps, at the first activation that shows it; three at most.
inline std::vector<finding> range_jumps(std::vector<watched> const& activations) {
  constexpr std::size_t most = 3;
  std::vector<finding> findings;
  std::vector<std::size_t> known;
  for (auto const& each : activations) {
    auto const& reach = each.history->reach;
    std::vector<double> sorted;
    for (double const one : reach)
      if (one >= 0) sorted.push_back(one);
    if (sorted.size() < 2) continue;
    std::sort(sorted.begin(), sorted.end());
    auto const median = sorted[(sorted.size() - 1) / 2];
    for (std::size_t sample = 0; sample < reach.size(); ++sample) {
      if (median <= 0 || reach[sample] <= jump * median) continue;
      if (std::find(known.begin(), known.end(), sample) != known.end()) continue;
      known.push_back(sample);
      if (findings.size() == most) continue;
      char text[160];
      std::snprintf(text, sizeof text, "sample %zu reaches %.3g in %s, where the median sample reaches %.3g", sample,
                    static_cast<double>(reach[sample]), each.name.c_str(), median);
      findings.push_back({"range-jumps", severity::warning, each.name, text,
                          "look whether it was prepared (scaled, normalized) as the others were"});
    }
  }
  if (known.size() > most) findings.back().text += " (and " + std::to_string(known.size() - most) + " samples more)";
  return findings;
}

}  // namespace torchdeploy::inline v0::detail
