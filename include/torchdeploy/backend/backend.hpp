#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/backend/warmup.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/core/pipe.hpp>

namespace torchdeploy::inline v0 {

/// A runtime, chosen at compile time: a tag with
///
///     using consumes = Format;                         // what it runs
///     static constexpr bool available = true;          // is it in this build?
///     struct options {};                               // what deploy may be told
///     static auto compile(Format::handle, record<Format> const&, options const&);  // a callable
///
/// Nothing to specialise and nothing to register: tests/extend/ writes one from outside.
template <class B>
concept backend =
    requires(typename B::consumes::handle handle, typename artifact<typename B::consumes>::record_type const& record,
             typename B::options const& options) {
      { B::available } -> std::convertible_to<bool>;
      B::compile(std::move(handle), record, options);
    };

namespace detail {
template <backend B>
using compiled_by = decltype(B::compile(std::declval<typename B::consumes::handle>(),
                                        std::declval<typename artifact<typename B::consumes>::record_type const&>(),
                                        std::declval<typename B::options const&>()));
}  // namespace detail

/// The end of a pipeline: what the backend compiled (it is one, so its `operator()` and all else it offers are here),
/// with the report of how the model got there. No virtual call, no registry.
template <backend B>
class session : public detail::compiled_by<B> {
  using record_type = typename artifact<typename B::consumes>::record_type;
  using example_type = typename torchdeploy::record<typename B::consumes>::example;

 public:
  explicit session(detail::compiled_by<B> compiled, record_type record = {})
      : detail::compiled_by<B>(std::move(compiled)), record_(std::move(record)) {}

  [[nodiscard]] torchdeploy::report const& report() const
    requires requires(record_type const& r) { r.report; }
  {
    return record_.report;
  }

  /// Call it so many times with each shape among the samples, else among the artifact's examples: the first calls
  /// compile, for the shapes that they see. What the model remembers from call to call stays as it is, where the backend
  /// can copy that (LibTorch). Returns, for each shape, what the first call took and what a later one takes.
  /// @throws backend_error 607 (less than one call), 606 (neither samples nor examples), and what a call throws
  ///
  /// @par Example
  ///     auto const session = std::move(model) | td::deploy<td::LibTorch>();
  ///     session.warmup(10, {.samples = images});
  std::vector<warmed_shape> warmup(int calls, warmup_options<example_type> const& options = {}) const
    requires requires(record_type const& r) { r.examples; }
  {
    if (calls < 1)
      throw backend_error(errc::setting_out_of_range,
                          "expected at least one call to warm up, got " + std::to_string(calls));
    std::vector<example_type> const samples(options.samples.begin(), options.samples.end());
    auto const& chosen = samples.empty() ? record_.examples : samples;
    if (chosen.empty())
      throw backend_error(errc::nothing_to_warm_up_with, "expected samples or examples to warm up with, got none",
                          "warmup(n, {.samples = images}), or load<TorchScript>(path, {.examples = images})");
    return detail::warm<detail::compiled_by<B>>(*this, calls, chosen);
  }

 private:
  [[no_unique_address]] record_type record_;
};

namespace detail {

template <backend B>
inline constexpr bool is_session<session<B>> = true;

template <class... Bs>
struct candidates {};

template <class Format, class... Bs>
struct pick;
template <class Format, class B, class... Bs>
struct pick<Format, B, Bs...> : std::conditional_t<B::available && std::is_same_v<typename B::consumes, Format>,
                                                   std::type_identity<B>, pick<Format, Bs...>> {};

// What a build can run, of what the candidates take.
template <class Formats, class... Bs>
struct taken : std::type_identity<Formats> {};
template <class... Formats, class B, class... Bs>
struct taken<one_of<Formats...>, B, Bs...>
    : taken<std::conditional_t<B::available, one_of<Formats..., typename B::consumes>, one_of<Formats...>>, Bs...> {};

template <class B>
struct chosen {
  using consumes = typename B::consumes;
  using options = typename B::options;
  static constexpr bool available = B::available;
  template <class Format>
  using for_format = B;
};
template <class... Bs>
struct chosen<candidates<Bs...>> {
  using consumes = typename taken<one_of<>, Bs...>::type;
  struct options {};
  static constexpr bool available = (Bs::available || ...);
  template <class Format>
  using for_format = typename pick<Format, Bs...>::type;
};

}  // namespace detail

/// The first of these backends that this build has and that takes the artifact's format: `deploy<first_available<...>>()`.
template <backend... Bs>
using first_available = detail::candidates<Bs...>;

/// Is this backend (or one of a `first_available`) in this build?
template <class B>
concept available = detail::chosen<B>::available;

/// Made by `deploy<Backend>`.
template <class B>
struct deploy_t : stage<deploy_t<B>> {
  using choice = detail::chosen<B>;
  using consumes = typename choice::consumes;
  using produces = a_session;
  static constexpr std::string_view name = "deploy";

  typename choice::options options{};

  template <any_artifact A>
  auto apply(A&& artifact) const {
    using picked = typename choice::template for_format<typename A::format>;
    auto record = std::move(artifact).record();
    auto const compile = [&] {
      if constexpr (std::is_same_v<picked, B>)
        return B::compile(std::move(artifact).handle(), record, options);
      else
        return picked::compile(std::move(artifact).handle(), record, typename picked::options{});
    };
    auto compiled = detail::timed(record, name, compile);
    return session<picked>(std::move(compiled), std::move(record));
  }
};

template <class Backend>
struct this_build_has_no;

namespace detail {
template <class B>
struct deploy_maker : stage_maker {
  constexpr auto operator()(typename chosen<B>::options options = {}) const
    requires available<B>
  {
    return deploy_t<B>{{}, std::move(options)};
  }
#ifndef __clang__  // see recipe
  template <class PIPELINE_ERROR = this_build_has_no<B>>
    requires(!available<B>)
  void operator()(typename chosen<B>::options = {}) const = delete;
#endif
};
}  // namespace detail

/// End a pipeline: compile the artifact for a runtime and get a callable session. Nothing pipes after it.
///
/// Consumes what the backend consumes; `deploy` never converts in silence. A backend that this build has not does not
/// compile (`available<B>`).
///
/// @par Example
///     auto session = td::load<td::TorchScript>("model.pt") | td::freeze() | td::deploy<td::LibTorch>();
///     at::Tensor logits = session(image);
template <class B>
inline constexpr detail::deploy_maker<B> deploy{};

}  // namespace torchdeploy::inline v0
