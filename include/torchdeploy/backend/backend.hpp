#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/backend/session_pool.hpp>
#include <torchdeploy/backend/warmup.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/core/pipe.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

template <class Formats>
struct first_format : std::type_identity<Formats> {};
template <class Format, class... Others>
struct first_format<one_of<Format, Others...>> : std::type_identity<Format> {};

template <class B, class Format>
concept compiles = requires(typename Format::handle handle, typename artifact<Format>::record_type& record,
                            typename B::options const& options) { B::compile(std::move(handle), record, options); };
template <class B, class Format>
inline constexpr bool compiles_each = compiles<B, Format>;
template <class B, class... Formats>
inline constexpr bool compiles_each<B, one_of<Formats...>> = (compiles<B, Formats> && ...);

}  // namespace detail

/// A runtime, chosen at compile time: a tag with
///
///     using consumes = Format;                         // what it runs: a format, or one_of<...>
///     static constexpr bool available = true;          // is it in this build?
///     struct options {};                               // what deploy may be told
///     static auto compile(Format::handle, record<Format>&, options const&);  // a callable, of one type for all
///
/// One that is not available needs no `compile`, and its formats may be incomplete. Nothing to specialise and nothing to
/// register: tests/extend/ writes one from outside.
template <class B>
concept backend = requires {
  typename B::consumes;
  typename B::options;
  { B::available } -> std::convertible_to<bool>;
} && (!B::available || detail::compiles_each<B, typename B::consumes>);

namespace detail {

template <backend B>
using home_format = typename first_format<typename B::consumes>::type;

template <backend B>
using compiled_by = decltype(B::compile(std::declval<typename home_format<B>::handle>(),
                                        std::declval<typename artifact<home_format<B>>::record_type&>(),
                                        std::declval<typename B::options const&>()));

/// What a session keeps of a record, whichever of its formats the model had.
template <class Record>
struct trail {
  using example = nothing;
};
template <class Format>
struct trail<record<Format>> {
  using example = typename record<Format>::example;
  std::vector<example> examples{};
  torchdeploy::report report{};

  trail() = default;
  template <class Other>
  trail(record<Other>&& of) : examples(std::move(of.examples)), report(std::move(of.report)) {}
};

/// More sessions of the same model, where a backend says what its models remember.
template <class Compiled>
concept multiplies = requires(Compiled const& compiled) {
  compiled.state().empty();
  { compiled.fork() } -> std::same_as<Compiled>;
};

}  // namespace detail

/// The end of a pipeline: what the backend compiled (it is one, so its `operator()` and all else it offers are here),
/// with the report of how the model got there. No virtual call, no registry.
template <backend B>
class session : public detail::compiled_by<B> {
  using compiled = detail::compiled_by<B>;
  using trail = detail::trail<typename artifact<detail::home_format<B>>::record_type>;
  static constexpr bool tells = requires(trail const& all) { all.report; };

 public:
  explicit session(compiled made, trail kept = {}) : compiled(std::move(made)), trail_(std::move(kept)) {}

  [[nodiscard]] torchdeploy::report const& report() const
    requires tells
  {
    return trail_.report;
  }
  [[nodiscard]] auto const& examples() const
    requires tells
  {
    return trail_.examples;
  }

  /// A second session of the same compiled model, for another thread.
  /// @throws backend_error 613: the model remembers its calls, so that two threads would disturb each other
  [[nodiscard]] session share() const
    requires detail::multiplies<compiled>
  {
    if (auto const remembered = this->state(); !remembered.empty())
      throw backend_error(errc::model_keeps_state,
                          "expected a model without state to share, got one that writes '" + remembered.front() + "'");
    return *this;
  }

  /// So many sessions of the same compiled model, each with a state of its own, lent out one at a time: for models that
  /// remember their calls.
  /// @throws backend_error 607 (less than one)
  ///
  /// @par Example
  ///     auto const streams = session.pool(4);
  ///     auto const stream = streams.acquire();
  [[nodiscard]] session_pool<session> pool(int count) const
    requires detail::multiplies<compiled>
  {
    if (count < 1)
      throw backend_error(errc::setting_out_of_range,
                          "expected at least one session in a pool, got " + std::to_string(count));
    std::vector<session> sessions;
    for (int i = 0; i < count; ++i) sessions.emplace_back(this->fork(), trail_);
    return session_pool<session>(std::move(sessions));
  }

  /// Call it so many times with each shape among the samples, else among the artifact's examples: the first calls
  /// compile, for the shapes that they see. What the model remembers from call to call stays as it is, where the backend
  /// can copy that (LibTorch). Returns, for each shape, what the first call took and what a later one takes.
  /// @throws backend_error 607 (less than one call), 606 (neither samples nor examples), and what a call throws
  ///
  /// @par Example
  ///     auto const session = std::move(model) | td::deploy<td::LibTorch>();
  ///     session.warmup(10, {.samples = images});
  auto warmup(int calls, warmup_options<typename trail::example> const& options = {}) const -> std::vector<warmed_shape>
    requires tells
  {
    if (calls < 1)
      throw backend_error(errc::setting_out_of_range,
                          "expected at least one call to warm up, got " + std::to_string(calls));
    std::vector<typename trail::example> const samples(options.samples.begin(), options.samples.end());
    auto const& chosen = samples.empty() ? trail_.examples : samples;
    if (chosen.empty())
      throw backend_error(errc::nothing_to_warm_up_with, "expected samples or examples to warm up with, got none",
                          "warmup(n, {.samples = images}), or load<...>(path, {.examples = images})");
    return detail::warm<compiled>(*this, calls, chosen);
  }

 private:
  [[no_unique_address]] trail trail_;
};

namespace detail {

template <backend B>
inline constexpr bool is_session<session<B>> = true;

template <class... Bs>
struct candidates {};

template <class Format, class... Bs>
struct pick;
template <class Format, class B, class... Bs>
struct pick<Format, B, Bs...> : std::conditional_t<B::available && takes<typename B::consumes, Format>,
                                                   std::type_identity<B>, pick<Format, Bs...>> {};

template <class Formats, class More>
struct joined_formats : std::type_identity<one_of<Formats, More>> {};
template <class... Formats, class More>
struct joined_formats<one_of<Formats...>, More> : std::type_identity<one_of<Formats..., More>> {};
template <class... Formats, class... More>
struct joined_formats<one_of<Formats...>, one_of<More...>> : std::type_identity<one_of<Formats..., More...>> {};

// What a build can run, of what the candidates take.
template <class Formats, class... Bs>
struct taken : std::type_identity<Formats> {};
template <class Formats, class B, class... Bs>
struct taken<Formats, B, Bs...>
    : taken<typename std::conditional_t<B::available, joined_formats<Formats, typename B::consumes>,
                                        std::type_identity<Formats>>::type,
            Bs...> {};

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

template <class Backend, class... Advice>
struct this_build_has_no;
template <class Backend>
struct turn_on_the_cmake_component;

namespace detail {

/// Is it here? Backends of this library are CMake components of the same name, or say what there is instead.
template <class B>
struct presence : std::type_identity<this_build_has_no<B>> {};
template <class B>
  requires available<B>
struct presence<B> : std::type_identity<accepted> {};
template <class B>
  requires(!available<B> && requires { typename B::instead; })
struct presence<B> : std::type_identity<this_build_has_no<B, typename B::instead>> {};
template <class B>
  requires(!available<B> && requires { requires B::is_component; })
struct presence<B> : std::type_identity<this_build_has_no<B, turn_on_the_cmake_component<B>>> {};

template <class B>
struct deploy_maker : stage_maker {
  constexpr auto operator()(typename chosen<B>::options options = {}) const
    requires std::same_as<typename presence<B>::type, accepted>
  {
    return deploy_t<B>{{}, std::move(options)};
  }
#ifndef __clang__  // see recipe
  template <class PIPELINE_ERROR = typename presence<B>::type>
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
