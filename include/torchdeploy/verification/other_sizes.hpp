#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/verification/batch.hpp>
#include <torchdeploy/verification/comparing.hpp>

/// Sizes other than the batch that an export left open, a height or a length: what holds at the samples' must hold at others.
namespace torchdeploy::inline v0::detail {

/// Rows along an axis, some of them twice or left out, in their order.
inline at::Tensor with_rows(at::Tensor const& tensor, std::int64_t axis, std::int64_t rows) {
  auto const index = at::arange(rows, tensor.options().dtype(at::kLong)).mul(tensor.size(axis)).floor_divide(rows);
  return tensor.index_select(axis, index);
}

/// A sample whose size, which `places` name by tensor and axis, has `more`. Throws what LibTorch throws.
template <class Places>
example with_more(example inputs, Places const& places, std::int64_t more) {
  std::vector<c10::IValue*> tensors;
  for (auto& each : inputs)
    if (each.isTensor() && each.toTensor().defined()) tensors.push_back(&each);
  for (auto const& [tensor, axis] : places) {
    auto& each = *tensors.at(tensor);
    each = with_rows(each.toTensor(), axis, each.toTensor().size(axis) + more);
  }
  return inputs;
}

/// Run both with each open size by one step larger, or else smaller, and hold the criteria there. What the reference can't run
/// leaves a note. `open`: a name, places and a step each.
template <class Sizes, class Model, class Reference>
void check_open_sizes(comparison& result, criteria_plan const& plan, Sizes const& open, example const& sample,
                      Model& model, Reference& reference) {
  bool const has_batch = batch_of(sample).first >= 0;
  bool const is_flat = std::none_of(sample.begin(), sample.end(),
                                    [](c10::IValue const& each) { return is_sequence(each) || each.isGenericDict(); });
  for (auto const& size : open) {
    bool const is_batch =
        std::all_of(size.places.begin(), size.places.end(), [](auto const& at) { return at.second == 0; });
    if (!result.passed || size.places.empty() || (is_batch && has_batch)) continue;  // see check_batch
    auto const skip = [&, &name = size.name](std::string const& why) {
      result.notes.push_back("compared at one '" + name + "' only: " + why);
    };
    if (!is_flat) {
      skip("its inputs are in lists");
      continue;
    }
    example inputs;
    c10::IValue expected;
    std::string why;
    for (std::int64_t const more : {size.step, -size.step}) try {
        inputs = with_more(sample, size.places, more);
        expected = reference.run(copy_of(inputs));
        why.clear();
        break;
      } catch (std::exception const& thrown) {
        why = "the reference can't run at another: " + first_words(thrown);
      }
    if (!why.empty()) {
      skip(why);
      continue;
    }
    auto const tensor_size = [&](example const& of) {
      std::size_t at = 0;
      for (auto const& each : of)
        if (each.isTensor() && each.toTensor().defined() && at++ == size.places.front().first)
          return each.toTensor().size(size.places.front().second);
      return std::int64_t{-1};
    };
    auto const sizes = "at '" + size.name + "' " + std::to_string(tensor_size(inputs)) + " as at " +
                       std::to_string(tensor_size(sample));
    std::string failure;
    try {
      auto const got = model.run(copy_of(inputs));
      if (plan.metric_alone()) continue;
      comparing work(without_metric(plan), {});
      work.add(got, expected);
      auto const scored = work.finish();
      if (!scored.structure.empty())
        failure = "expected outputs that follow the size " + sizes + ", got another " + scored.structure;
      else if (!scored.passed)
        failure = "expected what holds " + sizes + "; " + scored.failure;
    } catch (std::exception const& thrown) {
      failure = "expected the model to run " + sizes + ", as its reference does, but it raised: " + first_words(thrown);
    }
    if (failure.empty()) {
      result.notes.push_back("compared " + sizes);
      continue;
    }
    result.passed = false;
    result.failure = failure;
  }
}

}  // namespace torchdeploy::inline v0::detail
