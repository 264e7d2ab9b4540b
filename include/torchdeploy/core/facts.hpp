#pragma once

#include <concepts>
#include <type_traits>

#include <torchdeploy/fwd.hpp>

namespace torchdeploy::inline v0 {

/// What the compiler knows of a model: a type list used as a set. Facts are permissions, not truth: the truth is in the
/// graph and the report, and every stage looks at the graph it is given.
///
/// A user's own fact is any empty struct: `struct signed_off {};` and `using adds = td::facts<signed_off>;`.
template <class... Facts>
struct facts {};

struct evaluating {};  ///< in evaluation mode: dropout and batch norm behave as in production
struct pruned {};  ///< some weights were set to zero or removed
struct quantized {};  ///< went through quantize<...>; the report says which layers are int8
struct frozen {};  ///< parameters are constants of the graph: prune and quantize can't reach them any more
struct optimized {};  ///< rewritten for this machine: it runs here, and can't be saved
struct verified {};  ///< compared with its reference since the last change

/// Is `Fact` in the set?
template <class Fact, class Set>
inline constexpr bool contains = false;
template <class Fact, class... Facts>
inline constexpr bool contains<Fact, facts<Facts...>> = (std::same_as<Fact, Facts> || ...);

namespace detail {

template <class Have, class More>
struct merge : std::type_identity<Have> {};
template <class... Have, class Fact, class... Rest>
struct merge<facts<Have...>, facts<Fact, Rest...>>
    : merge<std::conditional_t<contains<Fact, facts<Have...>>, facts<Have...>, facts<Have..., Fact>>, facts<Rest...>> {
};

template <class Have, class Out, class Kept = facts<>>
struct minus : std::type_identity<Kept> {};
template <class Fact, class... Rest, class Out, class... Kept>
struct minus<facts<Fact, Rest...>, Out, facts<Kept...>>
    : minus<facts<Rest...>, Out, std::conditional_t<contains<Fact, Out>, facts<Kept...>, facts<Kept..., Fact>>> {};

}  // namespace detail

/// Union, in order of first appearance.
template <class Have, class More>
using merge_t = typename detail::merge<Have, More>::type;

/// `Have` without what is in `Out`.
template <class Have, class Out>
using minus_t = typename detail::minus<Have, Out>::type;

/// The same facts, in whatever order.
template <class A, class B>
concept same_facts = std::same_as<minus_t<A, B>, facts<>> && std::same_as<minus_t<B, A>, facts<>>;

}  // namespace torchdeploy::inline v0
