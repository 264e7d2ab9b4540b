// Reports made by hand, of what no model would give.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include <torchdeploy/core/report.hpp>

namespace test {

namespace td = torchdeploy;

inline void add(td::report& all, td::stage_report stage) {
  all.start(stage.stage);
  all.current() = std::move(stage);
}

/// A pipeline with everything that a report can hold.
inline td::report full_report() {
  td::report all;
  add(all, {.stage = "load",
            .seconds = 0.125,
            .bytes_after = 4'000'000,
            .details = {{"path", "/models/net.pt"}},
            .findings = {{"train-mode-flag", td::severity::warning, "forward", "saved in train mode", "call eval()"}}});
  add(all, {.stage = "quantize",
            .seconds = 1.5,
            .bytes_before = 4'000'000,
            .bytes_after = 1'200'000,
            .details = {{"engine", "x86"}, {"samples", "8"}},
            .layers = {{.name = "conv1", .kind = "conv2d", .precision = "int8", .weights = 9'000, .bytes = 9'256},
                       {.name = "head.fc",
                        .kind = "addmm",
                        .precision = "float32",
                        .reason = "graph mode knows aten::linear",
                        .weights = 5'000,
                        .bytes = 20'000}},
            .findings = {{"range-jumped", td::severity::fault, "conv1", "a sample widened the range", "look at it"},
                         {"shared-weights", td::severity::note, "", "two layers share a weight", ""}}});
  add(all,
      {.stage = "verify",
       .seconds = 0.5,
       .details = {{"criterion", "sqnr >= 20 dB"},
                   {"score", "31.5 dB"},
                   {"criterion", "cosine >= 0.9"},
                   {"score", "0.999"},
                   {"samples", "8"}},
       .layers = {{.name = "conv1", .sparsity = 0.25, .milliseconds = 0.5, .sqnr_db = 33.25},
                  {.name = "head.fc", .milliseconds = 0.125, .sqnr_db = std::numeric_limits<double>::infinity()}}});
  add(all, {.stage = "save", .seconds = 0.25, .bytes_after = 1'250'000, .details = {{"path", "/out/net_int8.pt"}}});
  return all;
}

/// Strings that break out of markup, that are no text at all, and numbers that are none.
inline td::report hostile_report() {
  std::string const break_out = "\"'></title></td></svg><script>alert(1)</script><!--&amp;]]>";
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  auto const nan = std::nan("");
  auto const infinity = std::numeric_limits<double>::infinity();
  td::report all;
  add(all, {.stage = break_out + bytes,
            .seconds = nan,
            .bytes_before = 1,
            .bytes_after = ~0ULL,
            .details = {{break_out, bytes}, {"path", bytes}, {"criterion", break_out}, {"score", bytes}},
            .layers = {{.name = break_out + bytes,
                        .kind = break_out,
                        .precision = break_out,
                        .reason = break_out + bytes,
                        .weights = ~0ULL,
                        .bytes = ~0ULL,
                        .sparsity = infinity,
                        .milliseconds = -infinity,
                        .sqnr_db = nan},
                       {.name = std::string(5'000, 'n'), .milliseconds = 1e308, .sqnr_db = -1e308},
                       {.name = "", .sparsity = nan, .milliseconds = 5e-324, .sqnr_db = 1e308}},
            .findings = {{break_out, static_cast<td::severity>(7), bytes, break_out, bytes}}});
  add(all, {.stage = "", .seconds = -infinity});
  return all;
}

/// As many layers as ResNet-152 has.
inline td::report deep_report(int layers = 156) {
  td::stage_report stage{.stage = "quantize"};
  for (int i = 0; i < layers; ++i)
    stage.layers.push_back({.name = "layer" + std::to_string(i),
                            .kind = "conv2d",
                            .precision = i % 9 ? "int8" : "float32",
                            .bytes = 1'000 + 37 * static_cast<std::size_t>(i)});
  td::report all;
  add(all, std::move(stage));
  return all;
}

}  // namespace test
