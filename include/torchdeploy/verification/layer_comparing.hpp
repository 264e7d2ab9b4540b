#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/quantization/plan.hpp>
#include <torchdeploy/verification/comparison.hpp>
#include <torchdeploy/verification/criteria.hpp>
#include <torchdeploy/verification/latency.hpp>
#include <torchdeploy/verification/layer_probe.hpp>
#include <torchdeploy/verification/layer_score.hpp>

/// Comparing two models layer by layer.
namespace torchdeploy::inline v0::detail {

/// One of the two: in the form that has layers with names, and in the form that runs where that is another.
struct layered {
  jit::Module module;
  std::optional<jit::Module> lowered{};
  report const* history{};
};

inline layered layered_of(jit::Module const& module, record<TorchScript> const& record) {
  auto result = layered{module, std::nullopt, &record.report};
  if (record.extras.reference) result.lowered = TorchScript::leaving(module, record);
  return result;
}
inline layered layered_of(jit::Module const& module) {
  TorchScript::demand_forward(module);
  auto copy = TorchScript::clone(module);
  copy.eval();
  return {std::move(copy)};
}
template <class Facts>
layered layered_of(artifact<TorchScript, Facts> const& model) {
  return layered_of(model.handle(), model.record());
}

/// Where a layer's output leaves the tolerance: by the criteria that mean something for any tensor.
inline bool leaves_tolerance(output_score const& score, criteria_plan const& plan) {
  auto const& asked = plan.options;
  return (plan.close && score.mismatched > 0) || (asked.sqnr_db && !(score.sqnr_db >= *asked.sqnr_db)) ||
         (asked.max_abs && !(score.max_abs <= *asked.max_abs)) || (asked.cosine && !(score.cosine >= *asked.cosine));
}

/// By default rounding is allowed for, and in a sum that is of the size of what is summed, not of what is left: so atol
/// is in units of the layer's largest value where that is more than 1.
inline tolerance within_layer(criteria_plan const& plan, at::Tensor const& expected) {
  auto allowed = plan.within(expected.scalar_type());
  if (plan.asked_for || !expected.is_floating_point() || expected.numel() == 0) return allowed;
  auto const largest = plain(expected).abs().to(at::kDouble).nan_to_num(0, 0).max().item<double>();
  allowed.atol *= std::max(1.0, largest);
  return allowed;
}

/// What all layers came to.
struct layers_compared {
  std::vector<layer_score> layers;  ///< in the order the reference runs them, what the model returns last
  std::string matched_by;
  std::vector<std::string> notes;
};

/// Runs two models in turn, the reference first, and scores at once: of no more than one sample are activations kept.
class layer_comparing {
 public:
  layer_comparing(layered const& model, layered const& reference, criteria_plan plan)
      : plan_(std::move(plan)), model_(prepared(model.module)), reference_(prepared(reference.module)) {
    match_ = paired(model_->layers(), reference_->layers());
    if (match_.pairs.empty())
      throw verification_error(
          errc::no_common_layer,
          "expected models with layers in common, got " + described(*model_) + " against " + described(*reference_),
          "an int8 or optimized model that was frozen has fused its layers: compare it before");
    describe(model.module);
    seen_.resize(match_.pairs.size());
    for (std::size_t i = 0; i < match_.pairs.size(); ++i) watch(i);
    timed_model_ = timed_form(*model_, model, model_timed_, "the model");
    timed_reference_ = timed_form(*reference_, reference, reference_timed_, "the reference");
  }

  layers_compared operator()(std::vector<example> const& inputs, std::optional<std::size_t> latency_calls) {
    for (std::size_t sample = 0; sample < inputs.size(); ++sample) run(sample, inputs[sample]);
    for (auto const& each : {std::cref(model_), std::cref(reference_)})
      for (auto const& layer : each.get()->layers()) layer->look = nullptr;
    measure(inputs, {latency_calls.value_or(usual_calls), model_timed_ || reference_timed_ ? 0 : inputs.size()});
    return finish();
  }

 private:
  static constexpr std::size_t usual_calls = 5;  ///< after warm-up: layers are measured on request only

  struct seen_layer {
    std::vector<at::Tensor> expected;  ///< of the sample that runs, one for each call
    std::size_t next{};
    std::optional<tally> score;
    layer_score result;
  };

  static std::unique_ptr<probed_model> prepared(jit::Module const& module) {
    return translated<verification_error>(errc::no_common_layer, "the layers can't be looked into", {},
                                          [&] { return std::make_unique<probed_model>(module); });
  }
  static std::string described(probed_model const& model) {
    if (model.layers().empty()) return "none";
    auto const& first = *model.layers().front();
    return std::to_string(model.layers().size()) + " (" + (first.name.empty() ? "" : first.name + ": ") + first.kind +
           ", ...)";
  }

  /// What the report of a quantization says of each layer: precision and bytes.
  void describe(jit::Module const& module) { plan_report_ = plan_of(module, *settled_graph(module), true, {}, {}); }

  void watch(std::size_t i) {
    auto const [ours, theirs] = match_.pairs[i];
    auto& layer = *model_->layers()[ours];
    auto& other = *reference_->layers()[theirs];
    auto& seen = seen_[i];
    auto& result = seen.result;
    result.name = !layer.name.empty()   ? layer.name
                  : !other.name.empty() ? other.name
                                        : layer.kind + " " + std::to_string(ours);
    result.kind = layer.kind;
    auto const known = std::find_if(plan_report_.begin(), plan_report_.end(), [&](layer_report const& each) {
      return each.name == layer.first.name && each.kind == layer.kind;
    });
    if (known != plan_report_.end()) {
      result.precision = known->precision;
      result.weights = known->weights;
      result.bytes = known->bytes;
    }
    seen.score.emplace(result.name);
    other.look = [&seen](at::Tensor const& x) { seen.expected.push_back(x.detach().clone()); };
    bool const with_relu = layer.kind.find("_relu") != layer.kind.npos,
               as_well = other.kind.find("_relu") != other.kind.npos;
    layer.look = [this, &seen, with_relu, as_well](at::Tensor const& x) { score(seen, x, with_relu, as_well); };
  }

  /// An int8 kernel's output is compared by its values, and after the relu that the kernel may have fused.
  void score(seen_layer& seen, at::Tensor got, bool with_relu, bool as_well) {
    if (seen.next >= seen.expected.size()) {
      ++seen.next;
      return;
    }
    auto expected = std::exchange(seen.expected[seen.next++], at::Tensor());
    ++seen.result.calls;
    for (auto* each : {&got, &expected})
      if (each->is_quantized()) *each = each->dequantize();
    if (with_relu && !as_well) expected = expected.relu();
    if (as_well && !with_relu) got = got.relu();
    if (got.is_floating_point() && expected.is_floating_point()) got = got.to(expected.scalar_type());
    if (auto const difference = tensor_difference(got, expected); !difference.empty())
      seen.result.structure = difference;
    else
      seen.score->add(sample_, got, expected, within_layer(plan_, expected));
  }

  void run(std::size_t sample, example const& inputs) {
    sample_ = sample;
    for (auto& each : seen_) {
      each.expected.clear();
      each.next = 0;
    }
    auto const raised = [&](char const* who) {
      return std::string(who) + " raised on sample " + std::to_string(sample);
    };
    auto const expected = translated<verification_error>(errc::reference_raised, raised("the reference"), {},
                                                         [&] { return reference_->run(copy_of(inputs)); });
    auto const got = translated<verification_error>(errc::model_raised, raised("the model"), {},
                                                    [&] { return model_->run(copy_of(inputs)); });
    for (auto& each : seen_) uneven_ = uneven_ || each.next != each.expected.size();
    c10::InferenceMode const inference;
    std::vector<leaf> leaves;
    if (auto const difference = walk(got, expected, leaves); !difference.empty()) {
      output_structure_ = difference;
      return;
    }
    for (auto const& each : leaves) {
      if (!each.got.isTensor() || !each.got.toTensor().defined()) continue;
      auto const theirs = each.expected.toTensor();
      auto at =
          std::find_if(outputs_.begin(), outputs_.end(), [&](auto const& pair) { return pair.first == each.name; });
      if (at == outputs_.end()) at = outputs_.insert(outputs_.end(), {each.name, tally(each.name)});
      at->second.add(sample, each.got.toTensor(), theirs, plan_.within(theirs.scalar_type()));
    }
  }

  /// What runs in the end: the lowered form where there is one and its layers can be told apart, by their order.
  probed_model* timed_form(probed_model& named, layered const& side, std::unique_ptr<probed_model>& lowered,
                           std::string const& who) {
    if (!side.lowered) return &named;
    lowered = prepared(*side.lowered);
    auto const& ours = named.layers();
    auto const& theirs = lowered->layers();
    bool const alike = std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                                  [](auto const& a, auto const& b) { return a->family == b->family; });
    notes_.push_back("layers of " + who + ": dB before fusion (in reference form), " +
                     (alike ? "ms of the fused int8 kernels" : "no ms, since the int8 kernels fused layers into one"));
    return alike ? lowered.get() : nullptr;
  }

  void measure(std::vector<example> const& inputs, measuring const& how) {
    using times = std::vector<std::vector<double>>;  // layer, call
    std::vector<probed_model*> models;
    for (auto* each : {timed_model_, timed_reference_})
      if (each) models.push_back(each);
    std::vector<times> taken(models.size());
    std::vector<std::function<double(example const&)>> sides;
    for (std::size_t i = 0; i < models.size(); ++i)
      sides.push_back([&taken, &models, i](example const& sample) {
        auto const total = timed_call(*models[i], sample);
        auto const& layers = models[i]->layers();
        taken[i].resize(layers.size());
        for (std::size_t layer = 0; layer < layers.size(); ++layer)
          taken[i][layer].push_back(layers[layer]->milliseconds);
        return total;
      });
    auto const kept = call_in_turn(sides, inputs, how);
    auto const median = [&](probed_model* model, std::size_t layer) -> std::optional<double> {
      auto const at = static_cast<std::size_t>(std::find(models.begin(), models.end(), model) - models.begin());
      if (at == models.size() || taken[at].empty()) return std::nullopt;
      auto& all = taken[at][layer];
      auto const calls = std::min(kept[at].size(), all.size());
      auto const result = latency_of({all.end() - static_cast<std::ptrdiff_t>(calls), all.end()});
      return result ? std::optional(result->median_ms) : std::nullopt;
    };
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      seen_[i].result.milliseconds = median(timed_model_, match_.pairs[i].first);
      seen_[i].result.reference_milliseconds = median(timed_reference_, match_.pairs[i].second);
    }
  }

  layers_compared finish() {
    layers_compared all{{}, match_.by, std::move(notes_)};
    std::vector<std::size_t> by_turn(reference_->layers().size() + 1, seen_.size());
    std::size_t not_seen = 0;
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      auto const turn = reference_->layers()[match_.pairs[i].second]->turn;
      if (turn == 0 || seen_[i].result.calls == 0)
        ++not_seen;
      else
        by_turn[turn] = i;
    }
    for (auto const i : by_turn) {
      if (i == seen_.size()) continue;
      auto& each = seen_[i];
      each.result.score = each.score->score();
      each.result.diverges = !each.result.structure.empty() || leaves_tolerance(each.result.score, plan_);
      all.layers.push_back(std::move(each.result));
    }
    for (auto const& [name, score] : outputs_) add_output(all, name, score.score(), {});
    if (!output_structure_.empty()) add_output(all, "output", {}, output_structure_);

    auto const note = [&](std::string text) { all.notes.push_back(std::move(text)); };
    auto const alone = [&](probed_model const& model, std::string const& who) {
      if (auto const more = model.layers().size() - match_.pairs.size())
        note(std::to_string(more) + " layer(s) of " + who + " have no counterpart");
    };
    alone(*model_, "the model");
    alone(*reference_, "the reference");
    if (not_seen) note(std::to_string(not_seen) + " layer(s) were reached by no sample, or give no tensor");
    if (uneven_) note("a layer is called more often in one model: the calls that both make are compared");
    return all;
  }
  void add_output(layers_compared& all, std::string const& name, output_score score, std::string structure) const {
    layer_score result{.name = name, .kind = "output", .score = std::move(score), .structure = std::move(structure)};
    result.diverges = !result.structure.empty() || leaves_tolerance(result.score, plan_);
    all.layers.push_back(std::move(result));
  }

  criteria_plan plan_;
  std::unique_ptr<probed_model> model_, reference_, model_timed_, reference_timed_;
  layer_pairs match_;
  std::vector<layer_report> plan_report_;
  std::vector<seen_layer> seen_;
  std::vector<std::pair<std::string, tally>> outputs_;
  std::vector<std::string> notes_;
  std::string output_structure_;
  std::size_t sample_{};
  bool uneven_ = false;
  probed_model *timed_model_{}, *timed_reference_{};
};

}  // namespace torchdeploy::inline v0::detail
