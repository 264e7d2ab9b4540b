#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/diagnosis/probe.hpp>
#include <torchdeploy/diagnosis/tracing.hpp>

namespace torchdeploy::inline v0::detail {

/// The first tensor of a sample; a null pointer without one.
inline at::Tensor const* first_tensor(example const& inputs) {
  for (auto const& each : inputs)
    if (each.isTensor() && each.toTensor().defined() && each.toTensor().dim() > 0) return &each.toTensor();
  return nullptr;
}

/// Every argument whose dimension 0 is the batch, changed by `change`.
template <class Change>
example with_batch(example const& inputs, std::int64_t batch, Change const& change) {
  example other = inputs;
  for (auto& each : other)
    if (each.isTensor() && each.toTensor().defined() && each.toTensor().dim() > 0 && each.toTensor().size(0) == batch)
      each = change(each.toTensor());
  return other;
}

/// A sample with rows of other values behind its own: twice the batch.
inline example doubled_batch(example const& inputs, std::int64_t batch) {
  return with_batch(inputs, batch, [](at::Tensor const& x) { return at::cat({x, mirrored(x)}); });
}

/// How outputs of one batch size answer to those of another.
struct rows {
  bool followed = true;  ///< has each output that had a row per sample one per sample now?
  double apart{};        ///< how far the rows that both have differ
};
inline rows compare_rows(std::vector<at::Tensor> const& few, std::int64_t fewer, std::vector<at::Tensor> const& many,
                         std::int64_t more) {
  rows result;
  if (few.size() != many.size()) return {false, 0};
  for (std::size_t i = 0; i < few.size(); ++i) {
    if (few[i].dim() == 0 || few[i].size(0) != fewer) continue;
    if (many[i].dim() != few[i].dim() || many[i].size(0) != more)
      result.followed = false;
    else
      result.apart = std::max(result.apart, relative_difference(many[i].narrow(0, 0, fewer), few[i]));
  }
  return result;
}

/// A layer that raises was given channels or features that it does not have: what was taken for the batch is none.
inline bool raised_in_a_layer(outcome const& call) { return weight_argument(call.raised).has_value(); }

/// Runs the sample at twice its batch, and one row of it alone. Is dimension 0 a batch at all? No file says so. Of a tensor
/// with three dimensions it may be time or channels: then what is found is a note.
/// @returns whether one row runs alone
inline bool find_baked_batch(prober& model, inspected const& in, example const& inputs, c10::IValue const& output,
                             bool deterministic, std::vector<finding>& found) {
  auto const* const first = first_tensor(inputs);
  if (!first || first->dim() < 2 || first->size(0) == 0) return false;
  auto const batch = first->size(0);
  auto const base = tensors_of(output);
  bool const likely = first->dim() != 3;
  bool const baked = is_traced(in) || !fixed_views(*in.graph).empty();
  auto const refuse = [&](std::string text, severity level) {
    found.push_back({"baked-batch", level, in.method, std::move(text),
                     "trace with sizes from x.shape, or x.flatten(1); or serve this batch size only"});
  };
  auto const refuse_call = [&](outcome const& call, std::int64_t tried) {
    auto const text = "batch " + std::to_string(batch) + " runs, batch " + std::to_string(tried) + " " + call.failure;
    if (call.raised == "lstm" && baked)  // of baked states; features that don't fit can't be told from them
      refuse(text + " (in a session oneDNN does not check, and writes past the end)",
             likely ? severity::fault : severity::warning);
    else
      refuse(text, baked && (likely || !raised_in_a_layer(call)) ? severity::warning : severity::note);
  };
  auto const report = [&](std::int64_t few, std::vector<at::Tensor> const& fewer, std::int64_t many,
                          std::vector<at::Tensor> const& more, std::int64_t tried) {
    auto const compared = compare_rows(fewer, few, more, many);
    if (!compared.followed) {
      refuse("the number of output rows does not follow the batch from " + std::to_string(few) + " to " +
                 std::to_string(many),
             baked && likely ? severity::warning : severity::note);
      return false;
    }
    if (deterministic && compared.apart > model.tolerance()) {
      found.push_back({"rows-mix", likely ? severity::warning : severity::note, in.method,
                       "a row's output depends on the other rows of its batch: batch " + std::to_string(tried) +
                           " gives other numbers than batch " + std::to_string(batch),
                       "no statistics and no branches over dimension 0; or serve the batch size that it was made for"});
      return false;
    }
    return true;
  };
  auto const twice = model(doubled_batch(inputs, batch));
  if (!twice.output) refuse_call(twice, 2 * batch);
  bool const good = !twice.output || report(batch, base, 2 * batch, tensors_of(*twice.output), 2 * batch);
  if (batch == 1) return true;
  auto const one = model(with_batch(inputs, batch, [](at::Tensor const& x) { return x.narrow(0, 0, 1); }));
  if (!one.output) {
    if (twice.output) refuse_call(one, 1);
    return false;
  }
  if (good && twice.output) report(1, tensors_of(*one.output), batch, base, 1);
  return true;
}

}  // namespace torchdeploy::inline v0::detail
