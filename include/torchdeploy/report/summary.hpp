#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/report.hpp>

namespace torchdeploy::inline v0::detail {

/// Every layer once, in the order of their first mention, with what the last stage that knew has said of it. A name that
/// one stage lists twice is two layers.
inline std::vector<layer_report> merged_layers(report const& all) {
  std::vector<layer_report> layers;
  std::vector<stage_report const*> mentioned_by;  // of each layer, the last stage
  std::map<std::string_view, std::size_t> first;  // layer of a name
  for (auto const& stage : all.stages())
    for (auto const& said : stage.layers) {
      auto const next = layers.size();
      auto at = first.try_emplace(said.name, next).first->second;
      while (at < next && (layers[at].name != said.name || mentioned_by[at] == &stage)) ++at;
      if (at == next) {
        layers.push_back(said);
        mentioned_by.push_back(&stage);
        continue;
      }
      mentioned_by[at] = &stage;
      auto& layer = layers[at];
      if (!said.kind.empty()) layer.kind = said.kind;
      if (!said.reason.empty() || (!said.precision.empty() && said.precision != layer.precision))
        layer.reason = said.reason;
      if (!said.precision.empty()) layer.precision = said.precision;
      if (said.weights) layer.weights = said.weights;
      if (said.bytes) layer.bytes = said.bytes;
      if (said.sparsity > 0) layer.sparsity = said.sparsity;
      if (said.slices) {
        layer.slices = said.slices;
        layer.zero_slices = said.zero_slices;
      }
      if (said.milliseconds) layer.milliseconds = said.milliseconds;
      if (said.sqnr_db) layer.sqnr_db = said.sqnr_db;
    }
  return layers;
}

/// What a report comes to.
struct report_summary {
  std::string_view path{};  ///< of the model, where a stage read one
  std::uint64_t bytes_before{};  ///< of the model as it came; 0 where not told
  std::uint64_t bytes_after{};  ///< as the last stage that changed them left it
  double seconds{};  ///< of all stages
  std::size_t int8{};  ///< layers
  std::size_t weights{};  ///< elements, of all layers
  double zeros{};  ///< fraction of all weights
  std::vector<layer_report> layers{};
  stage_report const* verified{};  ///< the last stage that scored criteria
  std::vector<std::pair<std::string_view, std::string_view>> criteria{};  ///< wanted, got
  stage_report const* changed{};  ///< the first stage after that one which may have changed the model
  std::size_t count[3]{};  ///< findings, by severity
};

/// Does a stage of this name pass the model on as it is? Of a user's own stage a report does not tell: no.
inline bool keeps_the_model(std::string_view stage) {
  static constexpr std::string_view all[] = {"verify", "save", "tap", "deploy"};
  return std::find(std::begin(all), std::end(all), stage) != std::end(all);
}

/// Borrows from the report.
inline report_summary summary_of(report const& all) {
  report_summary sum;
  sum.layers = merged_layers(all);
  for (auto const& layer : sum.layers) {
    sum.int8 += layer.precision == "int8";
    sum.weights += layer.weights;
    sum.zeros += layer.sparsity * static_cast<double>(layer.weights);
  }
  if (sum.weights) sum.zeros /= static_cast<double>(sum.weights);

  for (auto const& stage : all.stages()) {
    sum.seconds += stage.seconds;
    if (sum.path.empty()) sum.path = stage.detail("path");
    if (!sum.bytes_before) sum.bytes_before = stage.bytes_before ? stage.bytes_before : stage.bytes_after;
    if (stage.bytes_before && stage.bytes_after) sum.bytes_after = stage.bytes_after;  // one alone: the size of a file
    for (auto const& each : stage.findings)
      ++sum.count[std::min(static_cast<std::size_t>(each.level), std::size(sum.count) - 1)];
    std::string_view wanted;
    for (auto const& [name, value] : stage.details) {
      if (name == "criterion") wanted = value;
      if (name != "score") continue;
      if (sum.verified != &stage) sum.criteria.clear();
      sum.verified = &stage;
      sum.changed = nullptr;
      sum.criteria.emplace_back(wanted, value);
    }
    if (sum.verified && !sum.changed && !keeps_the_model(stage.stage)) sum.changed = &stage;
  }
  return sum;
}

}  // namespace torchdeploy::inline v0::detail
