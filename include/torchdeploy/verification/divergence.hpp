#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/verification/layer_comparing.hpp>

namespace torchdeploy::inline v0 {

/// What `first_divergence` may be told. Without a tolerance, the reports decide, as for `verify`.
struct divergence_options {
  torchdeploy::samples samples{};   ///< to run; default: the model's examples, then the reference's
  std::optional<double> rtol{};     ///< |got - expected| <= atol + rtol * |expected|: given together
  std::optional<double> atol{};     ///<
  std::optional<double> sqnr_db{};  ///< signal to quantization noise of each layer's output, at least, in dB
  bool equal_nan = false;           ///< is NaN equal to NaN?
  std::optional<std::size_t> latency_calls{};  ///< calls to measure ms of; default 5, 0 for none
};

/// Where two models part.
struct divergence {
  bool diverged{};      ///< does any layer's output leave the tolerance?
  std::string layer{};  ///< the first that does, in the order they run; "output" when only what the model returns does
  compared_element worst{};  ///< its worst element, and the two values; empty where the shapes differ
  std::vector<layer_score> layers{};  ///< all that both models have, in the order they run, then the outputs
  std::string matched_by{};  ///< how layers were matched: "name", "order"
  std::string wanted{};  ///< "sqnr >= 20 dB"
  std::string why{};  ///< why this tolerance: "asked for", "default, as 3 layers are int8"
  std::vector<std::string> notes{};  ///< what was noticed
  std::size_t samples{};  ///< how many were run
};

/// What can be looked into: an artifact of TorchScript, or a `torch::jit::Module`.
template <class M>
concept has_layers =
    std::same_as<M, torch::jit::Module> || (any_artifact<M> && requires(M const& model) { detail::layered_of(model); });

namespace detail {

/// As verify's default: what happened to either model.
inline criteria_plan plan_divergence(divergence_options const& options, report const* ours, report const* theirs,
                                     runtimes_compared const& run = {}) {
  verify_options criteria;
  criteria.rtol = options.rtol;
  criteria.atol = options.atol;
  criteria.sqnr_db = options.sqnr_db;
  criteria.equal_nan = options.equal_nan;
  for (auto const* const history : {ours, theirs})
    if (auto plan = plan_criteria(criteria, history); plan.asked_for || !plan.close) return plan;
  return plan_criteria(criteria, ours, run);
}

inline void demand_samples(std::vector<example> const& inputs) {
  if (inputs.empty())
    throw verification_error(errc::no_examples,
                             "expected samples to compare on, got none, and neither model has examples",
                             "first_divergence(model, reference, {.samples = images})");
}

/// The first layer that leaves the tolerance.
inline void conclude(divergence& result) {
  auto const first =
      std::find_if(result.layers.begin(), result.layers.end(), [](layer_score const& each) { return each.diverges; });
  if (first == result.layers.end()) return;
  result.diverged = true;
  result.layer = first->name;
  if (first->structure.empty())
    result.worst = first->score.not_finite && std::isnan(first->score.sqnr_db) ? first->score.first_not_finite
                                                                               : first->score.worst;
}

inline divergence first_divergence(layered const& model, layered const& reference, std::vector<example> const& inputs,
                                   divergence_options const& options) {
  demand_samples(inputs);
  divergence result;
  auto const plan = plan_divergence(options, model.history, reference.history);
  auto compared = layer_comparing(model, reference, plan)(inputs, options.latency_calls);
  result.layers = std::move(compared.layers);
  result.notes = std::move(compared.notes);
  result.matched_by = std::move(compared.matched_by);
  result.why = plan.why;
  result.wanted = tolerance_text(plan);
  result.samples = inputs.size();
  conclude(result);
  return result;
}

}  // namespace detail

/// For people: where, then a table of all layers.
[[nodiscard]] inline std::string to_text(divergence const& result) {
  std::string text = "no layer's output leaves the tolerance: " + result.wanted;
  for (auto const& each : result.layers) {
    if (!each.diverges) continue;
    text = "first divergence at " + each.name + " (" + each.kind + "): expected ";
    if (!each.structure.empty())
      text += each.structure.substr(each.structure.find("expected ") + 9);
    else if (result.wanted.starts_with("close"))
      text += result.wanted + ", got " + std::to_string(each.score.mismatched) + " of " +
              std::to_string(each.score.numel) + " elements off";
    else
      text += result.wanted + ", got " + detail::number_text(each.score.sqnr_db, 4) + " dB";
    if (!result.worst.empty()) text += "; worst at " + detail::place_text(result.worst);
    break;
  }
  text += "\n  criterion: " + result.why + "; layers matched by " + result.matched_by + ", on " +
          std::to_string(result.samples) + " sample(s)" + detail::layers_text(result.layers);
  for (auto const& each : result.notes) text += "\n  note: " + each;
  return text;
}

inline std::ostream& operator<<(std::ostream& out, divergence const& result) { return out << to_text(result); }

/// Where does a model part from its reference? Runs both, sample after sample, and compares the output of every layer
/// (convolutions, linear layers, recurrent layers, attention, ...): the first one, in the order they run, whose output
/// leaves the tolerance is where to look.
///
/// `model`, `reference`: artifacts of TorchScript, or modules (copied, in evaluation mode). Layers are matched by the names
/// that reports have; where an export or a frozen file lost them, by order, if both have the same kinds of layers in the
/// same order. A batch norm behind a layer belongs to its output, since folding moves it in. A quantized artifact is looked
/// at in reference form, which has names; what it takes is measured where it runs, lowered. Nothing is changed: both are
/// copies, and activations of one sample at a time are kept. What the models return is compared last, as layer "output".
///
/// Without samples the examples of the model, then of the reference, are taken.
/// Throws: verification_error 301, 305, 306, 307, 311; quantization_error 409; load_error 108 (a module without forward).
///
/// @par Example
///     auto const found = td::first_divergence(quantized, original, {.samples = images});
///     if (found.diverged) std::cout << found.layer << " is the first\n" << found;
template <has_layers Model, has_layers Reference>
[[nodiscard]] divergence first_divergence(Model const& model, Reference const& reference,
                                          divergence_options const& options = {}) {
  std::vector<example> inputs(options.samples.begin(), options.samples.end());
  auto const take_examples = [&](auto const& side) {
    if constexpr (requires { side.examples(); })
      if (inputs.empty()) inputs = side.examples();
  };
  take_examples(model);
  take_examples(reference);
  return detail::first_divergence(detail::layered_of(model), detail::layered_of(reference), inputs, options);
}

}  // namespace torchdeploy::inline v0
