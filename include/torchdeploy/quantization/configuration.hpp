#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <torchdeploy/quantization/calibrate.hpp>
#include <torchdeploy/quantization/engine.hpp>
#include <torchdeploy/quantization/preparation.hpp>

namespace torchdeploy::inline v0::detail {

/// Why a layer that graph mode takes for one of its own would fail, or give wrong numbers, when it runs; else empty.
template <engine Engine>
std::string why_not_int8(layer const& each) {
  if (each.kind.starts_with("conv_transpose") && !Engine::transposed_convolution)
    return "the transposed convolution of engine " + std::string(Engine::name) +
           " gives wrong numbers in int8: use Fbgemm";
  bool const named_padding = each.kind.starts_with("conv") && each.node->inputs().size() > 4 &&
                             each.node->input(4)->type()->kind() == c10::TypeKind::StringType;
  if (named_padding) return "graph mode has no convolution whose padding is a word: give it as numbers";
  return {};
}

/// Which observers each module gets. A transposed convolution gets one scale for its weight, having no kernel for more;
/// what must stay in float is added to `excluded`.
template <engine Engine>
torch::jit::QConfigDict configuration(torch::jit::Module const& module, bool dynamic,
                                      std::vector<exclusion>& excluded) {
  auto const activation =
      shell(dynamic ? "PlaceholderObserver" : "ActivationObserver", at::kQUInt8, at::kPerTensorAffine);
  torch::jit::QConfig const per_channel(activation,
                                        shell("ChannelWeightObserver", at::kQInt8, at::kPerChannelSymmetric));
  torch::jit::QConfig const per_tensor(activation, shell("WeightObserver", at::kQInt8, at::kPerTensorSymmetric));
  torch::jit::QConfigDict dict{{"", per_channel}};
  for (auto const& each : excluded) dict.insert_or_assign(each.path, std::nullopt);
  auto const graph = settled_graph(module);
  for (auto const& each : layers_of(*graph)) {
    auto const reason = why_not_int8<Engine>(each);
    if (reason.empty() && !each.kind.starts_with("conv_transpose")) continue;
    if (!each.weight)
      throw quantization_error(
          errc::not_quantizable,
          "expected a weight of its own, but '" + each.name + "' computes it, and is no layer for int8",
          "quantize the sub-modules beside it by themselves");
    auto const owner = joined(std::span(*each.weight).first(each.weight->size() - 1));
    dict.insert_or_assign(owner, reason.empty() ? std::optional(per_tensor) : std::nullopt);
    if (!reason.empty()) excluded.push_back({owner, reason});
    for (auto const& [name, child] : module.named_modules())  // an override goes down the tree: hold it to this module
      if (!name.empty() && name != owner && (owner.empty() || name.starts_with(owner + ".")))
        dict.try_emplace(name, per_channel);
  }
  return dict;
}

}  // namespace torchdeploy::inline v0::detail
