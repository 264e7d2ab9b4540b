#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <torchdeploy/diagnosis/rows.hpp>

namespace torchdeploy::inline v0::detail {

/// "48 x 48"
inline std::string sizes_text(at::Tensor const& x, std::vector<std::int64_t> const& dimensions) {
  std::string text;
  for (auto const each : dimensions) text += (text.empty() ? "" : " x ") + std::to_string(x.size(each));
  return text;
}

/// The sample with its first tensor replaced.
inline example with_first(example inputs, at::Tensor x) {
  for (auto& each : inputs)
    if (each.isTensor() && each.toTensor().defined() && each.toTensor().dim() > 0) {
      each = std::move(x);
      break;
    }
  return inputs;
}

inline at::Tensor doubled(at::Tensor const& x, std::vector<std::int64_t> const& dimensions) {
  std::vector<std::int64_t> times(static_cast<std::size_t>(x.dim()), 1);
  for (auto const each : dimensions) times[static_cast<std::size_t>(each)] = 2;
  return x.repeat(times);
}

/// The sample with every argument doubled that has the first tensor's sizes in these dimensions: a mask, positions.
inline example with_doubled(example inputs, at::Tensor const& x, std::vector<std::int64_t> const& dimensions) {
  auto const as_large = [&](at::Tensor const& other) {
    return std::all_of(dimensions.begin(), dimensions.end(),
                       [&](std::int64_t each) { return each < other.dim() && other.size(each) == x.size(each); });
  };
  for (auto& each : inputs)
    if (each.isTensor() && each.toTensor().defined() && as_large(each.toTensor()))
      each = doubled(each.toTensor(), dimensions);
  return inputs;
}

/// The doubled input with other values beyond the old size.
inline at::Tensor changed_beyond(at::Tensor const& larger, at::Tensor const& x,
                                 std::vector<std::int64_t> const& dimensions) {
  auto other = mirrored(larger);
  auto inside = other;
  for (auto const each : dimensions) inside = inside.narrow(each, 0, x.size(each));
  inside.copy_(x);
  return other;
}

enum class sizes_answer { follows, raises, ignores, keeps };

/// Was an output as large as the input (a mask, a tag for each step), and is it no longer? Classes are as many as steps by
/// chance, so this is asked of outputs with the dimensions of the input, three at least.
inline bool keeps_sizes(at::Tensor const& x, std::vector<at::Tensor> const& before,
                        std::vector<at::Tensor> const& after, std::vector<std::int64_t> const& dimensions) {
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    if (x.dim() < 3 || before[i].dim() != x.dim() || after[i].dim() != x.dim()) continue;
    auto const all = [&](at::Tensor const& tensor) {
      return std::all_of(dimensions.begin(), dimensions.end(),
                         [&](std::int64_t each) { return tensor.size(each) == x.size(each); });
    };
    if (all(before[i]) && all(after[i])) return true;
  }
  return false;
}

/// Runs a sample at twice its sizes. If it runs, does what lies beyond the old sizes count? A trace may have cut it off.
inline sizes_answer ask_sizes(prober& model, example const& inputs, std::vector<std::int64_t> const& dimensions,
                              bool deterministic, std::string& failure) {
  auto const& x = *first_tensor(inputs);
  auto const larger = doubled(x, dimensions);
  auto enlarged = with_doubled(inputs, x, dimensions);
  auto whole = model(enlarged);
  if (!whole.output && inputs.size() > 1) {  // others may be as large by chance
    enlarged = with_first(inputs, larger);
    whole = model(enlarged);
  }
  if (!whole.output) {
    failure = whole.failure;
    return sizes_answer::raises;
  }
  if (auto const before = model(inputs);
      before.output && keeps_sizes(x, tensors_of(*before.output), tensors_of(*whole.output), dimensions))
    return sizes_answer::keeps;
  if (!deterministic) return sizes_answer::follows;
  auto const beyond = changed_beyond(larger, x, dimensions);
  auto const all = mirrored(larger);
  if (at::equal(beyond, larger)) return sizes_answer::follows;  // one value all over: nothing to tell by
  auto const changed = model(with_first(enlarged, beyond)), other = model(with_first(enlarged, all));
  if (!changed.output || !other.output) return sizes_answer::follows;
  auto const tensors = tensors_of(*whole.output);
  bool const reacts = relative_difference(tensors_of(*other.output), tensors) > 0;
  bool const counts = relative_difference(tensors_of(*changed.output), tensors) > 0;
  return reacts && !counts ? sizes_answer::ignores : sizes_answer::follows;
}

/// Which dimensions may be a resolution or a length; no file says so. Of four or five, all but batch and channels, which
/// come second or last; of three, either of the last two; of two, the last: tokens, or features.
inline std::vector<std::vector<std::int64_t>> resizable(std::int64_t rank) {
  std::vector<std::vector<std::int64_t>> ways;
  if (rank < 4) {
    for (std::int64_t each = 1; each < rank; ++each) ways.push_back({each});
  } else {
    ways.resize(2);
    for (std::int64_t each = 2; each < rank; ++each) {
      ways[0].push_back(each);
      ways[1].push_back(each - 1);
    }
  }
  return ways;
}

/// Runs a row at twice its resolution or length. A number of features is fixed, and that is no finding.
/// @returns why nothing was tried, or an empty text
inline std::string find_baked_sizes(prober& model, inspected const& in, example const& inputs, bool one_row,
                                    bool deterministic, std::vector<finding>& found) {
  constexpr std::int64_t most_elements = 1 << 23;  // of an enlarged sample: 32 MB of float32
  auto const* const given = first_tensor(inputs);
  if (!given || given->dim() < 2 || given->dim() > 5 || given->numel() == 0) return {};
  auto const row =
      !one_row ? inputs
               : with_batch(inputs, given->size(0), [](at::Tensor const& each) { return each.narrow(0, 0, 1); });
  auto const& x = *first_tensor(row);
  if (x.numel() << (x.dim() - 2) > most_elements) return "the sample is too large to try it at twice its size";

  std::string refusal;
  bool runs = false;
  for (auto const& dimensions : resizable(x.dim())) {
    std::string failure;
    auto const answer = ask_sizes(model, row, dimensions, deterministic, failure);
    auto const from = sizes_text(x, dimensions), to = sizes_text(doubled(x, dimensions), dimensions);
    auto const which = dimensions.size() == 1 ? "dimension " + std::to_string(dimensions[0]) + ": " : std::string();
    if (answer == sizes_answer::ignores)
      found.push_back({"input-ignored", severity::warning, in.method,
                       which + to + " runs, but what lies beyond " + from + " has no effect on the output",
                       "a trace keeps the sizes and loops of its example: script it, or give it this size only"});
    if (answer == sizes_answer::keeps)
      found.push_back({"baked-sizes", severity::warning, in.method,
                       which + "the output is as large as the input at " + from + ", and stays so at " + to,
                       "take sizes from x.shape in forward, as F.interpolate(y, size=x.shape[2:])"});
    if (answer == sizes_answer::raises && refusal.empty()) refusal = which + from + " runs, " + to + " " + failure;
    runs = runs || answer != sizes_answer::raises;
    if (runs && x.dim() > 3) break;
  }
  bool const tokens = x.scalar_type() == at::kLong || x.scalar_type() == at::kInt;
  if (!runs && (x.dim() > 2 || tokens))
    found.push_back({"fixed-size", severity::note, in.method, refusal,
                     "resize or pad inputs to this size; adaptive pooling before the first linear layer lifts it"});
  return {};
}

}  // namespace torchdeploy::inline v0::detail
