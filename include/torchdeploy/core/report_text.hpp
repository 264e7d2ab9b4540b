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

template <class... Args>
std::string formatted(char const* format, Args... args) {
  std::array<char, 256> line{};
  auto const size = std::snprintf(line.data(), line.size(), format, args...);
  return {line.data(), std::min(line.size() - 1, static_cast<std::size_t>(size < 0 ? 0 : size))};
}

inline std::string in_bytes(std::uint64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes) + " B";
  auto const kilobytes = static_cast<double>(bytes) / 1e3;
  return kilobytes < 10'000 ? formatted("%.1f kB", kilobytes) : formatted("%.1f MB", kilobytes / 1e3);
}

inline void append(std::string& text, stage_report const& stage) {
  text += formatted("%-10s %8.3f s", stage.stage.c_str(), stage.seconds);
  if (stage.bytes_before && stage.bytes_after)
    text += "  " + in_bytes(stage.bytes_before) + " -> " + in_bytes(stage.bytes_after);
  else if (stage.bytes_after)
    text += "  " + in_bytes(stage.bytes_after);
  for (auto const& [name, value] : stage.details) text += "  " + name + " " + value;
  text += "\n";
  for (auto const& layer : stage.layers) {
    text += formatted("  %-28s %-10s %-8s", layer.name.c_str(), layer.kind.c_str(), layer.precision.c_str());
    if (layer.bytes) text += " " + in_bytes(layer.bytes);
    if (layer.sparsity > 0) text += formatted("  %.1f %% zeros", layer.sparsity * 100);
    if (!layer.reason.empty()) text += "  " + layer.reason;
    text += "\n";
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
