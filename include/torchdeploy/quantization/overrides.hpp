#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/quantization.hpp>
#include <torchdeploy/detail/names.hpp>
#include <torchdeploy/quantization/calibrate.hpp>
#include <torchdeploy/quantization/preparation.hpp>

namespace torchdeploy::inline v0 {

/// What a layer shall be.
enum class precision {
  float32,           ///< as it was
  int8_per_channel,  ///< a scale for each output channel of the weight
  int8_per_tensor,   ///< one scale for the whole weight
};
using enum precision;

/// The precision of the layers whose names in the report match a shell's pattern: "fc", "layer1.*", "*.conv?".
struct layer_override {
  std::string pattern{};
  precision as{};
};

namespace detail {

/// What the user asked for, layer by layer; where several patterns match, the last decides.
class overrides {
 public:
  overrides() = default;
  /// @throws quantization_error 410 for a pattern that matches no layer of the (settled) graph
  overrides(std::vector<layer_override> all, jit::Graph& graph) : all_(std::move(all)) {
    if (all_.empty()) return;
    std::vector<std::string> names;
    for (auto const& each : layers_of(graph)) names.push_back(each.name);
    for (auto const& each : all_) demand_match<quantization_error>(errc::override_unmatched, each.pattern, names);
  }

  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] std::optional<precision> of(std::string const& name) const {
    auto const* const found = decisive(name);
    return found ? std::optional(found->as) : std::nullopt;
  }
  [[nodiscard]] bool in_float(std::string const& name) const { return of(name) == float32; }
  [[nodiscard]] std::string reason(std::string const& name) const {
    return in_float(name) ? "kept in float32 by the override '" + decisive(name)->pattern + "'" : "";
  }

 private:
  [[nodiscard]] layer_override const* decisive(std::string const& name) const {
    layer_override const* last = nullptr;
    for (auto const& each : all_)
      if (matches(each.pattern, name)) last = &each;
    return last;
  }
  std::vector<layer_override> all_;
};

/// The layers that graph mode makes int8; `_convolution` is what a trace has for any of the others.
inline constexpr std::array graph_mode_layers = {"conv1d",           "conv2d",       "conv3d", "conv_transpose1d",
                                                 "conv_transpose2d", "_convolution", "linear"};

/// Graph mode decides for a whole module. Where a single operator of one stays in float (a functional model has all its
/// layers in one module), it is hidden behind a twin: the same operator by a name that graph mode does not know.
inline c10::Symbol twin_of(std::string_view kind) {
  return c10::Symbol::fromQualString("torchdeploy_float::" + std::string(kind));
}
inline void register_twins() {
  [[maybe_unused]] static bool const once = [] {
    for (std::string const kind : graph_mode_layers)
      for (auto const& each : jit::getAllOperatorsFor(c10::Symbol::fromQualString("aten::" + kind)))
        jit::registerOperator(jit::Operator(twin_of(kind).toQualString(), each->schema().overload_name(),
                                            each->schema().arguments(), each->schema().returns(), each->getOperation(),
                                            c10::AliasAnalysisKind::FROM_SCHEMA));
    return true;
  }();
}
inline void rename(jit::Node* node, c10::Symbol name) {
  node->replaceWithNewSymbol(name);
  node->destroy();
}

/// Give hidden operators their names back.
inline void show_hidden(jit::Module const& reference) {
  for (auto const& module : reference.modules())
    for (auto const& method : module.get_methods()) {
      std::vector<jit::Node*> hidden;
      for_each_node(*method.graph(), [&](jit::Node* node) {
        if (std::string_view(node->kind().ns().toUnqualString()) == "torchdeploy_float") hidden.push_back(node);
      });
      for (auto* node : hidden)
        rename(node, c10::Symbol::fromQualString("aten::" + std::string(node->kind().toUnqualString())));
    }
}

/// The operator of a layer in a module's own code, not inlined.
struct layer_use {
  std::string module;
  std::string owner;  ///< of the weight
  std::string name;
  jit::Node* node{};
};

/// Where a layer's weight lives; a frozen model has constants, all in one piece of code.
inline std::string owner_of(layer const& each) { return each.weight ? owner_of(*each.weight) : ""; }

inline bool is_graph_mode_layer(layer const& each) {
  return (each.weight || each.constant) &&
         std::find(graph_mode_layers.begin(), graph_mode_layers.end(), each.kind) != graph_mode_layers.end();
}

inline std::vector<layer_use> uses_of_layers(jit::Module const& module) {
  std::vector<layer_use> uses;
  for (auto const& [path, each] : module.named_modules())
    for (auto const& method : each.get_methods())
      for (auto& found : layers_of(*method.graph(), true)) {
        if (!is_graph_mode_layer(found)) continue;
        if (found.weight && !path.empty()) found.weight->insert(found.weight->begin(), path);
        auto name = found.weight ? layer_name(*found.weight) : found.name;
        uses.push_back({path, owner_of(found), std::move(name), found.node});
      }
  return uses;
}

/// Do what the user asked for: in `dict` where it holds for a whole module, else by hiding operators of `module`. `graph`
/// is the settled graph of the model.
/// @throws quantization_error 402 where code that layers share stands in the way
inline void apply(overrides const& wanted, jit::Module const& module, jit::Graph& graph,
                  std::vector<exclusion> const& excluded, torch::jit::QConfigDict& dict) {
  if (wanted.empty()) return;
  auto const refuse = [](std::string const& a, std::string const& b, char const* why) {
    throw quantization_error(errc::not_quantizable,
                             "expected one precision for '" + a + "' and '" + b + "', which " + why,
                             "override both, or neither");
  };
  auto const [activations, weights] = dict[""].value();
  bool const usually_whole = weights.attr("qscheme").toInt() == static_cast<std::int64_t>(at::kPerTensorSymmetric);
  auto const observers = [&, activations = activations](bool whole) {
    return torch::jit::QConfig(activations, whole
                                                ? shell("WeightObserver", at::kQInt8, at::kPerTensorSymmetric)
                                                : shell("ChannelWeightObserver", at::kQInt8, at::kPerChannelSymmetric));
  };
  auto const stays = [&](std::string const& path) {  // in float, for a reason of its own
    auto const at = dict.find(path);
    return (at != dict.end() && !at->second) ||
           std::any_of(excluded.begin(), excluded.end(), [&](auto const& e) { return !e.alone && e.covers(path); });
  };
  std::vector<std::string> modules, leaves;
  for (auto const& [path, each] : module.named_modules()) {
    modules.push_back(path);
    if (each.children().size() == 0) leaves.push_back(path);
  }
  auto const set_default = [&](std::string const& path) {
    if (!dict.contains(path)) dict[path] = observers(usually_whole);
  };
  auto const set = [&](std::string const& owner, std::optional<torch::jit::QConfig> const& how) {
    dict[owner] = how;
    auto const below = owner.empty() ? owner : owner + ".";
    for (auto const& path : modules) {
      // an entry goes down the tree: hold it to this module
      if (path != owner && path.starts_with(below) && !stays(path)) set_default(path);
      // and LibTorch has one type for all instances of a class with the same observers, so that what holds them needs its own
      if (!path.empty() && owner.starts_with(path + ".")) set_default(path);
    }
  };

  struct layers_of_a_module {
    std::string path;
    std::vector<std::string> in_int8{};
    bool transposed = false;
  };
  std::vector<layers_of_a_module> owners;
  for (auto const& each : layers_of(graph)) {
    if (!is_graph_mode_layer(each)) continue;
    auto const path = owner_of(each);
    auto owner = std::find_if(owners.begin(), owners.end(), [&](auto const& known) { return known.path == path; });
    if (owner == owners.end()) {
      owners.push_back({path});
      owner = owners.end() - 1;
    }
    if (!wanted.in_float(each.name)) owner->in_int8.push_back(each.name);
    owner->transposed = owner->transposed || is_transposed(each);
  }
  auto const is_whole = [&](std::string const& path) {
    // what a module without observers gives to its children is not observed, and they would stay in float with it
    return std::find(leaves.begin(), leaves.end(), path) != leaves.end() &&
           std::none_of(owners.begin(), owners.end(),
                        [&](auto const& owner) { return owner.path == path && !owner.in_int8.empty(); });
  };
  for (auto const& owner : owners) {
    if (stays(owner.path)) continue;
    if (is_whole(owner.path)) set(owner.path, std::nullopt);
    if (owner.in_int8.empty()) continue;
    auto const as = wanted.of(owner.in_int8.front());
    for (auto const& each : owner.in_int8)
      if (wanted.of(each) != as) refuse(owner.in_int8.front(), each, "are layers of one module");
    if (as && !owner.transposed)
      set(owner.path, observers(as == int8_per_tensor));  // transposed: one scale in any case
  }

  auto const uses = uses_of_layers(module);
  std::vector<layer_use const*> hidden;
  auto const hidden_at = [&](jit::Node const* node) {
    auto const at = std::find_if(hidden.begin(), hidden.end(), [&](auto const* use) { return use->node == node; });
    return at == hidden.end() ? nullptr : *at;
  };
  for (auto const& each : uses)
    if (wanted.in_float(each.name) && !(is_whole(each.owner) && each.module == each.owner) && !stays(each.module) &&
        !hidden_at(each.node))
      hidden.push_back(&each);
  for (auto const& each : uses)
    if (auto const* const use = hidden_at(each.node); use && !wanted.in_float(each.name))
      refuse(use->name, each.name, "are run by the same code");
  if (!hidden.empty()) register_twins();
  for (auto const* use : hidden) rename(use->node, twin_of(operator_name(use->node)));
}

}  // namespace detail

}  // namespace torchdeploy::inline v0
