#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/backend/layer_outputs.hpp>
#include <torchdeploy/verification/divergence.hpp>
#include <torchdeploy/verification/layer_look.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

template <class M>
inline constexpr bool is_placed = false;
template <class B, class A>
inline constexpr bool is_placed<placed<B, A>> = shows_layers<B, typename A::format>;

/// Compares two models layer by layer, by name, wherever each runs. Of no more than one sample are activations kept.
class comparing_across {
 public:
  comparing_across(layer_look model, layer_look reference, criteria_plan plan)
      : model_(std::move(model)), reference_(std::move(reference)), plan_(std::move(plan)) {
    plan_.names = {model_.names, reference_.names};
    for (std::size_t j = 0; j < reference_.layers.size(); ++j) {
      auto const& theirs = reference_.layers[j];
      for (std::size_t i = 0; i < model_.layers.size(); ++i) {
        auto const& ours = model_.layers[i];
        if (theirs.name.empty() || ours.name != theirs.name || seen_.contains(j) || taken(i)) continue;
        auto& seen = seen_.try_emplace(j, i, theirs.name).first->second;
        seen.result.name = theirs.name;
        seen.result.kind = ours.kind.empty() ? theirs.kind : ours.kind;
        seen.result.precision = ours.precision;
      }
    }
    if (seen_.empty())
      throw verification_error(
          errc::no_common_layer,
          "expected models with layers in common, got " + described(model_) + " against " + described(reference_),
          "layers are matched by name across runtimes: a file that was frozen has lost them");
  }

  divergence operator()(std::vector<example> const& inputs) {
    divergence result;
    for (std::size_t sample = 0; sample < inputs.size(); ++sample) run(sample, inputs[sample]);
    for (auto const j : order_) {
      auto& seen = seen_.at(j);
      seen.result.score = seen.score.score();
      seen.result.diverges = !seen.result.structure.empty() || leaves_tolerance(seen.result.score, plan_);
      result.layers.push_back(std::move(seen.result));
    }
    auto const unseen = seen_.size() - order_.size();
    for (auto const& [name, score] : outputs_) add_output(result, name, score.score(), {});
    if (!output_structure_.empty()) add_output(result, "output", {}, output_structure_);
    auto const alone = [&](std::size_t layers, char const* who) {
      if (layers > seen_.size())
        result.notes.push_back(std::to_string(layers - seen_.size()) + " layer(s) of " + who + " have no counterpart");
    };
    alone(model_.layers.size(), "the model");
    alone(reference_.layers.size(), "the reference");
    if (unseen) result.notes.push_back(std::to_string(unseen) + " layer(s) were reached by no sample");
    result.matched_by = "name";
    result.why = plan_.why;
    result.wanted = tolerance_text(plan_);
    result.samples = inputs.size();
    conclude(result);
    return result;
  }

 private:
  struct seen_layer {
    seen_layer(std::size_t index, std::string const& name) : ours(index), score(name) {}
    std::size_t ours;
    tally score;
    layer_score result{};
  };

  [[nodiscard]] bool taken(std::size_t i) const {
    return std::any_of(seen_.begin(), seen_.end(), [&](auto const& each) { return each.second.ours == i; });
  }
  static std::string described(layer_look const& side) {
    auto const named = side.layer_names();
    return std::to_string(side.layers.size()) + (named.empty() ? " without names" : " (" + named.front() + ", ...)");
  }

  void run(std::size_t sample, example const& inputs) {
    auto const raised = [&](char const* who) {
      return std::string(who) + " raised on sample " + std::to_string(sample);
    };
    auto const expected = translated<verification_error>(errc::reference_raised, raised("the reference"), {},
                                                         [&] { return reference_.run(inputs); });
    auto const got =
        translated<verification_error>(errc::model_raised, raised("the model"), {}, [&] { return model_.run(inputs); });
    c10::InferenceMode const inference;
    std::vector<std::size_t> next(model_.layers.size());  // in the calls of the model, for each of its layers
    for (auto const& [j, theirs] : expected.calls) {
      auto const at = seen_.find(j);
      if (at == seen_.end()) continue;
      auto& seen = at->second;
      auto& from = next[seen.ours];
      auto const ours = std::find_if(got.calls.begin() + static_cast<std::ptrdiff_t>(from), got.calls.end(),
                                     [&](auto const& call) { return call.first == seen.ours; });
      if (ours == got.calls.end()) continue;
      from = static_cast<std::size_t>(ours - got.calls.begin()) + 1;
      if (std::find(order_.begin(), order_.end(), j) == order_.end()) order_.push_back(j);
      score(seen, sample, ours->second, theirs);
    }

    auto output = got.output, wanted = expected.output;
    std::vector<leaf> leaves;
    auto difference = align(output, wanted, plan_.names);
    if (difference.empty()) difference = walk(output, wanted, leaves);
    if (!difference.empty()) {
      output_structure_ = difference;
      return;
    }
    for (auto const& each : leaves) {
      if (!each.got.isTensor() || !each.got.toTensor().defined()) continue;
      auto at =
          std::find_if(outputs_.begin(), outputs_.end(), [&](auto const& pair) { return pair.first == each.name; });
      if (at == outputs_.end()) at = outputs_.insert(outputs_.end(), {each.name, tally(each.name)});
      auto const& theirs = each.expected.toTensor();
      at->second.add(sample, each.got.toTensor(), theirs, plan_.within(theirs.scalar_type()));
    }
  }

  void score(seen_layer& seen, std::size_t sample, at::Tensor got, at::Tensor const& expected) const {
    ++seen.result.calls;
    if (got.is_floating_point() && expected.is_floating_point()) got = got.to(expected.scalar_type());
    if (auto const difference = tensor_difference(got, expected); !difference.empty())
      seen.result.structure = difference;
    else
      seen.score.add(sample, got, expected, within_layer(plan_, expected));
  }

  void add_output(divergence& result, std::string const& name, output_score score, std::string structure) const {
    layer_score each{.name = name, .kind = "output", .score = std::move(score), .structure = std::move(structure)};
    each.diverges = !each.structure.empty() || leaves_tolerance(each.score, plan_);
    result.layers.push_back(std::move(each));
  }

  layer_look model_, reference_;
  criteria_plan plan_;
  std::map<std::size_t, seen_layer> seen_;  // by the reference's layer
  std::vector<std::size_t> order_;
  std::vector<std::pair<std::string, tally>> outputs_;
  std::string output_structure_;
};

}  // namespace detail

/// The same of a model as another runtime runs it: the first layer whose output leaves the tolerance when OpenVINO, say,
/// computes it in bf16.
///
/// `model`, `reference`: `on<Backend>(artifact, options)` of a backend that `shows_layers` (OpenVino, OnnxRuntime, a user's
/// own), or on one side an artifact of TorchScript or a module, which run in LibTorch. Layers are matched by name alone; what has no
/// counterpart (the runtime fused or renamed it, or it is in a branch or loop) is left out and counted in the notes.
/// Layers' outputs prevent some fusions, so values may differ a little from those of a session. No milliseconds.
///
/// Throws: verification_error 301, 305, 306, 307, 311; backend_error as `deploy` does.
///
/// @par Example
///     auto const found = td::first_divergence(td::on<td::OpenVino>(model, {.precision = at::kBFloat16}), model,
///                                             {.samples = images});
template <class Model, class Reference>
  requires((detail::is_placed<Model> && (detail::is_placed<Reference> || has_layers<Reference>)) ||
           (has_layers<Model> && detail::is_placed<Reference>))
[[nodiscard]] divergence first_divergence(Model const& model, Reference const& reference,
                                          divergence_options const& options = {}) {
  std::vector<example> inputs(options.samples.begin(), options.samples.end());
  auto const take_examples = [&](auto const& side) {
    if constexpr (requires { side.examples(); })
      if (inputs.empty()) inputs = side.examples();
    if constexpr (requires { side.artifact.examples(); })
      if (inputs.empty()) inputs = side.artifact.examples();
  };
  take_examples(model);
  take_examples(reference);
  detail::demand_samples(inputs);

  auto const look = [&](auto const& side, std::vector<std::string> const& wanted) {
    if constexpr (detail::is_placed<std::remove_cvref_t<decltype(side)>>)
      return detail::look_into(side, wanted, inputs);
    else
      return detail::look_into(detail::layered_of(side));
  };
  std::optional<detail::layer_look> ours, theirs;
  if constexpr (detail::is_placed<Reference> && !detail::is_placed<Model>) {
    ours = look(model, {});
    theirs = look(reference, ours->layer_names());
  } else {
    theirs = look(reference, {});
    ours = look(model, theirs->layer_names());
  }
  auto plan =
      detail::plan_divergence(options, ours->history, theirs->history,
                              {.reference = theirs->history, .differ = ours->names.empty() != theirs->names.empty()});
  return detail::comparing_across(std::move(*ours), std::move(*theirs), std::move(plan))(inputs);
}

}  // namespace torchdeploy::inline v0
