#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <string>

#include <torchdeploy/core/report.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

/// A number as printf has it: "%.3f".
inline std::string formatted(char const* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

inline std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text + " ";
}

inline std::string in_bytes(std::uint64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes) + " B";
  auto const kilobytes = static_cast<double>(bytes) / 1e3;
  return kilobytes < 10'000 ? formatted("%.1f kB", kilobytes) : formatted("%.1f MB", kilobytes / 1e3);
}

inline void append(std::string& text, stage_report const& stage) {
  text += padded(stage.stage, 10) + formatted("%8.3f s", stage.seconds);
  if (stage.bytes_before && stage.bytes_after)
    text += "  " + in_bytes(stage.bytes_before) + " -> " + in_bytes(stage.bytes_after);
  else if (stage.bytes_after)
    text += "  " + in_bytes(stage.bytes_after);
  constexpr std::size_t width = 110;
  auto column = text.size() - (text.rfind('\n') + 1);
  for (auto const& [name, value] : stage.details) {
    auto const pair = "  " + name + " " + value;
    if (column + pair.size() > width) {
      text += "\n";
      column = 0;
    }
    text += pair;
    column += pair.size();
  }
  text += "\n";
  for (auto const& layer : stage.layers) {
    auto line = "  " + padded(layer.name, 28) + padded(layer.kind, 10) + padded(layer.precision, 8);
    if (layer.bytes) line += in_bytes(layer.bytes);
    if (layer.sparsity > 0) line += formatted("  %.1f %% zeros", layer.sparsity * 100);
    if (layer.slices)
      line += ", " + std::to_string(layer.zero_slices) + " of " + std::to_string(layer.slices) + " slices";
    if (!layer.reason.empty()) line += (layer.bytes ? "  " : "") + layer.reason;
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  for (auto const& finding : stage.findings) {
    text += finding.level == severity::fault ? "  fault" : finding.level == severity::warning ? "  warning" : "  note";
    text += " [" + finding.id + "] " + finding.text + (finding.hint.empty() ? "" : "; " + finding.hint) + "\n";
  }
}

}  // namespace detail

/// One line for each stage, and under it one for each layer and finding.
///
/// @par Example
///     std::cout << model.report();
inline std::string to_text(report const& all) {
  std::string text;
  for (auto const& stage : all.stages()) detail::append(text, stage);
  return text;
}

inline std::ostream& operator<<(std::ostream& out, report const& all) { return out << to_text(all); }

}  // namespace torchdeploy::inline v0
