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
#include <torchdeploy/quantization/isa.hpp>
#include <torchdeploy/quantization/minmax.hpp>
#include <torchdeploy/quantization/moving_average.hpp>
#include <torchdeploy/quantization/observer.hpp>
#include <torchdeploy/quantization/overrides.hpp>
#include <torchdeploy/quantization/percentile.hpp>
#include <torchdeploy/quantization/plan.hpp>
#include <torchdeploy/quantization/watch.hpp>

namespace torchdeploy::inline v0 {

/// Eight-bit integers: activations quint8 (affine, one scale for a tensor), weights qint8 (symmetric, one scale for each
/// output channel; one for all in transposed convolutions, for which the engines have no other).
struct Int8 {};

/// Which layers `quantize` takes, and for which machine.
struct quantize_options {
  /// Layers that shall be something else: {{"fc", float32}}, by patterns over the names in the report; the last that
  /// matches decides.
  std::vector<layer_override> overrides{};
  /// The least CPU that the model will run on. Default: this machine.
  std::optional<isa> target{};
  /// Use 7 of the 8 bits of an activation? Default: where the engine saturates on the target without.
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
    std::optional<detail::engine_scope> engine(std::in_place, Engine::id);
    detail::without_warnings const silence;
    at::NoGradGuard const no_grad;
    auto const before = detail::settled_graph(module);
    if (detail::is_lowered(*before))
      throw quantization_error(errc::already_quantized, "expected a float model, got one that was quantized before",
                               "quantize the float model it was made from");
    detail::overrides const wanted(options.overrides, *before);
    detail::refuse_what_graph_mode_cannot_follow(module);
    detail::refuse_weights_that_cannot_be_quantized(module, *before,
                                                    [&](std::string const& layer) { return wanted.in_float(layer); });
    auto& entry = record.report.current();
    entry.details.emplace_back("mode", dynamic ? "dynamic" : "static");
    entry.details.emplace_back("engine", Engine::name);
    auto const form = chosen_form(type, entry);

    std::vector<detail::exclusion> excluded;
    auto observed =
        detail::translated<quantization_error>(errc::not_quantizable, "graph mode can't prepare this model", {}, [&] {
          auto prepared = torch::jit::FoldConvBatchNorm(module);
          excluded = detail::disarm(prepared);
          auto configuration = detail::configuration<Engine>(prepared, dynamic, excluded, wanted);
          detail::apply(wanted, prepared, *before, excluded, configuration);
          return torch::jit::InsertObservers(prepared, "forward", configuration, false, type);
        });
    auto const sites = detail::furnish(
        observed, [&] { return std::make_unique<detail::activation_site<Observer>>(!form.full_range); });
    if constexpr (!dynamic) {
      engine.reset();  // while samples and observers run, which are a user's code
      auto const count = calibrate(observed, sites, record, std::forward<Held>(held));
      // what is wrong with a range is thrown here, not inside LibTorch
      detail::translated<quantization_error>(errc::quantization_failed, "a range can't be computed", {}, [&] {
        for (auto const& site : sites) site->settle();
      });
      engine.emplace(Engine::id);
      entry.details.emplace_back("observer", Observer::name);
      entry.details.emplace_back("samples", std::to_string(count));
    }
    auto reference = detail::translated<quantization_error>(
        errc::quantization_failed, "LibTorch can't quantize this model", {},
        [&] { return torch::jit::InsertQuantDeQuant(observed, "forward", false, false, type); });
    if (!wanted.empty()) detail::show_hidden(reference);
    if (dynamic) detail::set_dynamic_range(reference, !form.full_range);
    auto const graph = detail::settled_graph(reference);
    if (auto const places = detail::unreached_places(reference, *graph, detail::unreached); !places.empty())
      throw quantization_error(errc::never_observed,
                               "expected samples to reach every layer, but none reached '" + places.front() + "'" +
                                   (places.size() > 1 ? " and " + std::to_string(places.size() - 1) + " more" : ""),
                               "add samples that take this branch, or keep the layers of all branches in float32");
    entry.layers = detail::plan_of(reference, *graph, dynamic, excluded, wanted);
    for (auto const& each : entry.layers)
      if (each.precision == "int8" && wanted.in_float(each.name))
        throw quantization_error(errc::not_quantizable,
                                 "expected code of its own for '" + each.name + "', got a function that others call",
                                 "export it as a module: torch.nn.Linear, torch.nn.Conv2d");
    describe(module, entry);
    record.extras.reference = form;
    return reference;
  }

  /// Seven bits or eight, and for which CPU.
  reference_form chosen_form(torch::jit::QuantType type, stage_report& entry) const {
    auto const saturates = [&] {
      return options.target ? detail::saturates(Engine::id, *options.target) : detail::saturates_here(Engine::id);
    };
    bool const full = !(options.reduce_range ? *options.reduce_range : saturates());
    auto target = options.target ? std::string(to_text(*options.target)) : detail::this_isa();
    entry.details.emplace_back("range", full ? "full" : "reduced");
    entry.details.emplace_back("target", target);
    if (full && saturates()) {
      entry.findings.push_back(detail::int8_saturates(Engine::name, target));
      detail::notice(entry.findings.back());
    }
    return {Engine::id, type, full, std::move(target)};
  }

  /// Run the samples through the observed model. On a copy: what the model keeps from call to call must not come from them.
  template <class Held>
  std::size_t calibrate(torch::jit::Module const& observed, std::vector<std::unique_ptr<detail::site>> const& sites,
                        record<TorchScript>& record, Held&& held) const {
    auto running = detail::with_checked_lstm(detail::copy_of_data(observed));
    auto const size = held.size();
    detail::progress const show(options.progress ? "quantize" : "");
    std::size_t count = 0;
    std::forward<Held>(held).for_each([&](auto&& each) {
      auto const inputs = to_example(std::forward<decltype(each)>(each));
      // copies: the model may write into what it is given, and the range may fill one buffer again and again
      if (record.examples.size() < record.max_examples) record.add_example(detail::copy_of(inputs));
      for (auto const& site : sites) site->begin_sample();
      detail::translated<quantization_error>(errc::calibration_raised,
                                             "the model raised on sample " + std::to_string(count), {},
                                             [&] { running.forward(detail::copy_of(inputs)); });
      detail::refuse_not_finite(observed, sites, count);
      ++count;
      if (options.progress) show(count, size.value_or(0));
    });
    if (count == 0)
      throw quantization_error(errc::no_samples, "expected at least one calibration sample, got an empty range",
                               "quantize<Int8>() without samples quantizes dynamically");
    auto& findings = record.report.current().findings;
    if (count == 1)
      findings.push_back({"few-samples", severity::note, "forward", "ranges are those of a single sample",
                          "give some hundred images of real data, in several samples"});
    for (auto& each : detail::range_jumps(detail::activations_of(observed, sites))) {
      detail::notice(each);
      findings.push_back(std::move(each));
    }
    return count;
  }

  static void describe(torch::jit::Module const& before, stage_report& entry) {
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

  auto operator()(quantize_options options = {}) const {
    static_assert((0 + ... + observer<Choices>) == 0, "quantize<Int8, ...>() without samples has nothing to observe");
    return quantize_t<Precision, chosen_observer, chosen_engine, no_samples>{{}, {}, std::move(options)};
  }
  template <sample_range R>
  constexpr auto operator()(R&& samples, quantize_options options = {}) const {
    return quantize_t<Precision, chosen_observer, chosen_engine, held_range<R>>{
        {}, held_range<R>(std::forward<R>(samples)), std::move(options)};
  }
  /// One sample, of as many images as it has rows.
  auto operator()(at::Tensor const& sample, quantize_options options = {}) const {
    return (*this)(std::vector{sample}, std::move(options));
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
/// Activations have 8 bits where the engine's kernels do not saturate on the target, else 7. With torch's range
/// (`{.reduce_range = true}` for X86 and Fbgemm) and one of its observers the result is bit-equal to
/// torch.ao.quantization's `quantize_jit` (`quantize_dynamic_jit`). Single layers stay in float32, or get another scheme of
/// weights, by `.overrides`.
///
/// The result stays in reference form, so it can still be pruned, and is lowered where it leaves. The report lists every
/// layer: int8, or float and why. A lvalue container of samples is borrowed, a rvalue owned, a view copied.
///
/// Needs: evaluating. Forbids: quantized, frozen, optimized. Adds: quantized.
/// Throws: quantization_error 401-408, 410 (409 where it leaves).
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt") |
///                  td::quantize<td::Int8>(images, {.overrides = {{"fc", td::float32}}, .target = td::isa::avx2});
template <class Precision, class... Choices>
inline constexpr detail::quantize_maker<Precision, Choices...> quantize{};

}  // namespace torchdeploy::inline v0
