#pragma once

#include <type_traits>
#include <utility>

#include <torchdeploy/core/facts.hpp>

namespace torchdeploy::inline v0 {

struct any_format {};  ///< `consumes`: whatever comes
template <class... Formats>
struct one_of {};      ///< `consumes`: any of these
struct same {};        ///< `produces`: what it was given
struct source {};      ///< `consumes`: no model yet, but a path, a stream or bytes: a pipeline starts here
struct a_session {};   ///< `produces`: the end of a pipeline, a callable; nothing pipes after it

/// One step of a pipeline. Derive from it, declare what differs from the defaults below, and write one of
///
///     auto run(handle h) const;                    // the next handle
///     auto run(handle h, td::record<F>& r) const;  // the same, with the examples and the report at hand
///     auto apply(artifact&& a) const;              // the whole artifact: what recipes and deploy do
///
/// The base is a template so that every stage has a base of its own and a recipe of empty stages is empty.
///
/// @par Example
/// tests/extend/ holds a stage and a backend written in another namespace.
template <class Derived>
struct stage {
  using consumes = TorchScript;
  using produces = same;
  using needs = facts<>;
  using forbids = facts<>;
  using adds = facts<>;
  using drops = facts<verified>;            ///< a stage changes the model unless it says otherwise
  static constexpr bool repeatable = true;  ///< false: it owns something that can be read only once
};

/// Base of the function objects that make stages (`freeze`, `prune<L1>`, ...), so that `artifact | freeze`, with the
/// parentheses forgotten, can be told apart from a foreign right-hand side.
struct stage_maker {};

namespace detail {
/// Makes a stage that takes nothing but options: `freeze({.preserve = {"encode"}})`.
template <class Stage>
struct option_maker : stage_maker {
  constexpr Stage operator()(decltype(Stage::options) options = {}) const { return {{}, std::move(options)}; }
};

// `|` asks these of foreign types too, which may be only declared: a conversion of pointers is no error then,
// std::derived_from is.
template <class Derived>
void as_stage(stage<Derived> const*);
void as_stage_maker(stage_maker const*);
}  // namespace detail

/// A stage with its arguments: `freeze()`.
template <class T>
concept any_stage = requires(std::remove_cvref_t<T>* p) { detail::as_stage<std::remove_cvref_t<T>>(p); };

/// The name of a stage, without its parentheses: `freeze`.
template <class T>
concept any_stage_maker = requires(std::remove_cvref_t<T>* p) { detail::as_stage_maker(p); };

}  // namespace torchdeploy::inline v0
