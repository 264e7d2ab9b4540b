// With the whole namespace in sight, `|` still means to others what it meant before.
#include <concepts>
#include <cstddef>
#include <memory>
#include <ranges>
#include <vector>

#include "../support/toy.hpp"

using namespace torchdeploy;  // what the header advises against, and people do

enum flags { red = 1, green = 2 };
enum class colour : unsigned { red = 1, green = 2 };
constexpr colour operator|(colour l, colour r) { return colour(unsigned(l) | unsigned(r)); }

static_assert((1 | 6) == 7);
static_assert((true | false) == true);
static_assert((red | green) == 3);
static_assert((colour::red | colour::green) == colour(3));
static_assert((std::byte{1} | std::byte{2}) == std::byte{3});

// ranges, with the adaptors of the standard library
constexpr int sum(auto&& range) {
  int total = 0;
  for (int x : range) total += x;
  return total;
}
constexpr int numbers[] = {1, 2, 3, 4};
constexpr auto even = [](int x) { return x % 2 == 0; };
static_assert(sum(numbers | std::views::filter(even)) == 6);
static_assert(sum(numbers | (std::views::filter(even) | std::views::transform([](int x) { return x * x; }))) == 20);

// a range of artifacts is a range, and a range of stages too
template <class Range>
concept filterable = requires(Range& range) { range | std::views::take(1); };
static_assert(filterable<std::vector<toy::loaded>>);
static_assert(filterable<std::vector<toy::freeze_t>>);

// somebody else's operator for anything, and for our own artifact from outside
namespace other {
struct sink {};
constexpr int operator|(auto&&, sink) { return 1; }
struct logged {};
template <any_artifact A>
constexpr A operator|(A&& a, logged) {
  return std::move(a);
}
}  // namespace other
static_assert((5 | other::sink{}) == 1);
static_assert(std::same_as<decltype(std::declval<toy::loaded>() | other::sink{}), int>);
static_assert(std::same_as<decltype(std::declval<toy::loaded>() | other::logged{}), toy::loaded>);
static_assert(std::same_as<decltype(std::declval<toy::freeze_t>() | other::sink{}), int>);

// what could not be piped before can't be piped now, and asking is no error
struct nothing_to_do_with_us {};
template <class L, class R>
concept pipes = requires(L l, R r) { std::move(l) | std::move(r); };
static_assert(!pipes<nothing_to_do_with_us, int>);
static_assert(!pipes<std::unique_ptr<int>, std::vector<int>>);
static_assert(!pipes<double, double>);
static_assert(std::same_as<verdict<nothing_to_do_with_us, int>, detail::not_ours>);
static_assert(std::same_as<verdict<int[3], void (*)()>, detail::not_ours>);

// a class that is only declared is none of our business either
struct unknown;
template <class L, class R>
concept pipes_by_reference = requires(L& l, R& r) { l | r; };
static_assert(!pipes_by_reference<unknown, unknown>);
static_assert(!pipes_by_reference<unknown, toy::loaded>);
static_assert(std::same_as<verdict<unknown&, int>, detail::not_ours>);
