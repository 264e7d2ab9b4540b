#pragma once

#include <type_traits>
#include <utility>

#include <torchdeploy/core/recipe.hpp>
#include <torchdeploy/core/verdict.hpp>

namespace torchdeploy::inline v0 {

namespace detail {

/// The record of the next artifact; a format without a record starts or ends one.
template <class To, class From>
constexpr To carried_over(From&& from) {
  if constexpr (std::is_constructible_v<To, From>)
    return To(std::forward<From>(from));
  else
    return To{};
}

/// Run one stage, timed in the report where the format keeps one.
template <class A, class S>
constexpr auto advance(A&& a, S&& s) {
  if constexpr (requires { std::forward<S>(s).apply(std::move(a)); }) {
    return std::forward<S>(s).apply(std::move(a));
  } else {
    using next = after<A, S>;
    auto record = std::move(a).record();
    auto const run = [&] {
      if constexpr (requires { std::forward<S>(s).run(std::move(a).handle(), record); })
        return std::forward<S>(s).run(std::move(a).handle(), record);
      else
        return std::forward<S>(s).run(std::move(a).handle());
    };
    auto handle = timed(record, stage_name<S>(), run);
    return next(std::move(handle), carried_over<typename next::record_type>(std::move(record)));
  }
}

}  // namespace detail

/// `artifact | stage` runs now and gives the next artifact (or a session).
template <any_artifact A, any_stage S>
  requires follows<S, A>
constexpr auto operator|(A&& a, S&& s) {
  return detail::advance(std::forward<A>(a), std::forward<S>(s));
}

/// `stage | stage` is a recipe: a value, judged here and run later.
template <any_stage First, any_stage Second>
  requires follows<Second, First>
constexpr auto operator|(First&& first, Second&& second) {
  return recipe<std::remove_cvref_t<First>, std::remove_cvref_t<Second>>{
      {}, std::forward<First>(first), std::forward<Second>(second)};
}

// +---------------------------------------------------------------------------------------------------------------+
// | A compiler that stops here tells you that your pipeline has its stages in an order that can't work.           |
// | PIPELINE_ERROR, in its message, says why.                                                                     |
// +---------------------------------------------------------------------------------------------------------------+
template <class L, class R, class PIPELINE_ERROR = verdict<L, R>>
  requires(!std::same_as<PIPELINE_ERROR, accepted> && !std::same_as<PIPELINE_ERROR, detail::not_ours>)
void operator|(L&&, R&&) = delete;

}  // namespace torchdeploy::inline v0
