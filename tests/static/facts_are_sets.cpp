// Facts are a type list that behaves as a set.
#include <concepts>

#include <torchdeploy/core/facts.hpp>

namespace td = torchdeploy;
using td::contains, td::facts, td::merge_t, td::minus_t, td::same_facts;

struct a {};
struct b {};
struct c {};

static_assert(contains<a, facts<b, a>>);
static_assert(!contains<a, facts<b>>);
static_assert(!contains<a, facts<>>);
static_assert(!contains<a, a>, "a fact is not a set");

// a union has each fact once, in order of first appearance
static_assert(std::same_as<merge_t<facts<a>, facts<b>>, facts<a, b>>);
static_assert(std::same_as<merge_t<facts<a, b>, facts<b, a>>, facts<a, b>>);
static_assert(std::same_as<merge_t<facts<b>, facts<a, b, c>>, facts<b, a, c>>);
static_assert(std::same_as<merge_t<facts<>, facts<a, a>>, facts<a>>);
static_assert(std::same_as<merge_t<facts<a>, facts<>>, facts<a>>);

static_assert(std::same_as<minus_t<facts<a, b, c>, facts<b>>, facts<a, c>>);
static_assert(std::same_as<minus_t<facts<a>, facts<b>>, facts<a>>);
static_assert(std::same_as<minus_t<facts<a, b>, facts<b, a>>, facts<>>);
static_assert(std::same_as<minus_t<facts<>, facts<a>>, facts<>>);

static_assert(same_facts<facts<a, b>, facts<b, a>>);
static_assert(same_facts<facts<>, facts<>>);
static_assert(same_facts<facts<a, a>, facts<a>>);
static_assert(!same_facts<facts<a>, facts<a, b>>);
static_assert(!same_facts<facts<a, b>, facts<a>>);
static_assert(!same_facts<facts<a>, facts<>>);
