#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/verification/outputs.hpp>

/// Is a reference worth comparing with? One with outputs near zero, or that don't react to the inputs, passes any model.
namespace torchdeploy::inline v0::detail {

inline bool holds_numbers(at::Tensor const& tensor) {
  return tensor.defined() && tensor.numel() > 0 && !at::isIntegralType(tensor.scalar_type(), true);
}

/// Equal but for rounding, by the defaults of each dtype?
inline bool same_answer(c10::IValue const& a, c10::IValue const& b) {
  std::vector<leaf> leaves;
  if (!walk(a, b, leaves).empty()) return false;
  return std::all_of(leaves.begin(), leaves.end(), [](leaf const& each) {
    return each.got.isTensor() ? close(each.got.toTensor(), each.expected.toTensor()).passed
                               : close_values(each.got, each.expected, default_tolerance(at::kDouble));
  });
}

/// An input that is surely another: a floating point tensor halved and reversed, or bent by a ramp of its own size.
/// Nothing where there is no such tensor: other integers may be out of a vocabulary.
inline std::optional<example> changed_inputs(example const& inputs, bool bend) {
  bool changed = false;
  auto copy = copy_of(inputs);
  for (auto& each : copy) {
    if (!each.isTensor() || !holds_numbers(each.toTensor()) || each.toTensor().is_quantized() ||
        each.toTensor().layout() != at::kStrided)
      continue;
    auto const x = each.toTensor();
    if (bend) {
      auto const size = x.abs().max();
      auto const ramp = at::linspace(-1, 1, x.numel() + 1, x.options()).slice(0, 1).view(x.sizes());
      each = x + ramp * at::where(size.gt(0), size, at::ones_like(size));
    } else {
      std::vector<std::int64_t> dims(static_cast<std::size_t>(x.dim()));
      for (std::size_t i = 0; i < dims.size(); ++i) dims[i] = static_cast<std::int64_t>(i);
      each = x.flip(dims) * 0.5;
    }
    changed = true;
  }
  if (!changed) return std::nullopt;
  return copy;
}

/// Watches the reference's answers.
class reaction {
 public:
  void add(example const& inputs, c10::IValue const& output) {
    std::vector<leaf> leaves;
    walk(output, output, leaves);
    for (auto const& each : leaves) look_at(each);
    if (!first_) {
      first_.emplace(copy_of(inputs), copy_of(output));
    } else if (!identical(inputs, first_->first)) {
      varied_ = true;
      reacts_ = reacts_ || !same_answer(output, first_->second);
    }
  }

  /// All samples are the same one, so that only a probe can tell.
  [[nodiscard]] bool undecided() const { return first_ && !varied_; }

  /// Ask a fresh copy of the reference about changed inputs. False when it can't be asked: nothing to change, or it
  /// raises.
  template <class Fresh>
  bool probe(Fresh const& fresh) {
    bool asked = false;
    for (bool const bend : {false, true}) {
      if (reacts_) break;
      auto const inputs = changed_inputs(first_->first, bend);
      if (!inputs) return false;
      try {
        reacts_ = !same_answer(fresh()(*inputs), first_->second);
        asked = true;
      } catch (std::exception const&) {  // the model need not take every input
      }
    }
    return asked || reacts_;
  }

  /// Why the reference is degenerate, or an empty text.
  [[nodiscard]] std::string complaint(bool probed) const {
    if (values_ == 0) return "expected a reference with outputs, got not one element in any sample";
    if (numbers_ > 0 && near_zero_ == numbers_)
      return "expected a reference to tell models by, got outputs near zero (at most " + number_text(largest_, 3) +
             "): all zeros would pass";
    if ((varied_ || probed) && !reacts_)
      return "expected a reference that reacts to its inputs, got the same outputs for " +
             std::string(varied_ ? "different samples" : "a sample and changed ones");
    return {};
  }

  /// Outputs that are near zero while others are not.
  [[nodiscard]] std::vector<std::string> notes() const {
    std::vector<std::string> texts;
    for (auto const& name : near_zero_outputs_)
      if (std::find(other_outputs_.begin(), other_outputs_.end(), name) == other_outputs_.end())
        texts.push_back(name + " is near zero in all samples: as good as not compared");
    return texts;
  }

 private:
  void look_at(leaf const& each) {
    if (!each.got.isTensor()) {
      ++values_;
      return;
    }
    auto const& tensor = each.got.toTensor();
    if (!tensor.defined()) return;
    values_ += tensor.numel();
    if (!holds_numbers(tensor)) return;
    auto const dense = plain(tensor);
    bool const near_zero = close(at::zeros_like(dense), dense, default_tolerance(tensor.scalar_type())).passed;
    ++numbers_;
    near_zero_ += near_zero;
    auto& outputs = near_zero ? near_zero_outputs_ : other_outputs_;
    if (std::find(outputs.begin(), outputs.end(), each.name) == outputs.end()) outputs.push_back(each.name);
    largest_ = std::max(largest_, dense.abs().to(at::kDouble).max().item<double>());
  }

  std::optional<std::pair<example, c10::IValue>> first_;
  std::vector<std::string> near_zero_outputs_, other_outputs_;  // in some sample; each name once
  std::int64_t values_{}, numbers_{}, near_zero_{};
  double largest_{};
  bool varied_ = false, reacts_ = false;
};

}  // namespace torchdeploy::inline v0::detail
