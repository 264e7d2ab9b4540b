#pragma once

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <istream>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/format/torchscript.hpp>

namespace torchdeploy::inline v0 {

/// What a model can be read from: a path, an istream, or bytes (a contiguous range of char or std::byte). A string is a
/// path, whatever is in it: bytes in a std::string are given as std::span(text).
template <class S>
concept model_source = std::derived_from<std::remove_cvref_t<S>, std::istream> ||
                       std::convertible_to<S, std::filesystem::path> || requires(S&& s) {
                         std::as_bytes(std::span(s));
                         requires sizeof(*std::data(s)) == 1;
                       };

/// `load<F>()`: the beginning of a recipe. Made by `load`.
template <class Format>
struct load_t : stage<load_t<Format>> {
  using consumes = source;
  using produces = Format;
  using adds = typename Format::facts_on_load;
  static constexpr std::string_view name = "load";

  load_options options{};

  template <model_source Source>
  auto open(Source&& from) const {
    record<Format> record;
    auto handle = [&] {
      auto const clock = record.report.start(name);
      if constexpr (std::derived_from<std::remove_cvref_t<Source>, std::istream>)
        return Format::read(static_cast<std::istream&>(from), record, options);
      else if constexpr (std::convertible_to<Source, std::filesystem::path>)
        return Format::read(std::filesystem::path(std::forward<Source>(from)), record, options);
      else
        return Format::read(std::as_bytes(std::span(from)), record, options);
    }();
    return artifact<Format, typename Format::facts_on_load>(std::move(handle), std::move(record));
  }
  template <model_source Source>
  auto operator()(Source&& from) const {
    return open(std::forward<Source>(from));
  }
};

namespace detail {
template <class Format>
struct load_maker : stage_maker {
  auto operator()() const { return load_t<Format>{}; }
  auto operator()(load_options options) const { return load_t<Format>{{}, std::move(options)}; }
  template <model_source Source>
  auto operator()(Source&& from, load_options options = {}) const {
    return load_t<Format>{{}, std::move(options)}.open(std::forward<Source>(from));
  }
};
struct evaluate_maker : stage_maker {
  auto operator()(torch::jit::Module const& module, evaluate_options options = {}) const {
    return TorchScript::adopt(module, options);
  }
};
}  // namespace detail

/// Load a model, now (`load<TorchScript>(path | istream | bytes, {options})`), or later, as the first stage of a recipe
/// (`load<TorchScript>()`).
///
/// The model is put into evaluation mode. What is suspicious about it becomes a finding in the report and a line on
/// standard error: saved in train mode (repaired), or traced in train mode (`eval()` can't repair that).
///
/// Adds: evaluating. Throws: load_error 101, 102, 103, 106, 107, 108, 109 (ONNX, OpenVINO); format_error 104, 105;
/// quantization_error 404 (a file of int8 layers whose engine this LibTorch has not).
///
/// @par Example
///     auto model = td::load<td::TorchScript>("digits_cnn.pt", {.examples = images});
template <class Format>
inline constexpr detail::load_maker<Format> load{};

/// The same for a module that code made: `evaluate(module, {.examples})`. The caller's module stays as it is.
inline constexpr detail::evaluate_maker evaluate{};

}  // namespace torchdeploy::inline v0
