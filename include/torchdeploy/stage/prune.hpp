#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/detail/libtorch/dtype.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/pruning/choice.hpp>
#include <torchdeploy/pruning/criterion.hpp>
#include <torchdeploy/pruning/mask.hpp>

namespace torchdeploy::inline v0 {

/// What `prune` sets to zero, and in which layers.
struct prune_options {
  /// Prune whole slices of the weight along this dimension (0: output channels, 1: input channels, of a group; the other
  /// way round in transposed convolutions; negative: from the end). Default: single weights.
  std::optional<std::int64_t> dimension{};
  /// Rank the weights of all chosen layers together, not layer by layer?
  bool global = false;
  /// Patterns of the layers' names, as the report has them: {"layer1.*", "fc"}. Default: all.
  std::vector<std::string> layers{};
  /// For a criterion that draws. Default: 0.
  std::optional<std::uint64_t> seed{};
};

namespace detail {

inline void demand_amount(double amount) {
  if (!(amount >= 0 && amount <= 1))
    throw error(errc::amount_out_of_range, "expected an amount of weights between 0 and 1, got " + number_text(amount),
                "0.3 prunes 30 % of every layer, count{5} prunes 5");
}
inline void demand_amount(count amount) {
  if (amount.value < 0)
    throw error(errc::amount_out_of_range, "expected a count of weights, got " + std::to_string(amount.value));
}

inline std::string in_words(double amount, bool) { return number_text(amount); }
inline std::string in_words(count amount, bool slices) {
  return std::to_string(amount.value) + (slices ? " slices" : " weights");
}

/// The masks of earlier prunings, or of none.
inline masked_weight masked(prunable const& each, TorchScript::extras const& extras) {
  auto const before = extras.masks.find(joined(*each.at.weight));
  bool const pruned = before != extras.masks.end() && before->second.sizes() == each.weight.sizes();
  return {each.at.name, each.weight,
          pruned ? before->second : at::ones(each.weight.sizes(), each.weight.options().dtype(at::kBool))};
}

inline layer_report described(prunable const& each, std::optional<std::int64_t> dimension) {
  auto const nonzero = each.weight.ne(0);
  auto const n = static_cast<std::uint64_t>(each.weight.numel());
  auto const zeros = n - static_cast<std::uint64_t>(nonzero.count_nonzero().item<std::int64_t>());
  layer_report entry{.name = each.at.name,
                     .kind = each.at.kind,
                     .precision = each.at.int8_weight ? "int8" : dtype_name(each.weight.scalar_type()),
                     .weights = n,
                     .bytes = each.at.int8_weight ? int8_bytes(each.at, each.weight) : each.weight.nbytes(),
                     .sparsity = n ? static_cast<double>(zeros) / static_cast<double>(n) : 0};
  if (dimension) {
    auto const left = nonzero.movedim(dimension_of(each, *dimension), 0).flatten(1).any(1);
    entry.slices = static_cast<std::uint64_t>(left.numel());
    entry.zero_slices = entry.slices - static_cast<std::uint64_t>(left.count_nonzero().item<std::int64_t>());
  }
  return entry;
}

}  // namespace detail

/// Made by `prune<Criterion>`.
template <class Criterion, class Amount>
struct prune_t : stage<prune_t<Criterion, Amount>> {
  using forbids = facts<frozen, optimized>;
  using adds = facts<pruned>;
  static constexpr std::string_view name = "prune";

  Amount amount{};
  prune_options options{};

  torch::jit::Module run(torch::jit::Module const& module, record<TorchScript>& record) const {
    demand_what_can_be();
    c10::InferenceMode const inference(false);
    at::NoGradGuard const no_grad;
    auto const graph = detail::settled_graph(module);
    auto const chosen = detail::chosen_layers(module, *graph, options.layers);
    if (options.dimension)
      for (auto const& each : chosen) detail::dimension_of(each, *options.dimension);
    auto& entry = record.report.current();
    say_what_was_asked(entry);
    detail::translated<error>(errc::criterion_unusable, "the criterion can't rank these weights", {}, [&] {
      for (auto const& each : masks_of(chosen, record.extras)) detail::apply(each);
    });
    say_what_became(chosen, entry);
    return module;
  }

 private:
  void demand_what_can_be() const {
    detail::demand_amount(amount);
    if (options.dimension && options.global)
      throw error(errc::prune_options_conflict, "expected .dimension or .global, got both",
                  "the norms of slices of different layers do not compare");
    if (options.seed && !seeded_criterion<Criterion>)
      throw error(errc::prune_options_conflict,
                  "expected no .seed for the criterion '" + std::string(Criterion::name) + "', which draws nothing",
                  "leave it out, or prune<Random>");
  }

  /// The new masks, kept for the next pruning. Nothing is written to the weights before all are known.
  std::vector<detail::masked_weight> masks_of(std::vector<detail::prunable> const& chosen,
                                              TorchScript::extras& extras) const {
    Criterion criterion;
    if constexpr (seeded_criterion<Criterion>) criterion.seed(options.seed.value_or(0));
    std::vector<detail::masked_weight> masks;
    for (auto const& each : chosen) masks.push_back(detail::masked(each, extras));
    if (options.global) detail::drop_elements(criterion, std::span(masks), amount, "all layers");
    for (std::size_t i = 0; i < masks.size() && !options.global; ++i) {
      auto const place = "'" + masks[i].layer + "'";
      if (options.dimension)
        detail::drop_slices(criterion, masks[i], detail::dimension_of(chosen[i], *options.dimension), amount, place);
      else
        detail::drop_elements(criterion, std::span(&masks[i], 1), amount, place);
    }
    for (std::size_t i = 0; i < masks.size(); ++i)
      extras.masks.insert_or_assign(detail::joined(*chosen[i].at.weight), masks[i].kept);
    return masks;
  }

  void say_what_was_asked(stage_report& entry) const {
    entry.details.emplace_back("criterion", Criterion::name);
    entry.details.emplace_back("amount", detail::in_words(amount, options.dimension.has_value()));
    if (options.dimension) entry.details.emplace_back("dimension", std::to_string(*options.dimension));
    if (options.global) entry.details.emplace_back("global", "true");
    if (seeded_criterion<Criterion>) entry.details.emplace_back("seed", std::to_string(options.seed.value_or(0)));
  }

  void say_what_became(std::vector<detail::prunable> const& chosen, stage_report& entry) const {
    double zeros = 0, weights = 0;
    std::uint64_t zero_slices = 0, slices = 0;
    for (auto const& each : chosen) {
      auto const& layer = entry.layers.emplace_back(detail::described(each, options.dimension));
      zeros += layer.sparsity * static_cast<double>(layer.weights);
      weights += static_cast<double>(layer.weights);
      zero_slices += layer.zero_slices;
      slices += layer.slices;
    }
    entry.details.emplace_back("sparsity", detail::fixed(weights > 0 ? zeros / weights : 0, 4));
    if (options.dimension)
      entry.details.emplace_back("slices", std::to_string(zero_slices) + " of " + std::to_string(slices));
  }
};

namespace detail {
template <class Criterion>
struct prune_maker : stage_maker {
  static constexpr bool fits = pruning_criterion<Criterion>;  // by name: of a concept, g++ tells the inside in 8 lines
  static_assert(fits, "prune<C> needs a criterion: a type with a name and importance(weight)");

  constexpr auto operator()(double amount, prune_options options = {}) const {
    return prune_t<Criterion, double>{{}, amount, std::move(options)};
  }
  constexpr auto operator()(count amount, prune_options options = {}) const {
    return prune_t<Criterion, count>{{}, amount, std::move(options)};
  }
  /// To torch 1 is one weight and 1.0 are all.
  template <std::integral Number>
  constexpr auto operator()(Number, prune_options = {}) const {
    static_assert(!std::same_as<Number, Number>,
                  "prune<C>(1): count{1}, one weight of each layer, or 1.0, all of them?");
    return prune_t<Criterion, double>{};
  }
};
}  // namespace detail

/// Set the least important weights of convolution and linear layers to zero: `prune<L1>(0.3)`, the 30 % of smallest
/// magnitude in each layer, float or quantized (int8 zero is exact); `count{5}`, five in each.
///
/// A second pruning counts among what the first has left, as torch's PruningContainer does; a saved file holds zeros and
/// no masks, so what is loaded counts as never pruned. Zeros make the file compress better; they make no dense runtime
/// faster. Forbids: frozen, optimized. Adds: pruned. Throws: error 501 to 506. Source: torch/nn/utils/prune.py, whose masks
/// these are.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt") | td::prune<td::L1>(0.3, {.layers = {"layer1.*"}})
///                | td::prune<td::L2>(0.25, {.dimension = 0, .layers = {"layer4.*"}});
template <class Criterion>
inline constexpr detail::prune_maker<Criterion> prune{};

}  // namespace torchdeploy::inline v0
