#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <torchdeploy/core/verdict.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

template <class S>
struct head : std::type_identity<S> {};
template <class First, class Second>
struct head<recipe<First, Second>> : head<First> {};

/// `load` opens a path, a stream, bytes.
template <class S, class Input>
concept opens = !any_artifact<Input> && requires(S const& s, Input&& input) { s.open(std::forward<Input>(input)); };
/// A format adopts what its users hold already: a module.
template <class S, class Input>
concept adopts = !any_artifact<Input> && !opens<S, Input> &&
                 requires(Input&& input) { S::consumes::adopt(std::forward<Input>(input)); };

/// What `recipe(input)` comes to: `accepted`, or a reason.
template <class S, class Input>
struct call : std::type_identity<a_pipeline_starts_with_load_or_evaluate_not_with<std::remove_cvref_t<Input>>> {};
template <class S, any_artifact Input>
struct call<S, Input> : std::type_identity<verdict<Input, S>> {};
template <class S, class Input>
  requires opens<typename head<S>::type, Input>
struct call<S, Input> : std::type_identity<accepted> {};
template <class S, class Input>
  requires adopts<typename head<S>::type, Input>
struct call<S, Input>
    : std::type_identity<verdict<decltype(head<S>::type::consumes::adopt(std::declval<Input>())), S>> {};

/// The artifact that a pipeline beginning with stage S gets from what a user holds.
template <class S, class Input>
constexpr auto begin_with(S const& s, Input&& input) {
  if constexpr (opens<S, Input>)
    return s.open(std::forward<Input>(input));
  else if constexpr (adopts<S, Input>)
    return S::consumes::adopt(std::forward<Input>(input)) | s;
  else
    return std::forward<Input>(input) | s;
}
template <class First, class Second, class Input>
constexpr auto begin_with(recipe<First, Second> const& r, Input&& input) {
  return begin_with(r.first, std::forward<Input>(input)) | r.second;
}

}  // namespace detail

/// Stages composed into a value: reusable, `constexpr` when its stages are, empty when they are, itself a stage.
///
/// @par Example
///     auto const recipe = td::load<td::TorchScript>() | td::quantize<td::Int8>() | td::prune<td::L1>(0.3);
///     auto small = recipe("model.pt");
template <class First, class Second>
struct recipe : stage<recipe<First, Second>> {
  [[no_unique_address]] First first;
  [[no_unique_address]] Second second;

  using consumes = typename First::consumes;
  using produces = std::conditional_t<std::is_same_v<typename Second::produces, same>, typename First::produces,
                                      typename Second::produces>;
  static constexpr bool repeatable = First::repeatable && Second::repeatable;

  template <any_artifact A>
  constexpr auto apply(A&& a) const {
    return std::forward<A>(a) | first | second;
  }

  /// Run it: with an artifact, with a module (where the first stage takes TorchScript), or, when the recipe starts with
  /// `load`, with whatever `load` takes: a path, a stream, bytes.
  template <class Input>
    requires std::same_as<typename detail::call<recipe, Input>::type, accepted>
  constexpr auto operator()(Input&& input) const {
    return detail::begin_with(*this, std::forward<Input>(input));
  }
#ifndef __clang__  // clang reports a deleted call operator twice; without one it reports once, and the reason with it
  template <class Input, class PIPELINE_ERROR = typename detail::call<recipe, Input>::type>
    requires(!std::same_as<PIPELINE_ERROR, accepted>)
  void operator()(Input&&) const = delete;
#endif
};

}  // namespace torchdeploy::inline v0
