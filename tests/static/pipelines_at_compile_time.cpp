// With a handle that is a literal type a whole pipeline runs in the compiler.
#include <concepts>

#include <torchdeploy/core.hpp>

namespace td = torchdeploy;

struct Number {
  using handle = int;
  using record = td::no_record;
  static constexpr td::artifact<Number, td::facts<td::evaluating>> adopt(int value) {
    return td::artifact<Number, td::facts<td::evaluating>>(value);
  }
};
struct Half {
  using handle = double;
  using record = td::no_record;
};

struct add : td::stage<add> {
  using consumes = Number;
  int amount;
  constexpr explicit add(int a) : amount(a) {}
  constexpr int run(int h) const { return h + amount; }
};
struct twice : td::stage<twice> {
  using consumes = Number;
  constexpr int run(int h) const { return 2 * h; }
};
struct halve : td::stage<halve> {
  using consumes = Number;
  using produces = Half;
  constexpr double run(int h) const { return h / 2.0; }
};
struct parse : td::stage<parse> {
  using consumes = td::source;
  using produces = Number;
  using adds = td::facts<td::evaluating>;
  constexpr auto open(char const* digit) const { return Number::adopt(*digit - '0'); }
};

using number = td::artifact<Number>;

static_assert((number(5) | add{3} | twice{}).handle() == 16);
static_assert((number(5) | halve{}).handle() == 2.5);

constexpr auto recipe = add{3} | twice{} | halve{};
static_assert((number(5) | recipe).handle() == 8.0);
static_assert((number(6) | recipe).handle() == 9.0, "a recipe runs again");
static_assert(recipe(number(5)).handle() == 8.0);
static_assert(recipe(5).handle() == 8.0, "what the format adopts");

// composed from the left or from the right, it is the same
static_assert((number(5) | (add{3} | (twice{} | add{1}))).handle() == 17);
static_assert((number(5) | ((add{3} | twice{}) | add{1})).handle() == 17);

constexpr auto whole = parse{} | recipe;
static_assert(whole("7").handle() == 10.0);
static_assert((parse{} | add{1})("7").handle() == 8);

constexpr int kept() {
  auto before = number(4);
  auto const after = before.clone() | twice{};
  return before.handle() * 100 + after.handle();
}
static_assert(kept() == 408);

constexpr int same_facts_in_another_order() {
  td::artifact<Number, td::facts<td::pruned, td::frozen>> one(3);
  td::artifact<Number, td::facts<td::frozen, td::pruned>> other = std::move(one);
  return other.handle();
}
static_assert(same_facts_in_another_order() == 3);
