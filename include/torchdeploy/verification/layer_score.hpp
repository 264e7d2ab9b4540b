#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/verification/scores.hpp>

namespace torchdeploy::inline v0 {

/// How near the output of one layer is to that of the reference's same layer, over all samples.
struct layer_score {
  std::string name{};       ///< as reports have it: "layer1.0.conv1"; "output[1]" for what the model returns
  std::string kind{};       ///< "conv2d"; "output"
  std::string precision{};  ///< "int8", "float32"; empty for outputs
  std::uint64_t weights{};  ///< elements in its weight
  std::uint64_t bytes{};    ///< of its weight as it will be stored
  output_score score{};     ///< of its output; a batch norm that follows is part of it
  std::string structure{};  ///< what differs in shape or dtype; else empty
  std::size_t calls{};      ///< that were compared: more than samples where it runs in a loop, or is used twice
  bool diverges{};          ///< does its output leave the tolerance?
  std::optional<double> milliseconds{};  ///< a call of the model spends in it; median, without batch norm
  std::optional<double> reference_milliseconds{};  ///< the same of the reference
};

namespace detail {

/// A table, the first layer that diverges marked.
inline std::string layers_text(std::vector<layer_score> const& layers) {
  std::vector<std::vector<std::string>> rows{
      {"  ", "layer", "kind", "precision", "sqnr dB", "max_abs", "ms", "reference"}};
  bool first = true;
  for (auto const& each : layers) {
    auto const ms = [](std::optional<double> const& value) { return value ? fixed(*value, 3) : std::string(); };
    bool const scored = each.structure.empty();
    rows.push_back({each.diverges ? (first ? "->" : " *") : "", each.name, each.kind, each.precision,
                    scored ? fixed(each.score.sqnr_db, 2) : "-", scored ? number_text(each.score.max_abs, 3) : "-",
                    ms(each.milliseconds), ms(each.reference_milliseconds)});
    first = first && !each.diverges;
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (auto const& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (auto const& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      auto const space = std::string(widths[i] - row[i].size(), ' ');
      line += (i ? "  " : "") + (i < 4 ? row[i] + space : space + row[i]);
    }
    text += "\n  " + line.substr(0, line.find_last_not_of(' ') + 1);
  }
  return text;
}

}  // namespace detail

}  // namespace torchdeploy::inline v0
