#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <torchdeploy/quantization/calibrate.hpp>
#include <torchdeploy/quantization/engine.hpp>
#include <torchdeploy/quantization/overrides.hpp>
#include <torchdeploy/quantization/preparation.hpp>

namespace torchdeploy::inline v0::detail {

/// Why a layer that graph mode takes for one of its own would fail, or give wrong numbers, when it runs; else empty.
template <engine Engine>
std::string why_not_int8(layer const& each) {
  if (is_transposed(each) && !Engine::transposed_convolution)
    return "its module has a transposed convolution, which engine " + std::string(Engine::name) +
           " computes wrong in int8: use Fbgemm";
  bool const named_padding = each.kind.starts_with("conv") && each.node->inputs().size() > 4 &&
                             each.node->input(4)->type()->kind() == c10::TypeKind::StringType;
  if (named_padding) return "its module has a convolution whose padding is a word: give it as numbers";
  return {};
}

[[noreturn]] inline void refuse_without_weight(layer const& each) {
  throw quantization_error(
      errc::not_quantizable,
      "expected a weight of its own for '" + each.name + "', got one that is " +
          (each.constant ? "a constant" : "computed"),
      each.constant ? "quantize the model before it is frozen" : "quantize the sub-modules beside it by themselves");
}

/// Which observers each module gets: a scale for each channel of its weight where the engine takes that. A transposed
/// convolution gets one for the whole weight, having no kernel for more; what must stay in float is added to `excluded`.
template <engine Engine>
torch::jit::QConfigDict configuration(torch::jit::Module const& module, bool dynamic, std::vector<exclusion>& excluded,
                                      overrides const& wanted = {}) {
  auto const activation =
      shell(dynamic ? "PlaceholderObserver" : "ActivationObserver", at::kQUInt8, at::kPerTensorAffine);
  torch::jit::QConfig const per_channel(activation,
                                        shell("ChannelWeightObserver", at::kQInt8, at::kPerChannelSymmetric));
  torch::jit::QConfig const per_tensor(activation, shell("WeightObserver", at::kQInt8, at::kPerTensorSymmetric));
  auto const& usual = Engine::per_channel_weights ? per_channel : per_tensor;
  torch::jit::QConfigDict dict{{"", usual}};
  for (auto const& each : excluded) dict.insert_or_assign(each.path, std::nullopt);
  if (dynamic) return dict;  // linear layers only

  auto const stays = [whole = excluded](std::string const& path) {
    return std::any_of(whole.begin(), whole.end(), [&](exclusion const& e) { return e.covers(path); });
  };
  auto const graph = settled_graph(module);
  for (auto const& each : layers_of(*graph)) {
    auto const reason = why_not_int8<Engine>(each);
    if ((reason.empty() && !is_transposed(each)) || stays(each.name) || wanted.in_float(each.name)) continue;
    if (!each.weight) refuse_without_weight(each);
    auto const owner = owner_of(*each.weight);
    if (!reason.empty()) {
      dict.insert_or_assign(owner, std::nullopt);
      excluded.push_back({owner, reason, true});
    } else if (auto const known = dict.find(owner); known == dict.end() || known->second) {
      dict.insert_or_assign(owner, per_tensor);
    }
    for (auto const& [name, child] : module.named_modules())  // an override goes down the tree: hold it to this module
      if (!name.empty() && name != owner && !stays(name) && (owner.empty() || name.starts_with(owner + ".")))
        dict.try_emplace(name, usual);
  }
  return dict;
}

}  // namespace torchdeploy::inline v0::detail
