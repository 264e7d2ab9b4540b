#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/verification/latency.hpp>
#include <torchdeploy/verification/layer_score.hpp>
#include <torchdeploy/verification/scores.hpp>

namespace torchdeploy::inline v0 {

/// A user's own measure of how well a model does: the mean of `score` over the samples must be `at_least` so much.
struct metric {
  std::string name;  ///< "pitch"
  std::function<double(c10::IValue const& got, c10::IValue const& expected)> score;
  double at_least{};
};

/// What `verify` and `compare` may be told. Criteria given hold together; with none given they follow the report.
struct verify_options {
  torchdeploy::samples samples{};  ///< default: the golden file's inputs, the artifact's examples, the reference's
  std::optional<double> rtol{};  ///< |got - expected| <= atol + rtol * |expected|: given together
  std::optional<double> atol{};  ///<
  std::optional<double> sqnr_db{};  ///< signal to quantization noise, at least, in dB
  std::optional<double> agreement{};  ///< top-1 agreement over the last dimension, at least, 0 .. 1
  std::optional<double> max_abs{};  ///< largest |got - expected|, at most
  std::optional<double> cosine{};  ///< cosine similarity, at least
  bool equal_nan = false;  ///< is NaN equal to NaN?
  std::optional<torchdeploy::metric> metric{};  ///< a measure of the user's own; alone, it judges alone
  bool allow_degenerate = false;  ///< accept outputs near zero, or that don't react to the inputs
  /// The other size of dimension 0 at which the same must hold: default 1 for samples of several rows and 2 for samples of
  /// one; 0 for none.
  std::optional<std::int64_t> batch{};
  bool per_layer = false;  ///< compare the output of each layer too: the reference must be of TorchScript
  /// Calls of both to measure latency with: default up to 20, within the time that comparing took; 0 for none.
  std::optional<std::size_t> latency_calls{};
};

/// One criterion, at the output that fares worst by it.
struct criterion {
  std::string name;  ///< "close", "sqnr", "agreement", "max_abs", "cosine", "equal" (plain values), or the metric's
  std::string wanted;  ///< "sqnr >= 20 dB"
  double score{};  ///< of close and equal: how many differ
  std::string got;  ///< "24.1 dB"
  std::string output;  ///< "output[1]"; empty when it is the whole
  bool passed{};  ///<
  compared_element worst{};  ///< where to look
};

/// The same criteria at another batch size.
struct batch_check {
  bool passed{};
  std::int64_t size{};  ///< rows that were given at once: 1
  std::int64_t of_samples{};  ///< rows in the first sample: 4
  std::vector<torchdeploy::criterion> criteria{};  ///< of these rows only
  std::vector<output_score> outputs{};  ///<
  std::string failure{};  ///< in one line; empty when passed
};

/// What comparing a model with its reference came to.
struct comparison {
  bool passed{};
  std::vector<torchdeploy::criterion> criteria{};  ///< all that was asked for
  std::string why{};  ///< why these criteria: "asked for", "3 layers are int8"
  std::vector<output_score> outputs{};  ///< one for each tensor that the model returns
  compared_element worst{};  ///< of the criterion that failed, else of the largest difference
  std::string reference{};  ///< what it was compared with: "another artifact"
  std::string structure{};  ///< what differs in shape, dtype or structure; else empty
  std::string failure{};  ///< in one line; empty when passed
  std::vector<std::string> notes{};  ///< what was noticed
  std::size_t samples{};  ///< how many were compared
  double seconds{};  ///< the model's, all samples, first and slow calls included
  double reference_seconds{};  ///<
  std::optional<batch_check> batch{};  ///< at another batch size; where none could be tried, a note says why
  std::vector<layer_score> layers{};  ///< with {.per_layer = true}: in the order they run, what is returned last
  std::optional<torchdeploy::latency> latency{};  ///< of a call, after warm-up
  std::optional<torchdeploy::latency> reference_latency{};  ///< of golden files there is none
};

namespace detail {

inline std::string scores_text(output_score const& s) {
  auto const pair = [](char const* name, double value, char const* unit = "") {
    return std::string("  ") + name + " " + number_text(value, 4) + unit;
  };
  return s.name + " (" + s.dtype + "):" + pair("sqnr", s.sqnr_db, " dB") + pair("cosine", s.cosine) + "  agreement " +
         agreement_text(s) + pair("max_abs", s.max_abs) + pair("max_rel", s.max_rel) + "  mismatched " +
         std::to_string(s.mismatched) + " of " + std::to_string(s.numel) + pair("reference", s.reference_min) + " .. " +
         number_text(s.reference_max, 4);
}

/// "latency 1.2 ms against 3.4 ms"
inline std::string latency_text(comparison const& result) {
  if (!result.latency) return {};
  auto const ms = [](double value) { return number_text(value, 3) + " ms"; };
  auto const& other = result.reference_latency;
  return ms(result.latency->median_ms) + (other ? " against " + ms(other->median_ms) : "") + " (p95 " +
         ms(result.latency->p95_ms) + (other ? " against " + ms(other->p95_ms) : "") + ", " +
         std::to_string(result.latency->calls) + (result.latency->calls == 1 ? " call)" : " calls)");
}

/// "1 as well as 4, sqnr >= 20 dB: 24.1 dB"
inline std::string batch_text(batch_check const& check) {
  auto text = std::to_string(check.size) + (check.passed ? " as well as " : " FAILED, unlike ") +
              std::to_string(check.of_samples);
  for (auto const& each : check.criteria)
    text += ", " + each.wanted + ": " + (each.got.empty() ? "not reached" : each.got);
  return text;
}

}  // namespace detail

/// For people: a few lines, the verdict first.
[[nodiscard]] inline std::string to_text(comparison const& result) {
  std::string text = result.passed ? "passed" : "FAILED: " + result.failure;
  for (auto const& each : result.criteria)
    text += "\n  " + each.wanted + ": " + (each.got.empty() ? "not reached" : each.got) + (each.passed ? "" : "  <-");
  if (!result.why.empty()) text += "\n  criterion: " + result.why;
  text += "\n  compared with " + result.reference + " on " + std::to_string(result.samples) + " sample(s), " +
          detail::number_text(result.seconds * 1e3, 3) + " ms against " +
          detail::number_text(result.reference_seconds * 1e3, 3) + " ms";
  if (auto const latency = detail::latency_text(result); !latency.empty()) text += "\n  latency " + latency;
  for (auto const& each : result.outputs) text += "\n  " + detail::scores_text(each);
  if (result.batch) text += "\n  batch " + detail::batch_text(*result.batch);
  if (!result.worst.empty()) text += "\n  worst at " + detail::place_text(result.worst);
  if (!result.layers.empty()) text += detail::layers_text(result.layers);
  for (auto const& each : result.notes) text += "\n  note: " + each;
  return text;
}

inline std::ostream& operator<<(std::ostream& out, comparison const& result) { return out << to_text(result); }

/// The model is not what its reference says it should be, or there is no telling: the comparison, as far as it came, is
/// carried along.
class verification_error : public error {
 public:
  verification_error(errc code, std::string_view text, std::string_view hint = {}, torchdeploy::comparison result = {})
      : error(code, text, hint), result_(std::make_shared<torchdeploy::comparison const>(std::move(result))) {}

  [[nodiscard]] torchdeploy::comparison const& comparison() const noexcept { return *result_; }

 private:
  std::shared_ptr<torchdeploy::comparison const> result_;  // shared: exceptions are copied, and copying must not throw
};

}  // namespace torchdeploy::inline v0
