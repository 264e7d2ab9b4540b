#pragma once

#include <cstddef>
#include <filesystem>
#include <istream>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/format/torchscript.hpp>

namespace torchdeploy::inline v0 {

/// `load<F>()`: the beginning of a recipe. Made by `load`.
template <class Format>
struct load_t : stage<load_t<Format>> {
  using consumes = source;
  using produces = Format;
  using adds = typename Format::facts_on_load;
  static constexpr std::string_view name = "load";

  load_options options{};

  /// Open a path, an istream or bytes (any contiguous range of std::byte or char that is not a string).
  template <class Source>
  auto open(Source&& from) const {
    record<Format> record;
    auto handle = [&] {
      auto const clock = record.report.start(name);
      if constexpr (std::is_base_of_v<std::istream, std::remove_cvref_t<Source>>)
        return Format::read(static_cast<std::istream&>(from), record, options);
      else if constexpr (std::is_convertible_v<Source, std::filesystem::path>)
        return Format::read(std::filesystem::path(std::forward<Source>(from)), record, options);
      else
        return Format::read(std::as_bytes(std::span(from)), record, options);
    }();
    return artifact<Format, typename Format::facts_on_load>(std::move(handle), std::move(record));
  }
  template <class Source>
  auto operator()(Source&& from) const {
    return open(std::forward<Source>(from));
  }
};

namespace detail {
template <class Format>
struct load_maker : stage_maker {
  auto operator()() const { return load_t<Format>{}; }
  auto operator()(load_options options) const { return load_t<Format>{{}, std::move(options)}; }
  template <class Source>
    requires(!std::same_as<std::remove_cvref_t<Source>, load_options>)
  auto operator()(Source&& from, load_options options = {}) const {
    return load_t<Format>{{}, std::move(options)}.open(std::forward<Source>(from));
  }
};
struct evaluate_maker : stage_maker {
  auto operator()(torch::jit::Module const& module, load_options options = {}) const {
    return TorchScript::adopt(module, std::move(options));
  }
};
}  // namespace detail

/// Load a model, now (`load<TorchScript>(path | istream | bytes, {options})`), or later, as the first stage of a recipe
/// (`load<TorchScript>()`).
///
/// The model is put into evaluation mode. What is suspicious about it becomes a finding in the report and a line on
/// standard error: saved in train mode (repaired), or traced in train mode (`eval()` can't repair that).
///
/// Adds: evaluating. Throws: load_error 101, 102, 103, 106, 107, 108; format_error 104, 105.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("digits_cnn.pt", {.examples = images});
template <class Format>
inline constexpr detail::load_maker<Format> load{};

/// The same for a module that code made: `evaluate(module)`. The caller's module stays as it is.
inline constexpr detail::evaluate_maker evaluate{};

}  // namespace torchdeploy::inline v0
