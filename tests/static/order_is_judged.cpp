// `follows`, `verdict` and `requires { a | s; }` say the same, and say it without an error.
#include <concepts>
#include <type_traits>

#include "../support/toy.hpp"

using toy::deploy_t, toy::flatten_t, toy::freeze_t, toy::load_t, toy::optimize_t, toy::prune_t, toy::quantize_t,
    toy::save_t, toy::ship_t, toy::verify_t;
using toy::Graph, toy::Flat, toy::graph, toy::loaded;

template <class L, class R>
concept pipes = requires(L&& l, R&& r) { std::forward<L>(l) | std::forward<R>(r); };

template <class L, class R>
using result = decltype(std::declval<L>() | std::declval<R>());

/// Both sides of the coin at once, so that neither can lie.
template <class L, class R, class Reason = td::accepted>
inline constexpr bool judged =
    std::same_as<td::verdict<L, R>, Reason> && td::follows<R, L> == std::same_as<Reason, td::accepted> &&
    pipes<L, R> == std::same_as<Reason, td::accepted>;

// --- an artifact and a stage ---------------------------------------------------------------------------------
static_assert(judged<loaded, freeze_t>);
static_assert(judged<loaded, freeze_t&>, "a stage may have a name");
static_assert(judged<loaded, freeze_t const&>);
static_assert(judged<loaded, freeze_t const>);
static_assert(judged<graph<td::frozen>, freeze_t, td::too_late_the_artifact_is_already<td::frozen>>);
static_assert(judged<graph<>, freeze_t, td::the_artifact_must_first_be<td::evaluating>>);
static_assert(judged<graph<>, prune_t>, "prune needs nothing");
static_assert(judged<loaded&, freeze_t, td::move_the_artifact_in_or_pipe_a_clone>);
static_assert(judged<loaded const&, freeze_t, td::move_the_artifact_in_or_pipe_a_clone>);
static_assert(judged<loaded const, freeze_t, td::move_the_artifact_in_or_pipe_a_clone>);
static_assert(judged<td::artifact<Flat>, freeze_t, td::this_stage_takes_the_format<Graph, Flat>>);
static_assert(judged<td::artifact<Flat>, save_t>, "save takes any format");
static_assert(judged<td::artifact<Flat, td::facts<td::evaluating>>, verify_t>, "verify takes one of several");
static_assert(judged<loaded, load_t, td::load_starts_a_pipeline_and_cannot_follow>);
static_assert(judged<toy::session, freeze_t, td::nothing_pipes_after_deploy>);
static_assert(judged<toy::session const&, freeze_t, td::nothing_pipes_after_deploy>);

// what comes in the way of a stage is told before what is missing: the first can't be repaired
struct picky : td::stage<picky> {
  using consumes = Graph;
  using needs = td::facts<td::evaluating, td::verified>;
  using forbids = td::facts<td::frozen, td::pruned>;
  toy::net run(toy::net n) const { return n; }
};
static_assert(judged<graph<td::pruned, td::frozen>, picky, td::too_late_the_artifact_is_already<td::frozen>>);
static_assert(judged<graph<td::pruned>, picky, td::too_late_the_artifact_is_already<td::pruned>>);
static_assert(judged<graph<td::verified>, picky, td::the_artifact_must_first_be<td::evaluating>>);
static_assert(judged<graph<td::evaluating>, picky, td::the_artifact_must_first_be<td::verified>>);
static_assert(judged<graph<td::verified, td::evaluating>, picky>);

// --- what comes out ------------------------------------------------------------------------------------------
static_assert(std::same_as<result<loaded, freeze_t>, graph<td::evaluating, td::frozen>>);
static_assert(std::same_as<result<loaded, optimize_t>, graph<td::evaluating, td::frozen, td::optimized>>);
static_assert(std::same_as<result<loaded, verify_t>, graph<td::evaluating, td::verified>>);
static_assert(std::same_as<result<graph<td::evaluating, td::verified>, prune_t>, graph<td::evaluating, td::pruned>>,
              "who changes a model loses `verified`");
static_assert(std::same_as<result<graph<td::evaluating, td::verified>, save_t>, graph<td::evaluating, td::verified>>,
              "who only looks does not");
struct verify_again : td::stage<verify_again> {
  using consumes = Graph;
  using adds = td::facts<td::verified>;
  toy::net run(toy::net n) const { return n; }
};
static_assert(std::same_as<result<loaded, verify_again>, graph<td::evaluating, td::verified>>,
              "first drops, then adds");
static_assert(std::same_as<result<loaded, flatten_t>, td::artifact<Flat, td::facts<td::evaluating>>>);
static_assert(std::same_as<result<loaded, deploy_t>, toy::session>);
static_assert(std::same_as<td::after<loaded, freeze_t>, result<loaded, freeze_t>>);
static_assert(
    std::same_as<td::after<loaded, td::recipe<quantize_t, freeze_t>>, result<result<loaded, quantize_t>, freeze_t>>);

// --- the same facts in another order are the same artifact -----------------------------------------------------
static_assert(std::convertible_to<graph<td::pruned, td::frozen>, graph<td::frozen, td::pruned>>);
static_assert(!std::convertible_to<graph<td::pruned, td::frozen>, graph<td::pruned>>, "facts are not forgotten");
static_assert(!std::convertible_to<graph<td::pruned>, graph<td::pruned, td::frozen>>, "nor invented");
static_assert(!std::convertible_to<graph<td::pruned, td::frozen>&, graph<td::frozen, td::pruned>>, "nor aliased");
static_assert(!std::convertible_to<td::artifact<Flat>, graph<>>);

// --- recipes ---------------------------------------------------------------------------------------------------
static_assert(judged<quantize_t, freeze_t>);
static_assert(std::same_as<result<quantize_t, freeze_t>, td::recipe<quantize_t, freeze_t>>);
static_assert(std::same_as<result<quantize_t const&, freeze_t&>, td::recipe<quantize_t, freeze_t>>, "recipes own");
static_assert(judged<freeze_t, quantize_t, td::too_late_the_artifact_is_already<td::frozen>>);
static_assert(judged<freeze_t, load_t, td::load_starts_a_pipeline_and_cannot_follow>);
static_assert(judged<save_t, load_t, td::load_starts_a_pipeline_and_cannot_follow>, "whatever format comes");
static_assert(judged<load_t, load_t, td::load_starts_a_pipeline_and_cannot_follow>);
static_assert(judged<deploy_t, save_t, td::nothing_pipes_after_deploy>);
static_assert(judged<deploy_t, load_t, td::nothing_pipes_after_deploy>);
static_assert(judged<flatten_t, quantize_t, td::this_stage_takes_the_format<Graph, Flat>>);
static_assert(
    judged<toy::quantize_from_stream_t, freeze_t, td::a_recipe_may_run_again_so_its_samples_must_be_a_forward_range>);
static_assert(
    judged<prune_t, toy::quantize_from_stream_t, td::a_recipe_may_run_again_so_its_samples_must_be_a_forward_range>);
static_assert(judged<loaded, toy::quantize_from_stream_t>, "it runs once, now");

// what a recipe misses may come with its artifact, and what it makes itself it need not be given
static_assert(judged<freeze_t, ship_t>);
static_assert(judged<loaded, td::recipe<freeze_t, ship_t>, td::the_artifact_must_first_be<td::verified>>);
static_assert(judged<graph<td::evaluating>, td::recipe<verify_t, ship_t>>);
static_assert(judged<load_t, ship_t, td::the_artifact_must_first_be<td::verified>>, "after load all is known");
static_assert(judged<td::recipe<load_t, verify_t>, ship_t>);
static_assert(judged<load_t, td::recipe<verify_t, ship_t>>);

// stages that leave the format open can't be judged before the artifact is there; then they are
static_assert(judged<save_t, quantize_t>);
static_assert(judged<verify_t, quantize_t>);
static_assert(judged<td::artifact<Flat>, td::recipe<save_t, quantize_t>, td::this_stage_takes_the_format<Graph, Flat>>);
static_assert(judged<loaded, td::recipe<save_t, quantize_t>>);

// nesting does not matter
using left = td::recipe<td::recipe<prune_t, quantize_t>, freeze_t>;
using right = td::recipe<prune_t, td::recipe<quantize_t, freeze_t>>;
static_assert(std::same_as<td::after<loaded, left>, td::after<loaded, right>>);
static_assert(judged<left, quantize_t, td::too_late_the_artifact_is_already<td::quantized>>);
static_assert(judged<right, quantize_t, td::too_late_the_artifact_is_already<td::quantized>>);
static_assert(judged<freeze_t, td::recipe<quantize_t, save_t>, td::too_late_the_artifact_is_already<td::frozen>>);
static_assert(judged<freeze_t, td::recipe<save_t, quantize_t>, td::too_late_the_artifact_is_already<td::frozen>>);
static_assert(judged<left, deploy_t> && judged<right, deploy_t>);
static_assert(judged<td::recipe<left, deploy_t>, save_t, td::nothing_pipes_after_deploy>);
static_assert(judged<td::recipe<prune_t, td::recipe<freeze_t, deploy_t>>, save_t, td::nothing_pipes_after_deploy>);

// --- calling a recipe ------------------------------------------------------------------------------------------
using whole = td::recipe<load_t, freeze_t>;
static_assert(std::is_invocable_v<whole const&, char const*>);
static_assert(std::is_invocable_v<whole const&, std::string&>);
static_assert(!std::is_invocable_v<whole const&, int>);
static_assert(!std::is_invocable_v<whole const&, loaded>, "it brings its own model");
struct greedy : td::stage<greedy> {
  using consumes = td::source;
  using produces = Graph;
  template <class Anything>
  auto open(Anything&& from) const {
    return toy::open(std::string(from));
  }
};
static_assert(!std::is_invocable_v<td::recipe<greedy, prune_t> const&, loaded>, "its `open` is not even asked");
static_assert(std::is_invocable_v<left const&, loaded>);
static_assert(!std::is_invocable_v<left const&, loaded&>);
static_assert(!std::is_invocable_v<left const&, graph<td::evaluating, td::frozen>>);
static_assert(!std::is_invocable_v<left const&, char const*>, "without load no path is opened");
static_assert(!std::is_invocable_v<left const&, freeze_t>);
static_assert(std::is_invocable_v<left const&, toy::net>, "a format may adopt what its users hold already");
static_assert(!std::is_invocable_v<td::recipe<ship_t, freeze_t> const&, toy::net>, "and is judged for it");

// --- foreign sides -----------------------------------------------------------------------------------------------
static_assert(judged<loaded, int, td::only_a_stage_may_follow_not<int>>);
static_assert(judged<loaded, int&, td::only_a_stage_may_follow_not<int>>);
static_assert(judged<loaded&, int, td::only_a_stage_may_follow_not<int>>);
static_assert(judged<freeze_t, int, td::only_a_stage_may_follow_not<int>>);
static_assert(judged<loaded, loaded, td::only_a_stage_may_follow_not<loaded>>);
static_assert(judged<freeze_t, loaded, td::only_a_stage_may_follow_not<loaded>>);
static_assert(judged<int, freeze_t, td::a_pipeline_starts_with_load_or_evaluate_not_with<int>>);
static_assert(judged<char const (&)[5], freeze_t, td::a_pipeline_starts_with_load_or_evaluate_not_with<char[5]>>);

// --- parentheses forgotten ---------------------------------------------------------------------------------------
using freeze_maker = decltype(toy::freeze);
using forgotten = td::call_the_stage_maker_with_parentheses;
static_assert(judged<loaded, freeze_maker&, forgotten>);
static_assert(judged<loaded&, freeze_maker&, forgotten>, "one thing at a time");
static_assert(judged<freeze_t, freeze_maker&, forgotten>);
static_assert(judged<freeze_maker&, freeze_t, forgotten>);
static_assert(judged<freeze_maker&, freeze_maker&, forgotten>);
static_assert(judged<toy::session, freeze_maker&, forgotten>);
static_assert(judged<int, freeze_maker&, forgotten>);
static_assert(judged<freeze_maker&, int, forgotten>);
