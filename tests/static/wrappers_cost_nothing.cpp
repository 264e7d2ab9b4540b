// What the library wraps around a handle and around stages takes no room, and copies nothing.
#include <concepts>
#include <type_traits>

#include "../support/toy.hpp"

struct Bare {
  using handle = void*;
  using record = td::no_record;
};
using bare = td::artifact<Bare, td::facts<td::evaluating>>;

static_assert(sizeof(bare) == sizeof(void*));
static_assert(std::is_trivially_destructible_v<bare>);
static_assert(std::is_trivially_move_constructible_v<bare>);
static_assert(sizeof(toy::loaded) == sizeof(toy::net) + sizeof(td::record<toy::Graph>), "facts are not stored");
static_assert(sizeof(toy::graph<>) == sizeof(toy::graph<td::frozen, td::verified>));

// an artifact is given away, or cloned by name
static_assert(!std::copyable<toy::loaded>);
static_assert(!std::is_copy_constructible_v<bare>, "not even when the handle could be copied");
static_assert(!std::is_copy_assignable_v<bare>);
static_assert(std::movable<toy::loaded>);
static_assert(std::is_nothrow_move_constructible_v<toy::loaded>, "so that a vector of models moves them");
static_assert(!std::convertible_to<toy::net, toy::loaded>, "nobody knows whether a bare net is in evaluation mode");
static_assert(std::same_as<decltype(std::declval<toy::loaded const&>().clone()), toy::loaded>);

// a record that holds nothing more has room for nothing more
struct Plain {
  using handle = int;
};
struct WithExtras {
  using handle = int;
  using extras = double;
};
static_assert(sizeof(td::record<Plain>) < sizeof(td::record<WithExtras>));
static_assert(sizeof(td::record<Plain>) == sizeof(std::vector<int>) + sizeof(td::report));

// stages without parameters are empty, and so is what is composed of them, however it nests
using toy::freeze_t, toy::quantize_t, toy::save_t, toy::verify_t, toy::prune_t;
static_assert(std::is_empty_v<freeze_t>);
static_assert(std::is_empty_v<td::recipe<quantize_t, freeze_t>>);
static_assert(std::is_empty_v<td::recipe<td::recipe<quantize_t, freeze_t>, save_t>>);
static_assert(std::is_empty_v<td::recipe<quantize_t, td::recipe<freeze_t, save_t>>>);
static_assert(std::is_empty_v<td::recipe<td::recipe<quantize_t, freeze_t>, td::recipe<save_t, verify_t>>>);
static_assert(sizeof(td::recipe<quantize_t, freeze_t>) == 1);
static_assert(sizeof(td::recipe<prune_t, freeze_t>) == sizeof(prune_t));
static_assert(sizeof(td::recipe<td::recipe<prune_t, freeze_t>, save_t>) == sizeof(double));
