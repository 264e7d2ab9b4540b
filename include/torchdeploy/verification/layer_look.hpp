#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/layer_outputs.hpp>
#include <torchdeploy/verification/layer_comparing.hpp>

/// Looking into a model, wherever it runs.
namespace torchdeploy::inline v0::detail {

/// What one sample leads to.
struct layer_answers {
  c10::IValue output;
  std::vector<std::pair<std::size_t, at::Tensor>> calls;  ///< of which layer, and its output: in the order they run
};

/// A model whose layers have names and can be looked at.
struct layer_look {
  struct layer {
    std::string name, kind, precision;
  };
  std::vector<layer> layers;
  std::vector<std::string> names;  ///< of its outputs, where these are a list
  std::function<layer_answers(example const&)> run;
  report const* history{};
  std::shared_ptr<void const> kept{};  ///< what `history` belongs to

  [[nodiscard]] std::vector<std::string> layer_names() const {
    std::vector<std::string> all;
    for (auto const& each : layers)
      if (!each.name.empty()) all.push_back(each.name);
    return all;
  }
};

/// In LibTorch, in the form whose layers have names.
inline layer_look look_into(layered const& model) {
  auto const probed = translated<verification_error>(errc::no_common_layer, "the layers can't be looked into", {},
                                                     [&] { return std::make_shared<probed_model>(model.module); });
  layer_look made;
  for (auto const& each : probed->layers()) made.layers.push_back({each->name, each->kind, {}});
  made.history = model.history;
  made.run = [probed](example const& inputs) {
    layer_answers answers;
    auto const& layers = probed->layers();
    for (std::size_t i = 0; i < layers.size(); ++i)
      layers[i]->look = [&answers, i](at::Tensor const& x) {
        answers.calls.emplace_back(i, x.is_quantized() ? x.dequantize() : x.detach().clone());
      };
    answers.output = probed->run(copy_of(inputs));
    for (auto const& each : layers) each->look = nullptr;
    return answers;
  };
  return made;
}

/// In another runtime, compiled for inputs like the samples.
template <class B, class A>
layer_look look_into(placed<B, A> const& model, std::span<std::string const> wanted,
                     std::vector<example> const& samples) {
  using format = typename A::format;
  auto const kept = std::make_shared<typename A::record_type>(model.artifact.record());
  kept->examples.clear();
  for (auto const& each : samples) kept->add_example(each);
  auto looked =
      timed(*kept, "deploy", [&] { return B::look_into(model.artifact.handle(), *kept, model.options, wanted); });
  static_assert(shows_layers<B, format>);
  layer_look made;
  for (auto const& each : looked.layers) {
    auto const same = [&](auto const& known) { return known.name == each.name && known.kind == each.kind; };
    if (std::none_of(made.layers.begin(), made.layers.end(), same))
      made.layers.push_back({each.name, each.kind, each.precision});
  }
  for (std::size_t i = 0; i < looked.own; ++i) made.names.push_back(looked.model.outputs().at(i).name);
  made.history = &kept->report;
  made.kept = kept;
  made.run = [looked = std::move(looked), layers = made.layers](example const& inputs) {
    auto const all = looked.model.run(inputs);
    auto const outputs = all.isTuple() ? elements_of(all) : std::vector{all};
    layer_answers answers;
    answers.output = looked.own == 1 ? outputs.front()
                                     : c10::ivalue::Tuple::create(std::vector<c10::IValue>(
                                           outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(looked.own)));
    for (auto const& each : looked.layers) {
      auto const at = std::find_if(layers.begin(), layers.end(), [&](auto const& known) {
        return known.name == each.name && known.kind == each.kind;
      });
      answers.calls.emplace_back(at - layers.begin(), outputs.at(each.output).toTensor());
    }
    return answers;
  };
  return made;
}

}  // namespace torchdeploy::inline v0::detail
