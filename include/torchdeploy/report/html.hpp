#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/report.hpp>
#include <torchdeploy/detail/atomic_file.hpp>
#include <torchdeploy/report/chart.hpp>
#include <torchdeploy/report/markup.hpp>
#include <torchdeploy/report/style.hpp>
#include <torchdeploy/report/summary.hpp>
#include <torchdeploy/version.hpp>

namespace torchdeploy::inline v0 {

/// What `to_html` and `save_html` show.
struct html_options {
  std::string title{};  ///< heading of the page; default: the name of the model's file
};

namespace detail {

/// A report as one page of HTML that is well-formed XML, too.
class html_writer {
 public:
  html_writer(report const& all, html_options const& options) : all_(&all), sum_(summary_of(all)) {
    std::string const slash = "/\\";
    auto const file = sum_.path.substr(std::min(sum_.path.find_last_of(slash) + 1, sum_.path.size()));
    title_ = escaped(!options.title.empty() ? options.title : !file.empty() ? std::string(file) : "Deployment report");
  }

  std::string page() && {
    put(out_, {"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>", title_, "</title>\n",
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"generator\" "
               "content=\"torchdeploy ",
               version, "\"/>\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src ",
               "'unsafe-inline'\"/>\n<style>", report_style, "</style>\n</head>\n<body>\n<main>\n"});
    headline();
    findings();
    stages();
    layers();
    put(out_,
        {"</main>\n<footer><p>Written by torchdeploy ", version,
         ". 1 kB is 1000 bytes; bytes are those of weights and buffers as stored.</p></footer>\n</body>\n</html>\n"});
    return std::move(out_);
  }

 private:
  static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

  static std::string_view tint(std::string_view precision) {
    return precision == "int8" ? "int8" : precision.substr(0, 5) == "float" ? "float" : "other";
  }
  static std::string in_seconds(double seconds) {
    return seconds < 1 ? fixed(seconds * 1e3, seconds < 0.01 ? 2 : 0) + " ms" : readable(seconds, 2) + " s";
  }
  static std::string readable(double value, int digits) {
    return std::abs(value) < 1e6 ? fixed(value, digits) : number_text(value, 4);
  }
  static std::string in_percent(double fraction) { return fixed(fraction * 100, 1) + " %"; }
  static std::string in_db(double value) {
    if (std::isinf(value)) return value > 0 ? "exact" : "-\xE2\x88\x9E";
    return std::isnan(value) ? "NaN" : readable(value, 1);
  }
  static std::string name(std::string_view whole) {
    auto const shown = elided(whole);
    std::string text = "<code";
    if (shown != whole) put(text, {" title=\"", escaped(whole), "\""});
    put(text, {">", escaped(shown), "</code>"});
    return text;
  }

  void figure(std::string_view what, std::string_view value, std::string_view more, std::string_view tone = "") {
    put(out_, {"<div><dt>", what, "</dt><dd><b"});
    if (!tone.empty()) put(out_, {" class=\"", tone, "\""});
    put(out_, {">", value, "</b>", more, "</dd></div>\n"});
  }

  void headline() {
    put(out_, {"<header>\n<h1>", title_, "</h1>\n<p class=\"chain\">"});
    for (auto const& stage : all_->stages())
      put(out_, {&stage == all_->stages().data() ? "" : " | ", "<code>", escaped(stage.stage), "</code>"});
    put(out_, {all_->empty() ? "No stage has run." : "", "</p>\n"});
    if (!sum_.path.empty()) put(out_, {"<p class=\"chain\">", escaped(sum_.path), "</p>\n"});
    put(out_, {"<dl class=\"figures\">\n"});
    if (sum_.bytes_after) {
      auto const ratio = static_cast<double>(sum_.bytes_before) / static_cast<double>(sum_.bytes_after);
      figure("Weights and buffers", in_bytes(sum_.bytes_before) + " \xE2\x86\x92 " + in_bytes(sum_.bytes_after),
             ratio >= 1 ? fixed(ratio, 2) + "\xC3\x97 smaller" : fixed(1 / ratio, 2) + "\xC3\x97 larger");
    } else if (sum_.bytes_before) {
      figure("Weights and buffers", in_bytes(sum_.bytes_before), "as they came");
    }
    if (!sum_.layers.empty()) {
      auto const zeros = sum_.zeros > 0 ? in_percent(sum_.zeros) + " of their weights are zero" : std::string();
      figure("Layers in int8", std::to_string(sum_.int8) + " of " + std::to_string(sum_.layers.size()), zeros);
    }
    if (sum_.verified) {
      std::string criteria;
      for (auto const& [wanted, got] : sum_.criteria)
        put(criteria, {criteria.empty() ? "" : "<br/>", escaped(got), " (wanted: ", escaped(wanted), ")"});
      if (sum_.changed) {
        put(criteria, {"<br/>then <code>", escaped(sum_.changed->stage), "</code> changed the model: verify it again"});
        figure("Verified", "not as it is now", criteria, "warning");
      } else {
        figure("Verified", "passed", criteria, "good");
      }
    } else if (!all_->empty()) {
      figure("Verified", "no", "not compared with a reference");
    }
    auto const faults = sum_.count[2], warnings = sum_.count[1], notes = sum_.count[0];
    auto const counted = [](std::size_t n, std::string_view what) {
      std::string text;
      if (n) put(text, {std::to_string(n), " ", what, n > 1 ? "s" : ""});
      return text;
    };
    if (faults)
      figure("Findings", counted(faults, "fault"), counted(warnings, "warning"), "fault");
    else if (warnings)
      figure("Findings", counted(warnings, "warning"), counted(notes, "note"), "warning");
    else
      figure("Findings", notes ? counted(notes, "note") : "none", "");
    if (!all_->empty()) figure("Time", in_seconds(sum_.seconds), counted(all_->stages().size(), "stage"));
    put(out_, {"</dl>\n</header>\n"});
  }

  void findings() {
    if (sum_.count[0] + sum_.count[1] + sum_.count[2] == 0) return;
    put(out_, {"<section>\n<h2>Findings</h2>\n<ul class=\"findings\">\n"});
    for (auto const level : {severity::fault, severity::warning, severity::note})
      for (auto const& stage : all_->stages())
        for (auto const& each : stage.findings) {
          auto const weight = severity_name(each.level);
          if (weight != severity_name(level)) continue;
          put(out_, {"<li class=\"", weight, "\"><p><b>", weight, "</b><code>", escaped(each.id), "</code> ",
                     "<span class=\"muted\">", escaped(stage.stage)});
          if (!each.place.empty()) put(out_, {", at ", name(each.place)});
          put(out_, {"</span></p>\n<p>", escaped(each.text), "</p>"});
          if (!each.hint.empty()) put(out_, {"\n<p class=\"muted\">", escaped(each.hint), "</p>"});
          put(out_, {"</li>\n"});
        }
    put(out_, {"</ul>\n</section>\n"});
  }

  void stages() {
    if (all_->empty()) return;
    put(out_,
        {"<section>\n<h2>Stages</h2>\n<div class=\"wide\">\n<table class=\"stages\">\n<thead><tr><th scope=\"col\">",
         "stage</th><th scope=\"col\" class=\"number\">time</th><th scope=\"col\" class=\"number\">bytes before</th>",
         "<th scope=\"col\" class=\"number\">after</th><th scope=\"col\">details</th></tr></thead>\n<tbody>\n"});
    double most = 0;
    for (auto const& stage : all_->stages()) most = std::max(most, stage.seconds);
    for (auto const& stage : all_->stages()) {
      auto const share = most > 0 && std::isfinite(most) ? std::clamp(stage.seconds / most, 0.0, 1.0) * 100 : 0;
      put(out_, {"<tr><th scope=\"row\">", name(stage.stage), "</th><td class=\"number\">", in_seconds(stage.seconds),
                 "<svg class=\"share\" aria-hidden=\"true\"><rect height=\"3\" x=\"", fixed(100 - share, 1),
                 "%\" width=\"", fixed(share, 1), "%\"/></svg></td><td class=\"number\">",
                 stage.bytes_before ? in_bytes(stage.bytes_before) : "", "</td><td class=\"number\">",
                 stage.bytes_after ? in_bytes(stage.bytes_after) : "", "</td><td class=\"details\">"});
      for (auto const& [what, value] : stage.details)
        put(out_, {"<span>", escaped(what), " <b>", escaped(value), "</b></span> "});
      put(out_, {"</td></tr>\n"});
    }
    put(out_, {"</tbody>\n</table>\n</div>\n</section>\n"});
  }

  /// One quantity of all layers. `value` gives NaN where it is not known.
  void chart(std::string_view what, std::string_view unit, double scale, bool least,
             double (*value)(layer_report const&), std::string (*text)(layer_report const&)) {
    std::vector<bar> bars;
    std::optional<std::size_t> extreme;
    for (std::size_t i = 0; i < sum_.layers.size(); ++i) {
      auto const& layer = sum_.layers[i];
      auto const here = value(layer);
      bars.push_back({here, tint(layer.precision),
                      std::to_string(i + 1) + " " + layer.name + ": " +
                          (std::isnan(here) ? std::string("not told") : text(layer)) +
                          (layer.precision.empty() ? "" : ", " + layer.precision)});
      if (!std::isnan(here) && (!extreme || (least ? here < bars[*extreme].value : here > bars[*extreme].value)))
        extreme = i;
    }
    if (!extreme || (!least && !(bars[*extreme].value > 0))) return;
    auto const& layer = sum_.layers[*extreme];
    std::string caption(least ? "least: " : "most: ");
    put(caption, {text(layer), " in layer ", std::to_string(*extreme + 1), ", "});
    std::string description(what);
    put(description, {" of each of ", std::to_string(bars.size()), " layers; ", caption, layer.name,
                      "; the numbers are in the table below"});
    // few layers: three charts stand side by side; many: each fills the width
    put(out_, {"<figure style=\"width: ", std::to_string(44 + 26 * bars.size()), "px\"><figcaption><h3>", what, ", ",
               unit, "</h3><p>", caption, name(layer.name), "</p></figcaption>\n", bar_chart(bars, description, scale),
               "</figure>\n"});
  }

  void charts() {
    std::uint64_t most = 0;
    for (auto const& layer : sum_.layers) most = std::max(most, layer.bytes);
    auto const [scale, unit] = most >= 1'000'000'000 ? std::pair(1e9, "GB")
                               : most >= 1'000'000   ? std::pair(1e6, "MB")
                               : most >= 1'000       ? std::pair(1e3, "kB")
                                                     : std::pair(1.0, "B");
    put(out_, {"<div class=\"charts\">\n"});
    chart(
        "Bytes", unit, scale, false, [](layer_report const& l) { return static_cast<double>(l.bytes); },
        [](layer_report const& l) { return in_bytes(l.bytes); });
    chart(
        "Time of one call", "ms", 1, false, [](layer_report const& l) { return l.milliseconds.value_or(unknown); },
        [](layer_report const& l) { return number_text(*l.milliseconds, 4) + " ms"; });
    chart(
        "SQNR", "dB (more is better)", 1, true, [](layer_report const& l) { return l.sqnr_db.value_or(unknown); },
        [](layer_report const& l) { return in_db(*l.sqnr_db) + (std::isfinite(*l.sqnr_db) ? " dB" : ""); });
    put(out_, {"</div>\n"});
  }

  void key() {
    std::vector<std::string_view> precisions;
    for (auto const& layer : sum_.layers)
      if (!layer.precision.empty() &&
          std::find(precisions.begin(), precisions.end(), layer.precision) == precisions.end())
        precisions.push_back(layer.precision);
    put(out_, {"<p class=\"key\">"});
    for (auto const each : precisions)
      put(out_, {"<span><i class=\"chip ", tint(each), "\"></i>", escaped(each), "</span>"});
    put(out_, {"<span>columns stand in the order of the table</span></p>\n"});
  }

  void layers() {
    auto const& all = sum_.layers;
    if (all.empty()) return;
    put(out_, {"<section>\n<h2>Layers</h2>\n"});
    key();
    charts();

    auto const any = [&](auto const& told) { return std::any_of(all.begin(), all.end(), told); };
    bool const zeros = any([](auto const& l) { return l.sparsity > 0; });
    bool const time = any([](auto const& l) { return l.milliseconds.has_value(); });
    bool const error = any([](auto const& l) { return l.sqnr_db.has_value(); });
    bool const reasons = any([](auto const& l) { return !l.reason.empty(); });
    auto const head = [&](bool shown, std::string_view what, bool number = true) {
      if (shown) put(out_, {"<th scope=\"col\"", number ? " class=\"number\"" : "", ">", what, "</th>"});
    };
    auto const cell = [&](bool shown, std::string_view text) {
      if (shown) put(out_, {"<td class=\"number\">", text, "</td>"});
    };
    put(out_, {"<div class=\"wide\" role=\"region\" aria-label=\"Table of layers\" tabindex=\"0\">\n<table "
               "class=\"layers\">\n",
               "<thead><tr>"});
    head(true, "#"), head(true, "layer", false), head(true, "kind", false), head(true, "precision", false);
    head(true, "weights"), head(true, "bytes"), head(zeros, "zeros"), head(time, "ms"), head(error, "SQNR, dB");
    head(reasons, "why not int8", false);
    put(out_, {"</tr></thead>\n<tbody>\n"});
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto const& layer = all[i];
      put(out_, {"<tr><td class=\"number muted\">", std::to_string(i + 1), "</td><th scope=\"row\">", name(layer.name),
                 "</th><td>", escaped(layer.kind), "</td><td>"});
      if (!layer.precision.empty())
        put(out_, {"<i class=\"chip ", tint(layer.precision), "\"></i>", escaped(layer.precision)});
      put(out_, {"</td>"});
      cell(true, layer.weights ? grouped(layer.weights) : "");
      cell(true, layer.bytes ? grouped(layer.bytes) : "");
      cell(zeros,
           (layer.slices ? std::to_string(layer.zero_slices) + " of " + std::to_string(layer.slices) + " slices, "
                         : "") +
               (layer.sparsity > 0 ? in_percent(layer.sparsity) : ""));
      cell(time, layer.milliseconds ? readable(*layer.milliseconds, 3) : "");
      cell(error, layer.sqnr_db ? in_db(*layer.sqnr_db) : "");
      if (reasons) put(out_, {"<td class=\"reason\">", escaped(layer.reason), "</td>"});
      put(out_, {"</tr>\n"});
    }
    put(out_, {"</tbody>\n</table>\n</div>\n</section>\n"});
  }

  report const* all_;
  report_summary sum_;
  std::string title_;
  std::string out_;
};

}  // namespace detail

/// The report as one page of HTML that needs nothing else (no script, no font, no network): what came of the model,
/// findings, stages, and for each layer its bytes, milliseconds and SQNR as pictures (SVG) and in a table.
///
/// By day and by night as the reader's browser is set, on paper, on a narrow screen. All strings are escaped.
/// The same report gives the same page.
///
/// @par Example
///     std::string const page = td::to_html(model.report(), {.title = "ResNet-18, int8"});
inline std::string to_html(report const& all, html_options const& options = {}) {
  return detail::html_writer(all, options).page();
}

/// Write `to_html(report)` to a file, whole or not at all. Throws: export_error 201, 202.
///
/// @par Example
///     td::save_html(model.report(), "report.html");
inline void save_html(report const& all, std::filesystem::path const& path, html_options const& options = {}) {
  detail::atomic_write(path, [&](std::ostream& out) { out << to_html(all, options); });
}

}  // namespace torchdeploy::inline v0
