#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/verification/comparing.hpp>
#include <torchdeploy/verification/outputs.hpp>
#include <torchdeploy/verification/reaction.hpp>

/// The same rows in a batch of another size: a trace may have baked in the one it was made with.
namespace torchdeploy::inline v0::detail {

/// The size of dimension 0 that all tensor arguments share, or why there is none.
inline std::pair<std::int64_t, std::string> batch_of(example const& inputs) {
  std::int64_t size = -1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto const which = "argument " + std::to_string(i);
    if (!inputs[i].isTensor()) {
      if (is_sequence(inputs[i]) || inputs[i].isGenericDict() || inputs[i].isObject())
        return {-1, which + " is " + kind_text(inputs[i])};
      continue;
    }
    auto const& tensor = inputs[i].toTensor();
    if (!tensor.defined() || tensor.dim() == 0) return {-1, which + " is a scalar"};
    if (tensor.layout() != at::kStrided) return {-1, which + " is sparse"};
    if (size >= 0 && tensor.size(0) != size)
      return {-1, "the arguments have no common dimension 0, but " + std::to_string(size) + " and " +
                      std::to_string(tensor.size(0))};
    size = tensor.size(0);
  }
  if (size < 0) return {-1, "no argument is a tensor"};
  if (size == 0) return {-1, "dimension 0 is empty"};
  return {size, {}};
}

/// Do two samples differ in nothing but their rows, so that these can stand in one batch?
inline bool can_be_joined(example const& a, example const& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].isTensor() != b[i].isTensor()) return false;
    if (!a[i].isTensor()) {
      if (!identical(a[i], b[i])) return false;
      continue;
    }
    auto const &x = a[i].toTensor(), &y = b[i].toTensor();
    if (!y.defined() || x.dim() != y.dim() || x.scalar_type() != y.scalar_type() ||
        x.sizes().slice(1) != y.sizes().slice(1))
      return false;
  }
  return true;
}

/// Rows `first`, `first` + 1, ... of a sample, begun anew where they end.
inline example rows_of(example const& inputs, std::int64_t first, std::int64_t count) {
  auto picked = inputs;
  for (auto& each : picked) {
    if (!each.isTensor()) continue;
    auto const& x = each.toTensor();
    auto const index = at::arange(first, first + count, x.options().dtype(at::kLong)).remainder(x.size(0));
    each = x.index_select(0, index);
  }
  return picked;
}

/// What there is to be said against a batch that was asked for: with its activations, which are many times its inputs, it
/// could take all memory.
inline std::string too_large(std::int64_t rows, example const& inputs) {
  constexpr double most = 1 << 30;
  auto const from = batch_of(inputs).first;
  if (from < 0 || rows <= from) return {};
  double bytes = 0;
  for (auto const& each : inputs)
    if (each.isTensor()) bytes += static_cast<double>(each.toTensor().nbytes()) / static_cast<double>(from);
  bytes = std::max<double>(bytes, sizeof rows) * static_cast<double>(rows);  // of rows without elements: their indices
  if (bytes <= most) return {};
  return "expected a batch whose inputs take at most 1 GiB, got " + std::to_string(rows) + " rows of " +
         number_text(bytes / most, 4) + " GiB";
}

/// Inputs at another batch size, and the same rows at the samples' own.
struct other_batch {
  std::int64_t from{}, to{};
  example inputs;  ///< `to` rows
  std::vector<example> control;  ///< these rows, `from` at a time
};

inline other_batch make_other_batch(std::vector<example> const& samples, std::int64_t from, std::int64_t to) {
  auto pool = samples.front();
  auto rows = from;
  for (std::size_t i = 1; i < samples.size() && rows < to; ++i) {
    if (!can_be_joined(samples.front(), samples[i])) continue;
    for (std::size_t j = 0; j < pool.size(); ++j)
      if (pool[j].isTensor()) pool[j] = at::cat({pool[j].toTensor(), samples[i][j].toTensor()});
    rows += batch_of(samples[i]).first;
  }
  other_batch made{from, to, rows_of(pool, 0, to), {}};
  for (std::int64_t first = 0; first < to; first += from) made.control.push_back(rows_of(made.inputs, first, from));
  return made;
}

/// The same criteria for other runs, but for the user's metric, which knows the samples and nothing else.
inline criteria_plan without_metric(criteria_plan plan) {
  plan.options.metric.reset();
  return plan;
}

/// What the two models' answers to some inputs come to. Throws what they throw.
template <class Model, class Reference>
comparison judged(criteria_plan const& plan, std::vector<example> const& inputs, Model& model, Reference& reference) {
  comparing work(without_metric(plan), {});
  for (auto const& each : inputs) {
    auto const expected = reference.run(copy_of(each));
    if (!work.add(model.run(copy_of(each)), expected)) break;
  }
  return work.finish();
}

/// Run both at another batch size and hold the criteria there. What can't be run, or can't be judged, leaves a note.
/// `model` answered `first` to the first sample; where it no longer does, it keeps a state.
template <class Model, class Reference>
void check_batch(comparison& result, criteria_plan const& plan, std::vector<example> const& samples, Model& model,
                 Reference& reference, c10::IValue const& first) {
  auto const skip = [&](std::string const& why) { result.notes.push_back("compared at one batch size only: " + why); };
  auto const [from, why_not] = batch_of(samples.front());
  if (from < 0) return skip(why_not);
  auto const to = plan.options.batch.value_or(from > 1 ? 1 : 2);
  if (to == from) return skip("the samples have the batch of " + std::to_string(to) + " that was asked for");
  if constexpr (requires { model.fixed_batch(); })
    if (auto const fixed = model.fixed_batch(); fixed && fixed != to)
      return skip("the model says that it takes a batch of " + std::to_string(*fixed));

  std::optional<other_batch> made;
  c10::IValue expected, got;
  try {
    made = make_other_batch(samples, from, to);
  } catch (std::exception const& thrown) {
    return skip("the inputs can't be taken apart by rows: " + first_words(thrown));
  }
  try {
    if (!same_answer(model.run(copy_of(samples.front())), first))
      return skip("the model's answer changes from call to call: it keeps a state, or is random");
  } catch (std::exception const& thrown) {
    return skip("the model keeps a state, and raised on a sample it took before: " + first_words(thrown));
  }
  try {
    expected = reference.run(copy_of(made->inputs));
  } catch (std::exception const& thrown) {
    return skip("the reference can't run with a batch of " + std::to_string(to) + ": " + first_words(thrown));
  } catch (...) {
    return skip("the reference can't run with a batch of " + std::to_string(to));
  }

  batch_check check{.size = to, .of_samples = from};
  auto const sizes = "at batch " + std::to_string(to) + " as at " + std::to_string(from);
  try {
    got = model.run(copy_of(made->inputs));
  } catch (std::exception const& thrown) {
    check.failure =
        "expected the model to run " + sizes + ", as its reference does, but it raised: " + first_words(thrown);
  } catch (...) {
    check.failure = "expected the model to run " + sizes + ", as its reference does, but it raised";
  }
  if (check.failure.empty() && !plan.metric_alone()) {
    comparing work(without_metric(plan), {});
    work.add(got, expected);
    auto scored = work.finish();
    check.criteria = std::move(scored.criteria);
    check.outputs = std::move(scored.outputs);
    if (!scored.structure.empty()) {
      check.failure = "expected outputs that follow the batch " + sizes + ", got another " + scored.structure;
    } else if (!scored.passed) {
      // a few rows may score less than all samples do: it is the batch only if they pass where the batch is the samples'
      auto const there = judged(plan, made->control, model, reference);
      if (there.passed)
        check.failure = "expected what holds " + sizes + "; " + scored.failure;
      else
        result.notes.push_back("at batch " + std::to_string(to) + " " + scored.failure + "; the same rows at batch " +
                               std::to_string(from) + " do not reach it either");
    }
  }
  check.passed = check.failure.empty();
  if (!check.passed) {
    result.passed = false;
    result.failure = check.failure;
  }
  result.batch = std::move(check);
}

}  // namespace torchdeploy::inline v0::detail
