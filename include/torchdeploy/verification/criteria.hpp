#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core/report.hpp>
#include <torchdeploy/verification/alignment.hpp>
#include <torchdeploy/verification/comparison.hpp>

/// Which criteria hold, and whether they do.
namespace torchdeploy::inline v0::detail {

struct criteria_plan {
  verify_options options;
  bool close = false;
  bool asked_for = true;
  std::string why;
  answer_names names{};  ///< of answers that are lists

  /// With a metric alone, nothing but the metric judges: not even the structure must be the same.
  [[nodiscard]] bool metric_alone() const {
    return options.metric && !close && !options.sqnr_db && !options.agreement && !options.max_abs && !options.cosine;
  }
  [[nodiscard]] tolerance within(at::ScalarType dtype) const {
    auto result = options.rtol ? tolerance{*options.rtol, *options.atol} : default_tolerance(dtype);
    result.equal_nan = options.equal_nan;
    return result;
  }
};

inline void check(verify_options const& options) {
  auto const refuse = [](std::string const& text) { throw verification_error(errc::options_conflict, text); };
  if (options.rtol.has_value() != options.atol.has_value())
    refuse(std::string("expected rtol and atol together, got only ") + (options.rtol ? "rtol" : "atol"));
  auto const in_range = [&](char const* name, std::optional<double> const& value, double low, double high) {
    if (value && !(*value >= low && *value <= high))
      refuse(std::string("expected ") + name + " in " + number_text(low) + " .. " + number_text(high) + ", got " +
             number_text(*value));
  };
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  in_range("rtol", options.rtol, 0, std::numeric_limits<double>::max());
  in_range("atol", options.atol, 0, std::numeric_limits<double>::max());
  in_range("max_abs", options.max_abs, 0, std::numeric_limits<double>::max());
  in_range("sqnr_db", options.sqnr_db, -infinity, infinity);
  in_range("agreement", options.agreement, 0, 1);
  in_range("cosine", options.cosine, -1, 1);
  if (options.batch && *options.batch < 0)
    refuse("expected a batch of 1 or more, or 0 for none, got " + std::to_string(*options.batch));
  if (options.metric && (!options.metric->score || std::isnan(options.metric->at_least)))
    refuse("expected a metric with a score function and a number to reach, got '" + options.metric->name + "' without");
}

/// What a runtime was told to compute floating point in, or chose for it, where that is less than float32: "bf16".
inline std::string reduced_precision(report const* history) {
  auto const* const deployed = history ? history->find("deploy") : nullptr;
  if (!deployed) return {};
  for (auto const& [name, value] : deployed->details) {
    if (name != "precision" && name != "runs") continue;
    for (std::string const word : {"bf16", "bfloat16", "f16", "float16"}) {
      auto const at = value.find(word);
      if (at != value.npos && (at == 0 || value[at - 1] == ' ')) return word;
    }
  }
  return {};
}

/// Where a model runs, and where its reference does, as far as it decides what is to be expected.
struct runtimes_compared {
  report const* reference{};  ///< of a session that is the reference
  bool differ{};              ///< one is TorchScript's and the other is not
};

/// Without a criterion asked for, what happened to the model decides: the report knows, the type does not.
inline criteria_plan plan_criteria(verify_options options, report const* history, runtimes_compared const& run = {}) {
  check(options);
  criteria_plan plan{std::move(options), false, true, "asked for"};
  auto& chosen = plan.options;
  plan.close = chosen.rtol.has_value();
  if (plan.close || chosen.sqnr_db || chosen.agreement || chosen.max_abs || chosen.cosine || chosen.metric) return plan;

  plan.asked_for = false;
  plan.why.clear();
  std::int64_t int8 = 0;
  bool quantized_before = false, pruned = false;
  if (history)
    for (auto const& each : history->stages()) {
      quantized_before = quantized_before || each.detail("quantized") == "before";
      pruned = pruned || each.stage == "prune";
      if (each.stage == "quantize")
        int8 += std::count_if(each.layers.begin(), each.layers.end(),
                              [](layer_report const& l) { return l.precision == "int8"; });
    }
  if (int8 > 0)
    plan.why = "default, as " + std::to_string(int8) + (int8 == 1 ? " layer is int8" : " layers are int8");
  else if (quantized_before)
    plan.why = "default, as the file was quantized before";
  if (pruned) plan.why += plan.why.empty() ? "default, as weights were pruned" : " and weights were pruned";
  if (!plan.why.empty()) {
    chosen.sqnr_db = pruned ? 10 : 20;
  } else if (auto const here = reduced_precision(history), there = reduced_precision(run.reference);
             !here.empty() || !there.empty()) {
    chosen.sqnr_db = 30;  // bf16 gives 35 dB and more, layer by layer, on ResNet-18 and an encoder
    plan.why = "default, as " + (here.empty() ? "the reference runs in " + there : "the model runs in " + here);
  } else if (run.differ) {
    chosen.sqnr_db = 80;  // float32 gives 112 dB and more there
    plan.why = "default, as two runtimes sum in different orders";
  } else {
    plan.close = true;
    plan.why = "default, as nothing lossy happened to the model";
  }
  return plan;
}

/// The criteria that hold for any tensor, a layer's too: "sqnr >= 20 dB". Empty when there are none among them.
inline std::string tolerance_text(criteria_plan const& plan) {
  auto const& asked = plan.options;
  std::string text;
  auto const add = [&](std::string const& each) { text += (text.empty() ? "" : " and ") + each; };
  if (plan.close)
    add(asked.rtol ? "close (rtol " + number_text(*asked.rtol) + ", atol " + number_text(*asked.atol) + ")"
                   : "close but for the rounding of its dtype");
  if (asked.sqnr_db) add("sqnr >= " + number_text(*asked.sqnr_db) + " dB");
  if (asked.max_abs) add("max_abs <= " + number_text(*asked.max_abs));
  if (asked.cosine) add("cosine >= " + number_text(*asked.cosine));
  return text;
}

/// The output that fares worst; NaN is worse than anything.
template <class Score>
output_score const& worst_output(std::vector<output_score> const& outputs, Score badness) {
  auto const ranked = [&](output_score const& s) {
    double const value = badness(s);
    return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
  };
  return *std::max_element(outputs.begin(), outputs.end(),
                           [&](auto const& a, auto const& b) { return ranked(a) < ranked(b); });
}

inline criterion judge_close(std::vector<output_score> const& outputs) {
  auto const& worst = worst_output(outputs, [](auto const& s) { return static_cast<double>(s.mismatched); });
  return {"close",
          "close (rtol " + number_text(worst.within.rtol) + ", atol " + number_text(worst.within.atol) + ")",
          static_cast<double>(worst.mismatched),
          std::to_string(worst.mismatched) + " of " + std::to_string(worst.numel) + " elements off",
          worst.name,
          worst.mismatched == 0,
          worst.worst};
}

/// A score that must reach, or must not exceed, a threshold at every output.
inline criterion judge_number(std::string const& name, double output_score::*score, char const* relation,
                              double threshold, char const* unit, std::vector<output_score> const& outputs) {
  bool const at_least = relation[0] == '>';
  auto const& worst = worst_output(outputs, [&](auto const& s) { return at_least ? -(s.*score) : s.*score; });
  double const value = worst.*score;
  bool const passed = at_least ? value >= threshold : value <= threshold;
  auto const& where = std::isnan(value) && worst.not_finite ? worst.first_not_finite : worst.worst;
  return {name,       name + " " + relation + " " + number_text(threshold) + unit,
          value,      number_text(value) + unit,
          worst.name, passed,
          where};
}

/// One line: what was expected, what was got, where it is worst.
inline std::string failure_text(criterion const& failed) {
  std::string text = "expected " + failed.wanted + ", got " + failed.got;
  if (failed.worst.empty()) return text;
  auto const word = std::isnan(failed.score)     ? "; not finite at "
                    : failed.name == "agreement" ? "; first at "
                                                 : "; worst at ";
  return text + word + place_text(failed.worst);
}

}  // namespace torchdeploy::inline v0::detail
