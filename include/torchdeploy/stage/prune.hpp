#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/core/report_text.hpp>
#include <torchdeploy/detail/libtorch/dtype.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/format/torchscript.hpp>

namespace torchdeploy::inline v0 {

/// Prune the weights of smallest magnitude. torch: l1_unstructured, torch/nn/utils/prune.py.
struct L1 {
  static constexpr std::string_view name = "l1";
  /// The larger, the more a weight matters.
  static at::Tensor importance(at::Tensor const& weight) { return weight.abs(); }
};

namespace detail {

/// How many of n: torch.nn.utils.prune rounds as Python does, halves to even.
inline std::int64_t count_to_prune(double amount, std::int64_t n) {
  return static_cast<std::int64_t>(std::nearbyint(amount * static_cast<double>(n)));
}

/// Set the `count` least important elements to zero, in place. Ties fall as torch's topk has them.
template <class Criterion>
void prune_weight(at::Tensor weight, std::int64_t count) {
  if (count == 0) return;
  c10::InferenceMode const inference(false);
  at::NoGradGuard const no_grad;
  auto const importance = Criterion::importance(weight).reshape(-1);
  auto const least = std::get<1>(importance.topk(count, 0, /*largest=*/false));
  auto const mask = at::ones_like(importance).index_fill_(0, least, 0);
  weight.mul_(mask.view_as(weight));
}

}  // namespace detail

/// Made by `prune<Criterion>`.
template <class Criterion>
struct prune_t : stage<prune_t<Criterion>> {
  using forbids = facts<frozen, optimized>;
  using adds = facts<pruned>;
  static constexpr std::string_view name = "prune";

  double amount{};

  torch::jit::Module run(torch::jit::Module const& module, record<TorchScript>& record) const {
    if (!(amount >= 0 && amount <= 1))
      throw error(errc::amount_out_of_range,
                  "expected an amount of weights between 0 and 1, got " + detail::formatted("%g", amount),
                  "0.3 prunes 30 % of every layer");
    auto& entry = record.report.current();
    entry.details.emplace_back("criterion", Criterion::name);
    entry.details.emplace_back("amount", detail::formatted("%g", amount));
    auto const graph = detail::settled_graph(module);
    std::uint64_t zeros = 0, weights = 0;
    for (auto const& each : detail::layers_of(*graph)) {
      if (!detail::has_prunable_weight(each)) continue;
      auto const weight = detail::attribute_at(module, *each.weight).toTensor();
      detail::prune_weight<Criterion>(weight, detail::count_to_prune(amount, weight.numel()));
      auto const n = static_cast<std::uint64_t>(weight.numel());
      auto const zero = n - static_cast<std::uint64_t>(weight.count_nonzero().template item<std::int64_t>());
      entry.layers.push_back({.name = each.name,
                              .kind = each.kind,
                              .precision = each.int8_weight ? "int8" : detail::dtype_name(weight.scalar_type()),
                              .reason = {},
                              .weights = n,
                              .bytes = each.int8_weight ? n : weight.nbytes(),
                              .sparsity = n ? static_cast<double>(zero) / static_cast<double>(n) : 0});
      zeros += zero;
      weights += n;
    }
    if (weights == 0)
      throw error(errc::nothing_to_prune, "expected convolution or linear layers with weights of their own, got none",
                  "a frozen file has its weights as constants: prune before freezing");
    entry.details.emplace_back("sparsity",
                               detail::formatted("%.4f", static_cast<double>(zeros) / static_cast<double>(weights)));
    return module;
  }
};

namespace detail {
template <class Criterion>
struct prune_maker : stage_maker {
  constexpr auto operator()(double amount) const { return prune_t<Criterion>{{}, amount}; }
};
}  // namespace detail

/// Set a fraction of every convolution's and linear layer's weights to zero: `prune<L1>(0.3)`, the 30 % of smallest
/// magnitude in each layer, float or quantized (int8 zero is exact).
///
/// Zeros make the file compress better; they make no dense runtime faster. Forbids: frozen, optimized. Adds: pruned.
/// Throws: error 501, 502. Source: torch/nn/utils/prune.py, whose masks these are.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt") | td::prune<td::L1>(0.3);
template <class Criterion>
inline constexpr detail::prune_maker<Criterion> prune{};

}  // namespace torchdeploy::inline v0
