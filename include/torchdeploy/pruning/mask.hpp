#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/core/report_text.hpp>
#include <torchdeploy/pruning/criterion.hpp>

namespace torchdeploy::inline v0 {

/// So many, not a fraction: `prune<L1>(count{5})`.
struct count {
  std::int64_t value{};
};

/// Which weights a pruning keeps: torch.nn.utils.prune's masks, bit for bit.
namespace detail {

/// A weight and what is kept of it.
struct masked_weight {
  std::string layer;
  at::Tensor weight;
  at::Tensor kept;  ///< bool, of the weight's shape; replaced, never written: clones of an artifact share it
};

/// How many of n: torch rounds as Python does, halves to even.
inline std::int64_t count_to_prune(double amount, std::int64_t n, std::string const&) {
  return static_cast<std::int64_t>(std::nearbyint(amount * static_cast<double>(n)));
}
inline std::int64_t count_to_prune(count amount, std::int64_t n, std::string const& place) {
  if (amount.value > n)
    throw error(errc::amount_out_of_range,
                "expected to prune at most the " + std::to_string(n) + " not yet pruned of " + place + ", got " +
                    std::to_string(amount.value),
                "a fraction suits layers of every size");
  return amount.value;
}

/// A criterion is a user's code: what it gives is looked at before it ranks anything.
inline at::Tensor checked_importance(at::Tensor const& importance, at::IntArrayRef sizes, std::string_view criterion) {
  auto const text = [](at::IntArrayRef shape) { return c10::str(shape); };
  if (!importance.defined() || importance.sizes() != sizes)
    throw error(errc::criterion_unusable, "expected importances of shape " + text(sizes) + " from the criterion '" +
                                              std::string(criterion) + "', got " +
                                              (importance.defined() ? text(importance.sizes()) : "none"));
  if (importance.is_floating_point() && importance.isnan().any().item<bool>())
    throw error(errc::criterion_unusable,
                "expected importances to compare, got NaN from the criterion '" + std::string(criterion) + "'",
                "are there NaNs among the weights?");
  return importance;
}

/// The importance of the weights that are kept so far, flat.
template <pruning_criterion C>
at::Tensor importance_of_kept(C& criterion, masked_weight const& each) {
  if constexpr (seeded_criterion<C>) {
    auto const weights = each.weight.masked_select(each.kept);
    return checked_importance(criterion.importance(weights), weights.sizes(), C::name);
  } else {
    return checked_importance(criterion.importance(each.weight), each.weight.sizes(), C::name).masked_select(each.kept);
  }
}

template <pruning_criterion C>
at::Tensor slice_importance(C& criterion, at::Tensor const& weight, std::int64_t dimension) {
  if constexpr (requires { criterion.slice_importance(weight, dimension); })
    return criterion.slice_importance(weight, dimension);
  else
    return checked_importance(criterion.importance(weight), weight.sizes(), C::name)
        .mean(dimensions_without(dimension, weight.dim()));
}

/// Drop the least important elements of several weights, ranked together; of one, if only one is given. Ties fall as
/// torch's topk has them.
template <pruning_criterion C, class Amount>
void drop_elements(C& criterion, std::span<masked_weight> weights, Amount amount, std::string const& place) {
  std::vector<std::int64_t> sizes;
  for (auto const& each : weights) sizes.push_back(each.kept.count_nonzero().template item<std::int64_t>());
  auto const n = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  auto const dropped = count_to_prune(amount, n, place);
  if (dropped == 0) return;  // and nothing is drawn, as in torch
  std::vector<at::Tensor> importances;
  for (auto const& each : weights) importances.push_back(importance_of_kept(criterion, each));
  auto const importance = importances.size() == 1 ? importances.front() : at::cat(importances);
  auto const least = std::get<1>(importance.topk(dropped, 0, /*largest=*/false, /*sorted=*/false));
  auto const stay =
      at::ones({n}, least.options().dtype(at::kBool)).index_fill_(0, least, false).split_with_sizes(sizes);
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i].kept = weights[i].kept.masked_scatter(weights[i].kept, stay[i]);
}

/// Drop the least important slices along a dimension, of those that are not all dropped yet.
template <pruning_criterion C, class Amount>
void drop_slices(C& criterion, masked_weight& each, std::int64_t dimension, Amount amount, std::string const& place) {
  auto const size = each.weight.size(dimension);
  auto const places = each.kept.movedim(dimension, 0).flatten(1).any(1).nonzero().squeeze(1);
  auto const n = places.numel();
  auto const dropped = count_to_prune(amount, n, place);
  if (dropped == 0) return;
  auto const rest = n == size ? each.weight : each.weight.index_select(dimension, places);
  auto const importance = checked_importance(slice_importance(criterion, rest, dimension), {n}, C::name);
  auto const most = std::get<1>(importance.topk(n - dropped, 0, /*largest=*/true, /*sorted=*/false));
  std::vector<std::int64_t> shape(static_cast<std::size_t>(each.weight.dim()), 1);
  shape[static_cast<std::size_t>(dimension)] = size;
  auto const none = at::zeros({size}, places.options().dtype(at::kBool));
  auto const stay = none.index_fill(0, places.index_select(0, most), true);
  each.kept = each.kept.logical_and(stay.view(shape));
}

/// Make what is dropped zero, in place, since layers may share the weight. Not by multiplying: that leaves -0, which
/// compresses worse, and NaN where there was infinity.
inline void apply(masked_weight const& each) {
  c10::InferenceMode const as_it_was_made(each.weight.is_inference());
  at::NoGradGuard const no_grad;  // leaving inference mode turns gradients on
  each.weight.masked_fill_(each.kept.logical_not(), 0);
}

}  // namespace detail

}  // namespace torchdeploy::inline v0
