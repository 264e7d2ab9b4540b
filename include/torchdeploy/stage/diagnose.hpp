#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/detail/names.hpp>
#include <torchdeploy/diagnosis/at_load.hpp>
#include <torchdeploy/diagnosis/behaviour.hpp>
#include <torchdeploy/diagnosis/preprocessing.hpp>
#include <torchdeploy/diagnosis/rows.hpp>
#include <torchdeploy/diagnosis/sizes.hpp>
#include <torchdeploy/diagnosis/weights.hpp>
#include <torchdeploy/format/torchscript.hpp>

namespace torchdeploy::inline v0 {

/// What `diagnose` runs, and on what.
struct diagnose_options {
  torchdeploy::samples samples{};      ///< to run copies on; default: the artifact's examples
  std::vector<std::string> expects{};  ///< methods or attributes that callers will use: "encode", "encoder.weight"
};

namespace detail {

/// Collects findings. A check that throws becomes a finding itself: whoever asks gets an answer.
class diagnosis {
 public:
  template <class Check>
  void attempt(std::string const& what, Check const& check) {
    try {
      check(found_);
    } catch (std::exception const& thrown) {
      skipped(what, first_words(thrown));
    }
  }
  void add(finding what) { found_.push_back(std::move(what)); }
  void skipped(std::string const& what, std::string const& why) {
    add({"check-skipped", severity::note, what, "not checked, since " + why, ""});
  }

  /// What is worst first, each finding once.
  std::vector<finding> result() && {
    std::vector<finding> all;
    for (auto const level : {severity::fault, severity::warning, severity::note})
      for (auto& each : found_)
        if (each.level == level && std::none_of(all.begin(), all.end(), [&](finding const& other) {
              return other.id == each.id && other.place == each.place && other.text == each.text;
            }))
          all.push_back(std::move(each));
    return all;
  }

 private:
  std::vector<finding> found_;
};

inline void diagnose_names(torch::jit::Module const& module, std::vector<std::string> const& expects,
                           std::vector<finding>& found) {
  std::vector<std::string> known;
  for (auto const& [place, each] : module.named_modules())
    for (auto const& method : each.get_methods()) known.push_back(place + (place.empty() ? "" : ".") + method.name());
  for (auto const& each : module.named_attributes()) known.push_back(each.name);
  for (auto const& name : expects)
    if (std::find(known.begin(), known.end(), name) == known.end())
      found.push_back({"missing-name", severity::fault, name, "there is no method or attribute '" + name + "'",
                       did_you_mean(name, known) + " (a method is exported by @torch.jit.export)"});
}

/// The checks that read graphs and attributes.
inline std::vector<inspected> diagnose_graphs(torch::jit::Module const& module, record<TorchScript> const& record,
                                              diagnosis& work) {
  std::vector<inspected> methods;
  auto names = exported_methods(module);
  names.insert(names.begin(), "forward");
  for (auto const& name : names)
    work.attempt("graph of " + name, [&](auto&) { methods.push_back(inspect(module, name)); });
  for (auto const& each : methods) {
    auto const check = [&](auto const& find) {
      work.attempt("graph of " + each.method, [&](auto& found) { find(each, found); });
    };
    check(find_training_constants);
    check(find_gradients);
    check(find_baked_devices);
    check(find_baked_states);
    check(find_fixed_views);
    check(find_baked_numbers);
    check(find_unrolled_loops);
    check(find_random);
    check(find_preprocessing);
    if (each.method == "forward") check(find_state);
  }
  work.attempt("dtypes", [&](auto& found) { find_float64(module, methods, found); });
  work.attempt("weights", [&](auto& found) { find_duplicates(module, methods, found); });
  if (!record.extras.reference)  // its batch norms are folded into other weights, and lowering drops them
    work.attempt("weights", [&](auto& found) { find_unused(module, methods, found); });
  work.attempt("parameters", [&](auto& found) { find_parameters_with_gradients(module, found); });
  return methods;
}

/// The checks that run copies.
inline void diagnose_runs(torch::jit::Module const& module, record<TorchScript> const& record, inspected const& forward,
                          std::vector<example> const& inputs, diagnosis& work) {
  prober model(module, record, *forward.graph);
  auto const tried = std::min(inputs.size(), torchdeploy::record<TorchScript>::max_examples);
  std::optional<std::pair<example, c10::IValue>> first;
  std::vector<std::string> failures;
  for (std::size_t i = 0; i < tried; ++i)
    work.attempt("sample " + std::to_string(i), [&](auto& found) {
      auto ran = model(inputs[i]);
      if (!ran.output) return failures.push_back("sample " + std::to_string(i) + " " + ran.failure);
      find_odd_outputs(inputs[i], *ran.output, found);
      if (!first) first.emplace(inputs[i], std::move(*ran.output));
    });
  if (!failures.empty())
    work.add({"sample-raises", severity::fault, "forward",
              failures.front() + " (" + std::to_string(failures.size()) + " of " + std::to_string(tried) + " raise)",
              "are these the model's inputs: dtype, rank, sizes, order?"});
  if (!first) return work.skipped("batch and sizes", "no sample runs");
  auto const& [sample, output] = *first;
  bool deterministic = false, one_row = false;
  work.attempt("determinism", [&](auto& found) { deterministic = find_chance(model, sample, output, found); });
  work.attempt("inputs", [&](auto& found) { find_written_inputs(model, sample, found); });
  if (!first_tensor(sample)) return work.skipped("batch and sizes", "no argument is a tensor");
  work.attempt("batch",
               [&](auto& found) { one_row = find_baked_batch(model, forward, sample, output, deterministic, found); });
  work.attempt("sizes", [&](auto& found) {
    if (auto const why = find_baked_sizes(model, forward, sample, one_row, deterministic, found); !why.empty())
      work.skipped("sizes", why);
  });
}

inline std::vector<finding> diagnosed(torch::jit::Module const& module, record<TorchScript> const& record,
                                      diagnose_options const& options) {
  diagnosis work;
  work.attempt("train mode", [&](auto& found) {
    // load repaired the flag and wrote it down
    for (auto const& each : record.report.findings())
      if (each.id == "train-mode-flag") found.push_back(each);
  });
  work.attempt("names", [&](auto& found) { diagnose_names(module, options.expects, found); });
  auto const methods = diagnose_graphs(module, record, work);
  std::vector<example> inputs(options.samples.begin(), options.samples.end());
  if (inputs.empty()) inputs = record.examples;
  if (inputs.empty())
    work.skipped("behaviour", "there are no samples: other batch sizes, other sizes, NaN and chance need a run");
  else if (!methods.empty() && methods.front().method == "forward")
    work.attempt("behaviour", [&](auto&) { diagnose_runs(module, record, methods.front(), inputs, work); });
  return std::move(work).result();
}

}  // namespace detail

/// What may surprise you about a model: looks, changes nothing, and never throws for what a model is or does.
///
/// Reads the graphs and attributes; with samples (`.samples`, else the artifact's examples) it also runs copies: twice on
/// the same sample, at twice the batch, one row alone, and at twice the resolution or length. A quantized artifact runs as
/// it will leave, lowered. Findings come worst first; each `id` is a heading in docs/pitfalls.md. `load` has made the cheap
/// checks already and reported what was a warning or worse.
///
/// @par Example
///     for (auto const& each : td::diagnose(model, {.samples = images, .expects = {"reset_states"}}))
///       std::cout << td::to_text(each);
template <class Facts>
[[nodiscard]] std::vector<finding> diagnose(artifact<TorchScript, Facts> const& model,
                                            diagnose_options const& options = {}) {
  return detail::diagnosed(model.handle(), model.record(), options);
}

}  // namespace torchdeploy::inline v0
