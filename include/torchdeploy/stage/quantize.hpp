#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/quantization/calibrate.hpp>
#include <torchdeploy/quantization/configuration.hpp>
#include <torchdeploy/quantization/engine.hpp>
#include <torchdeploy/quantization/histogram.hpp>
#include <torchdeploy/quantization/minmax.hpp>
#include <torchdeploy/quantization/moving_average.hpp>
#include <torchdeploy/quantization/observer.hpp>
#include <torchdeploy/quantization/percentile.hpp>
#include <torchdeploy/quantization/plan.hpp>

namespace torchdeploy::inline v0 {

/// Eight-bit integers: activations quint8 (affine, one scale for a tensor), weights qint8 (symmetric, one scale for each
/// output channel; one for all in transposed convolutions, for which the engines have no other).
struct Int8 {};

struct quantize_options {
  /// Use 7 of the 8 bits of an activation? Default: as torch does for the engine.
  std::optional<bool> reduce_range{};
  /// Count the samples on the terminal? (`td::quiet` silences everything.)
  bool progress = true;
};

namespace detail {

template <class Fallback, template <class> class Is, class... Choices>
struct choose : std::type_identity<Fallback> {};
template <class Fallback, template <class> class Is, class First, class... Rest>
struct choose<Fallback, Is, First, Rest...>
    : std::conditional_t<Is<First>::value, std::type_identity<First>, choose<Fallback, Is, Rest...>> {};
template <class T>
using is_observer = std::bool_constant<observer<T>>;
template <class T>
using is_engine = std::bool_constant<engine<T>>;

struct no_samples {};

}  // namespace detail

/// Made by `quantize<Int8, ...>`.
template <class Precision, class Observer, class Engine, class Samples>
struct quantize_t : stage<quantize_t<Precision, Observer, Engine, Samples>> {
  using needs = facts<evaluating>;
  using forbids = facts<quantized, frozen, optimized>;
  using adds = facts<quantized>;
  static constexpr std::string_view name = "quantize";
  static constexpr bool dynamic = std::is_same_v<Samples, detail::no_samples>;
  static constexpr bool repeatable = [] {
    if constexpr (dynamic)
      return true;
    else
      return Samples::multi_pass;
  }();

  Samples samples;
  quantize_options options{};

  torch::jit::Module run(torch::jit::Module const& module, record<TorchScript>& record) const& {
    return quantized_module(module, record, samples);
  }
  torch::jit::Module run(torch::jit::Module const& module, record<TorchScript>& record) && {
    return quantized_module(module, record, std::move(samples));
  }

 private:
  template <class Held>
  torch::jit::Module quantized_module(torch::jit::Module const& module, record<TorchScript>& record,
                                      Held&& held) const {
    constexpr auto type = dynamic ? torch::jit::QuantType::DYNAMIC : torch::jit::QuantType::STATIC;
    detail::engine_scope const engine(Engine::id);
    detail::without_warnings const silence;
    at::NoGradGuard const no_grad;
    if (detail::is_lowered(*detail::settled_graph(module)))
      throw quantization_error(errc::already_quantized, "expected a float model, got one that was quantized before",
                               "quantize the float model it was made from");
    detail::refuse_what_graph_mode_cannot_follow(module);
    detail::refuse_weights_that_cannot_be_quantized(module);

    std::vector<detail::exclusion> excluded;
    auto observed =
        detail::translated<quantization_error>(errc::not_quantizable, "graph mode can't prepare this model", {}, [&] {
          auto prepared = torch::jit::FoldConvBatchNorm(module);
          excluded = detail::disarm(prepared);
          auto const configuration = detail::configuration<Engine>(prepared, dynamic, excluded);
          return torch::jit::InsertObservers(prepared, "forward", configuration, false, type);
        });
    auto const sites = detail::furnish(observed, [&] {
      return std::make_unique<detail::activation_site<Observer>>(options.reduce_range.value_or(Engine::reduce_range));
    });
    auto& entry = record.report.current();
    entry.details.emplace_back("mode", dynamic ? "dynamic" : "static");
    entry.details.emplace_back("engine", Engine::name);
    if constexpr (!dynamic) {
      auto const count = calibrate(observed, record, std::forward<Held>(held));
      entry.details.emplace_back("observer", Observer::name);
      entry.details.emplace_back("samples", std::to_string(count));
      // what is wrong with a range is thrown here, not inside LibTorch
      detail::translated<quantization_error>(errc::quantization_failed, "a range can't be computed", {}, [&] {
        for (auto const& site : sites) site->qparams();
      });
    }
    auto reference = detail::translated<quantization_error>(
        errc::quantization_failed, "LibTorch can't quantize this model", {},
        [&] { return torch::jit::InsertQuantDeQuant(observed, "forward", false, false, type); });
    if (auto const places = detail::unreached_places(reference, detail::unreached); !places.empty())
      throw quantization_error(errc::never_observed,
                               "expected samples to reach every layer, but none reached '" + places.front() + "'",
                               "add samples that take this branch");
    record.extras.reference = reference_form{Engine::id, type};
    describe(module, reference, excluded, entry);
    return reference;
  }

  /// Run the samples through the observed model. On a copy: what the model keeps from call to call must not come from them.
  template <class Held>
  std::size_t calibrate(torch::jit::Module const& observed, record<TorchScript>& record, Held&& held) const {
    auto running = observed.deepcopy();
    auto const size = held.size();
    detail::progress const show(options.progress ? "quantize" : "");
    std::size_t count = 0;
    std::forward<Held>(held).for_each([&](auto&& each) {
      auto inputs = to_example(std::forward<decltype(each)>(each));
      record.add_example(inputs);
      detail::translated<quantization_error>(errc::calibration_raised,
                                             "the model raised on sample " + std::to_string(count), {},
                                             [&] { running.forward(std::move(inputs)); });
      ++count;
      if (options.progress) show(count, size.value_or(0));
    });
    if (count == 0)
      throw quantization_error(errc::no_samples, "expected at least one calibration sample, got an empty range",
                               "quantize<Int8>() without samples quantizes dynamically");
    return count;
  }

  static void describe(torch::jit::Module const& before, torch::jit::Module const& reference,
                       std::vector<detail::exclusion> const& excluded, stage_report& entry) {
    entry.layers = detail::plan_of(reference, dynamic, excluded);
    entry.bytes_before = TorchScript::bytes(before);
    entry.bytes_after = entry.bytes_before;
    std::size_t int8 = 0;
    for (auto const& each : entry.layers)
      if (each.precision == "int8") {
        ++int8;
        entry.bytes_after -= std::min(
            entry.bytes_after, each.weights * sizeof(float) - std::min(each.weights * sizeof(float), each.bytes));
      }
    entry.details.emplace_back("int8", std::to_string(int8) + " of " + std::to_string(entry.layers.size()));
    if (int8 == 0) {
      entry.findings.push_back({"nothing-quantized", severity::warning, "forward", "no layer of the model became int8",
                                "the report says why for each layer"});
      detail::notice(entry.findings.back());
    }
  }
};

namespace detail {

/// Is it an observer or an engine? What is nearly an observer is told what it lacks, in one line (a plain false: of a
/// concept g++ would print why it fails, too).
template <class T>
consteval bool is_choice() {
  constexpr bool fails = !std::is_same_v<T, T>;
  if constexpr (observer<T> || engine<T>)
    return true;
  else if constexpr (!has_observe<T> && !has_range<T>)
    return false;
  else if constexpr (!has_observe<T>)
    static_assert(fails, "this observer lacks: void observe(at::Tensor const&)");
  else if constexpr (!has_range<T>)
    static_assert(fails, "this observer lacks: std::optional<value_range> range() const");
  else if constexpr (!has_name<T>)
    static_assert(fails, "this observer lacks: static constexpr std::string_view name");
  else
    static_assert(fails, "each activation gets an observer made by its default constructor, and this one has none");
  return true;
}

template <class Precision, class... Choices>
struct quantize_maker : stage_maker {
  static_assert(std::same_as<Precision, Int8>, "quantize<Int8, ...>: Int8 is the precision there is");
  static_assert((detail::is_choice<Choices>() && ...), "quantize<Int8, ...> takes an observer and an engine");
  static_assert((0 + ... + observer<Choices>) <= 1, "quantize<Int8, ...> takes one observer, not two");
  static_assert((0 + ... + engine<Choices>) <= 1, "quantize<Int8, ...> takes one engine, not two");
  using chosen_observer = typename choose<Histogram, is_observer, Choices...>::type;
  using chosen_engine = typename choose<X86, is_engine, Choices...>::type;

  auto operator()() const {
    static_assert((0 + ... + observer<Choices>) == 0, "quantize<Int8, ...>() without samples has nothing to observe");
    return quantize_t<Precision, chosen_observer, chosen_engine, no_samples>{};
  }
  template <sample_range R>
  constexpr auto operator()(R&& samples, quantize_options options = {}) const {
    return quantize_t<Precision, chosen_observer, chosen_engine, held_range<R>>{
        {}, held_range<R>(std::forward<R>(samples)), std::move(options)};
  }
};
}  // namespace detail

/// Quantize to eight-bit integers: statically with samples, dynamically without.
///
/// `quantize<Int8>(samples)`: the samples (any input range of tensors, tuples of tensors or `example`s, of the shapes the
/// model takes, e.g. `[N, C, H, W]`; some hundred images of real data) run through the model while an observer watches
/// each activation. `quantize<Int8>()`: the ranges of activations are found anew at each call; linear layers only.
/// Observer and engine follow the precision, in any order: `quantize<Int8, MinMax, Onednn>(samples)`. Observers: Histogram
/// (default), MinMax, MovingAverage, Percentile<P>, or a type of your own. Engines: X86 (default), Fbgemm, Onednn, Qnnpack.
/// With each engine and each of torch's observers the result is bit-equal to torch.ao.quantization's `quantize_jit`
/// (`quantize_dynamic_jit`), given the same range of activations.
///
/// The result stays in reference form, so it can still be pruned, and is lowered where it leaves. The report lists every
/// layer: int8, or float and why. A lvalue container of samples is borrowed, a rvalue owned, a view copied.
///
/// Needs: evaluating. Forbids: quantized, frozen, optimized. Adds: quantized.
/// Throws: quantization_error 401-408 (409 where it leaves).
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt") | td::quantize<td::Int8>(images);
template <class Precision, class... Choices>
inline constexpr detail::quantize_maker<Precision, Choices...> quantize{};

}  // namespace torchdeploy::inline v0
