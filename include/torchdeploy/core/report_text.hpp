#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/core/report.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

inline std::string in_bytes(std::uint64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes) + " B";
  auto const kilobytes = static_cast<double>(bytes) / 1e3;
  if (kilobytes < 10'000) return fixed(kilobytes, 1) + " kB";
  return kilobytes < 10'000'000 ? fixed(kilobytes / 1e3, 1) + " MB" : fixed(kilobytes / 1e6, 1) + " GB";
}

inline std::string_view severity_name(severity level) {
  return level == severity::fault ? "fault" : level == severity::warning ? "warning" : "note";
}

/// Characters of UTF-8.
inline std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// A name from a model's file may hold line breaks and what commands a terminal.
inline std::string in_one_line(std::string text) {
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7F') c = ' ';
  return text;
}

/// "warning [baked-batch] forward: batch 2 runs, batch 4 raises in view: ..."
inline std::string headline(finding const& each) {
  std::string text(severity_name(each.level));
  text += " [" + each.id + "] " + (each.place.empty() ? "" : each.place + ": ") + each.text;
  return in_one_line(std::move(text));
}

/// "30.0 % zeros, 4 of 16 slices"
inline std::string zeros_text(layer_report const& layer) {
  if (!(layer.sparsity > 0)) return {};
  auto text = fixed(layer.sparsity * 100, 1) + " % zeros";
  if (layer.slices)
    text += ", " + std::to_string(layer.zero_slices) + " of " + std::to_string(layer.slices) + " slices";
  return text;
}

/// The report as text: lines of at most 110 columns, unless one word is longer.
class text_writer {
 public:
  std::string text{};

  void write(stage_report const& stage) {
    auto const name = in_one_line(stage.stage);
    text += name;
    fill(10, columns(name));
    auto const seconds = fixed(stage.seconds, 3);
    fill(9, columns(seconds));
    text += seconds + " s";
    if (stage.bytes_before && stage.bytes_after)
      text += "  " + in_bytes(stage.bytes_before) + " -> " + in_bytes(stage.bytes_after);
    else if (stage.bytes_after)
      text += "  " + in_bytes(stage.bytes_after);
    for (auto const& [what, value] : stage.details) {
      auto const pair = in_one_line(what + " " + value);
      if (column() + 2 + columns(pair) > width) text += '\n';
      text += "  ";
      wrap(pair, 4);
    }
    text += '\n';
    write(stage.layers);
    for (auto const& each : stage.findings) {
      text += "  ";
      wrap(headline(each), 4);
      if (!each.hint.empty()) text += "\n    ", wrap(in_one_line(each.hint), 4);
      text += '\n';
    }
  }

 private:
  static constexpr std::size_t width = 110;
  static constexpr std::size_t longest_name = 48;  // a longer one gets a line of its own
  static constexpr std::size_t numbers = 3;        // from this cell on they stand right

  static constexpr std::size_t cells_of_row = 7;
  using row = std::array<std::string, cells_of_row>;

  static row cells(layer_report const& layer) {
    return {in_one_line(layer.name),
            in_one_line(layer.kind),
            in_one_line(layer.precision),
            layer.bytes ? in_bytes(layer.bytes) : "",
            zeros_text(layer),
            layer.milliseconds ? fixed(*layer.milliseconds, 3) + " ms" : "",
            layer.sqnr_db ? fixed(*layer.sqnr_db, 1) + " dB" : ""};
  }

  void write(std::vector<layer_report> const& layers) {
    std::array<std::size_t, cells_of_row> widths{};
    std::vector<row> rows;
    for (auto const& layer : layers) {
      rows.push_back(cells(layer));
      for (std::size_t i = 0; i < widths.size(); ++i)
        if (auto const size = columns(rows.back()[i]); i > 0 || size <= longest_name)
          widths[i] = std::max(widths[i], size);
    }
    for (std::size_t n = 0; n < rows.size(); ++n) {
      for (std::size_t i = 0; i < widths.size(); ++i) {
        auto const& cell = rows[n][i];
        if (widths[i] == 0 && cell.empty()) continue;
        text += "  ";
        if (i >= numbers) fill(widths[i], columns(cell));
        text += cell;
        if (columns(cell) > widths[i]) text += "\n  ", fill(widths[i], 0);
        if (i < numbers) fill(widths[i], columns(cell));
      }
      if (auto const& reason = layers[n].reason; !reason.empty()) {
        text += "  ";
        wrap(in_one_line(reason), std::min(column(), width / 2));
      }
      text.erase(text.find_last_not_of(' ') + 1);
      text += '\n';
    }
  }

  void fill(std::size_t wanted, std::size_t got) { text.append(wanted - std::min(wanted, got), ' '); }
  [[nodiscard]] std::size_t column() const { return columns(std::string_view(text).substr(text.rfind('\n') + 1)); }

  /// Add words, and go on in an indented line where one would pass the width.
  void wrap(std::string_view words, std::size_t indent) {
    for (bool first = true; !words.empty(); first = false) {
      auto const word = words.substr(0, words.find(' '));
      words.remove_prefix(std::min(words.size(), word.size() + 1));
      if (!first && column() + 1 + columns(word) > width)
        text.append("\n").append(indent, ' ');
      else if (!first)
        text += ' ';
      text += word;
    }
  }
};

}  // namespace detail

/// "warning [baked-batch] forward: batch 2 runs, batch 4 raises in view: ...", and what to do on a line of its own.
inline std::string to_text(finding const& each) {
  auto const text = detail::headline(each) + "\n";
  return each.hint.empty() ? text : text + "    " + detail::in_one_line(each.hint) + "\n";
}

/// All of them, as `diagnose` returns them.
inline std::string to_text(std::vector<finding> const& all) {
  std::string text;
  for (auto const& each : all) text += to_text(each);
  return text.empty() ? "no findings\n" : text;
}

/// One line for each stage, and under it one for each layer (kind, precision, bytes, zeros, milliseconds of one call,
/// SQNR in dB, why not int8; what nobody told is left out) and for each finding.
///
/// @par Example
///     std::cout << model.report();
inline std::string to_text(report const& all) {
  detail::text_writer out;
  for (auto const& stage : all.stages()) out.write(stage);
  return out.text;
}

inline std::ostream& operator<<(std::ostream& out, report const& all) { return out << to_text(all); }

}  // namespace torchdeploy::inline v0
