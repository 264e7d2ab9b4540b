#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <torchdeploy/quantization/calibrate.hpp>
#include <torchdeploy/quantization/engine.hpp>
#include <torchdeploy/quantization/preparation.hpp>

namespace torchdeploy::inline v0::detail {

/// Which observers each module gets. Transposed convolutions have no kernels for a scale per channel, and not every engine
/// runs them; what must stay in float is added to `excluded`.
template <engine Engine>
torch::jit::QConfigDict configuration(torch::jit::Module const& module, bool dynamic, std::vector<exclusion>& excluded) {
  auto const activation = shell(dynamic ? "PlaceholderObserver" : "ActivationObserver", at::kQUInt8, at::kPerTensorAffine);
  torch::jit::QConfig const per_channel(activation, shell("ChannelWeightObserver", at::kQInt8, at::kPerChannelSymmetric));
  torch::jit::QConfig const per_tensor(activation, shell("WeightObserver", at::kQInt8, at::kPerTensorSymmetric));
  torch::jit::QConfigDict dict{{"", per_channel}};
  for (auto const& each : excluded) dict.insert_or_assign(each.path, std::nullopt);
  auto const graph = settled_graph(module);
  for (auto const& each : layers_of(*graph)) {
    if (!each.kind.starts_with("conv_transpose") || !each.weight) continue;
    auto const owner = joined(std::span(*each.weight).first(each.weight->size() - 1));
    if constexpr (Engine::transposed_convolution) {
      dict.insert_or_assign(owner, per_tensor);
    } else {
      dict.insert_or_assign(owner, std::nullopt);
      excluded.push_back({owner, "the transposed convolution of engine " + std::string(Engine::name) +
                                     " gives wrong numbers in int8: use Fbgemm"});
    }
    for (auto const& [name, child] : module.named_modules())  // an override goes down the tree: hold it to this module
      if (!name.empty() && name != owner && (owner.empty() || name.starts_with(owner + "."))) dict.try_emplace(name, per_channel);
  }
  return dict;
}

}  // namespace torchdeploy::inline v0::detail
