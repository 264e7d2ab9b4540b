#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/report/markup.hpp>

namespace torchdeploy::inline v0::detail {

struct bar {
  double value{};           ///< NaN: none
  std::string_view tint{};  ///< class of its rectangle
  std::string label{};      ///< shown where the mouse rests
};

/// Steps of 1, 2 or 5 times a power of ten, a few of them, that enclose the values and zero.
inline std::vector<double> ticks(double low, double high, int most = 4) {
  low = std::min(low, 0.0), high = std::max(high, 0.0);
  auto const range = high - low;
  if (!(range > 0) || !std::isfinite(2 * range) || !std::isnormal(range / most)) return {0, 1};
  auto step = std::pow(10, std::floor(std::log10(range / most)));
  for (double const factor : {2.0, 2.5, 2.0}) {
    if (range / step <= most) break;
    step *= factor;
  }
  std::vector<double> all;
  auto const last = std::ceil(high / step - 1e-9);
  for (auto i = std::floor(low / step + 1e-9); i <= last; ++i) all.push_back(i * step);
  return all;
}

/// A column for each layer, from the first to the last, as two pictures side by side: the scale, and the columns with
/// horizontal places in percent, so that they fit any width while the text keeps its size. `unit` scales the axis.
inline std::string bar_chart(std::vector<bar> const& bars, std::string_view description, double unit = 1) {
  constexpr double top = 8, bottom = 118, height = 138;
  double low = 0, high = 0;
  for (auto const& each : bars)
    if (std::isfinite(each.value)) low = std::min(low, each.value / unit), high = std::max(high, each.value / unit);
  auto const axis = ticks(low, high);
  auto const y = [&](double value) {
    return bottom - (std::clamp(value, axis.front(), axis.back()) - axis.front()) / (axis.back() - axis.front()) *
                        (bottom - top);
  };
  auto const slot = 100 / static_cast<double>(std::max<std::size_t>(bars.size(), 1));
  auto const tall = fixed(height, 0);

  std::string text;
  put(text, {"<div class=\"chart\"><svg class=\"scale\" width=\"44\" height=\"", tall, "\" aria-hidden=\"true\">"});
  for (auto const value : axis)
    put(text, {"<text x=\"38\" y=\"", fixed(y(value) + 3.5, 1), "\">", number_text(value, 4), "</text>"});
  put(text, {"</svg>\n<svg class=\"plot\" width=\"100%\" height=\"", tall, "\" role=\"img\" aria-label=\"",
             escaped(description), "\">\n"});
  for (auto const value : axis) {
    auto const at = fixed(std::round(y(value)) + 0.5, 1);
    put(text, {"<line class=\"", value == 0 ? "zero" : "grid", "\" x1=\"0\" x2=\"100%\" y1=\"", at, "\" y2=\"", at,
               "\"/>\n"});
  }
  for (std::size_t i = 0; i < bars.size(); ++i) {
    auto const left = slot * static_cast<double>(i);
    put(text, {"<g><title>", escaped(bars[i].label), "</title><rect class=\"slot\" x=\"", fixed(left, 3),
               "%\" width=\"", fixed(slot, 3), "%\" y=\"0\" height=\"", fixed(bottom, 0), "\"/>"});
    if (auto const value = bars[i].value / unit; !std::isnan(value) && value != 0) {
      auto const end = y(value), zero = y(0);
      auto const size = std::max(std::abs(end - zero), 1.0);  // what is there is seen
      put(text, {"<rect class=\"", bars[i].tint, "\" x=\"", fixed(left + slot * 0.11, 3), "%\" width=\"",
                 fixed(slot * 0.78, 3), "%\" y=\"", fixed(value > 0 ? zero - size : zero, 2), "\" height=\"",
                 fixed(size, 2), "\"/>"});
    }
    put(text, {"</g>\n"});
  }
  auto const step = static_cast<std::size_t>(std::max(1.0, ticks(0, static_cast<double>(bars.size()), 10)[1]));
  for (std::size_t i = 1; i <= bars.size(); i = i == 1 && step > 1 ? step : i + step)
    put(text, {"<text x=\"", fixed(slot * (static_cast<double>(i) - 0.5), 3), "%\" y=\"", fixed(bottom + 15, 0), "\">",
               std::to_string(i), "</text>"});
  put(text, {"</svg></div>\n"});
  return text;
}

}  // namespace torchdeploy::inline v0::detail
