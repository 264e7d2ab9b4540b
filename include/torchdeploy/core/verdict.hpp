#pragma once

#include <concepts>
#include <type_traits>

#include <torchdeploy/core/artifact.hpp>
#include <torchdeploy/core/stage.hpp>

namespace torchdeploy::inline v0 {

/// What `left | right` comes to: `accepted`, or a reason. A reason is a type whose name is the sentence a compiler prints.
struct accepted;
template <class Wanted, class Got, class... Advice>
struct this_stage_takes_the_format;
template <class Stage>
struct which_is_made_by;
template <class Fact>
struct the_artifact_must_first_be;
template <class Fact>
struct too_late_the_artifact_is_already;
struct move_the_artifact_in_or_pipe_a_clone;
struct call_the_stage_maker_with_parentheses;
template <class Got>
struct only_a_stage_may_follow_not;
template <class Got>
struct a_pipeline_starts_with_load_or_evaluate_not_with;
struct load_starts_a_pipeline_and_cannot_follow;
struct nothing_pipes_after_deploy;
struct a_recipe_may_run_again_so_its_samples_must_be_a_forward_range;

namespace detail {

struct not_ours;  // neither side is of this library: no opinion

template <class A, class B>
using either = std::conditional_t<std::same_as<A, accepted>, B, A>;

/// `Why<F>` for the first F of the list whose presence in Have equals Bad.
template <template <class> class Why, bool Bad, class Have, class List>
struct first : std::type_identity<accepted> {};
template <template <class> class Why, bool Bad, class Have, class Fact, class... Rest>
struct first<Why, Bad, Have, facts<Fact, Rest...>>
    : std::conditional_t<contains<Fact, Have> == Bad, std::type_identity<Why<Fact>>,
                         first<Why, Bad, Have, facts<Rest...>>> {};

template <class Wanted, class Got>
inline constexpr bool takes = std::same_as<Wanted, Got> || std::same_as<Wanted, any_format>;
template <class... Wanted, class Got>
inline constexpr bool takes<one_of<Wanted...>, Got> = (std::same_as<Wanted, Got> || ...);

// A recipe's first stage may leave the format open; it is judged again, exactly, when the recipe meets an artifact.
template <class Format>
inline constexpr bool open_format = std::same_as<Format, any_format>;
template <class... Formats>
inline constexpr bool open_format<one_of<Formats...>> = true;

// A format may name the stage that makes it: `using made_by = to_mobile_t;`
template <class Wanted, class Got>
struct wrong_format : std::type_identity<this_stage_takes_the_format<Wanted, Got>> {};
template <class Wanted, class Got>
  requires requires { typename Wanted::made_by; }
struct wrong_format<Wanted, Got>
    : std::type_identity<this_stage_takes_the_format<Wanted, Got, which_is_made_by<typename Wanted::made_by>>> {};

template <class Wanted, class Got>
struct format_verdict : std::conditional_t<takes<Wanted, Got> || open_format<Got>, std::type_identity<accepted>,
                                           wrong_format<Wanted, Got>> {};
template <class Wanted>
struct format_verdict<Wanted, a_session> : std::type_identity<nothing_pipes_after_deploy> {};
template <class Got>
struct format_verdict<source, Got> : std::type_identity<load_starts_a_pipeline_and_cannot_follow> {};
template <>
struct format_verdict<source, source> : std::type_identity<accepted> {};
template <>
struct format_verdict<source, a_session> : std::type_identity<nothing_pipes_after_deploy> {};

/// What S makes of an artifact<Format, Facts>. `clash` ignores what is merely missing: a recipe's input may bring it.
template <class Format, class Facts, class S>
struct step {
  using format = std::conditional_t<std::same_as<typename S::produces, same>, Format, typename S::produces>;
  using facts = merge_t<minus_t<Facts, typename S::drops>, typename S::adds>;
  using missing = typename first<the_artifact_must_first_be, false, Facts, typename S::needs>::type;
  using clash = either<typename format_verdict<typename S::consumes, Format>::type,
                       typename first<too_late_the_artifact_is_already, true, Facts, typename S::forbids>::type>;
  using why = either<clash, missing>;
};
template <class Format, class Facts, class First, class Second>
struct step<Format, Facts, recipe<First, Second>> {
  using one = step<Format, Facts, First>;
  using two = step<typename one::format, typename one::facts, Second>;
  using format = typename two::format;
  using facts = typename two::facts;
  using clash = either<typename one::clash, typename two::clash>;
  using why = either<typename one::why, typename two::why>;
};

template <class First, class Second>
struct composed {
  using both = step<typename First::consumes, facts<>, recipe<First, Second>>;
  using why = either<
      std::conditional_t<First::repeatable && Second::repeatable, accepted,
                         a_recipe_may_run_again_so_its_samples_must_be_a_forward_range>,
      // after load everything is known, so what is missing can be said at once
      std::conditional_t<std::same_as<typename First::consumes, source>, typename both::why, typename both::clash>>;
};

template <class T>
inline constexpr bool is_session = false;  // backend/backend.hpp says which types are

template <class L, class R>
struct judge : std::type_identity<not_ours> {};
template <any_artifact L, class R>
struct judge<L, R> : std::type_identity<only_a_stage_may_follow_not<R>> {};
template <any_stage L, class R>
struct judge<L, R> : std::type_identity<only_a_stage_may_follow_not<R>> {};
template <class L, any_stage R>
struct judge<L, R>
    : std::type_identity<std::conditional_t<is_session<std::remove_cvref_t<L>>, nothing_pipes_after_deploy,
                                            a_pipeline_starts_with_load_or_evaluate_not_with<L>>> {};
template <class L, any_stage_maker R>
struct judge<L, R> : std::type_identity<call_the_stage_maker_with_parentheses> {};
template <any_stage_maker L, class R>
struct judge<L, R> : std::type_identity<call_the_stage_maker_with_parentheses> {};
template <any_stage_maker L, any_stage_maker R>
struct judge<L, R> : std::type_identity<call_the_stage_maker_with_parentheses> {};
template <any_stage_maker L, any_stage R>
struct judge<L, R> : std::type_identity<call_the_stage_maker_with_parentheses> {};
template <any_artifact L, any_stage_maker R>
struct judge<L, R> : std::type_identity<call_the_stage_maker_with_parentheses> {};
template <any_stage L, any_stage_maker R>
struct judge<L, R> : std::type_identity<call_the_stage_maker_with_parentheses> {};
template <any_artifact L, any_stage R>
struct judge<L, R> : std::type_identity<move_the_artifact_in_or_pipe_a_clone> {};
template <class Format, class Facts, any_stage R>
struct judge<artifact<Format, Facts>, R> : std::type_identity<typename step<Format, Facts, R>::why> {};
template <any_stage L, any_stage R>
struct judge<L, R> : std::type_identity<typename composed<std::remove_cvref_t<L>, R>::why> {};

}  // namespace detail

/// Computed once per expression. An artifact keeps its value category: an lvalue is a verdict too.
template <class L, class R>
using verdict = typename detail::judge<std::conditional_t<any_artifact<L>, L, std::remove_cvref_t<L>>,
                                       std::remove_cvref_t<R>>::type;

/// The one concept that `operator|` asks: may stage S follow L (an artifact or a stage)?
template <class S, class L>
concept follows = any_stage<S> && std::same_as<verdict<L, S>, accepted>;

/// The artifact that stage S makes of artifact A.
template <any_artifact A, any_stage S>
using after = artifact<typename detail::step<typename std::remove_cvref_t<A>::format,
                                             typename std::remove_cvref_t<A>::known, std::remove_cvref_t<S>>::format,
                       typename detail::step<typename std::remove_cvref_t<A>::format,
                                             typename std::remove_cvref_t<A>::known, std::remove_cvref_t<S>>::facts>;

}  // namespace torchdeploy::inline v0
