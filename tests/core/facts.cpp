#include <torchdeploy/core/facts.hpp>

#include <concepts>
#include <string>

#include "support/catch.hpp"
#include "support/toy.hpp"

// That facts behave as a set is a matter for the compiler: tests/static/facts_are_sets.cpp. Here is what they do to models.

namespace acme {
struct signed_off {};
struct sign : td::stage<sign> {
  using consumes = toy::Graph;
  using adds = td::facts<signed_off>;
  using drops = td::facts<>;
  toy::net run(toy::net n) const { return toy::mark(std::move(n), "sign"); }
};
}  // namespace acme

TEST_CASE("a user's own fact travels as the library's own do") {
  auto model = toy::load("m.pt") | toy::verify() | acme::sign{} | toy::freeze();
  using known = decltype(model)::known;
  CHECK(td::contains<acme::signed_off, known>);
  CHECK(td::contains<td::frozen, known>);
  CHECK_FALSE(td::contains<td::verified, known>);
  CHECK(model.handle().trail == "sign freeze");
}

TEST_CASE("facts gathered in another order are the same artifact") {
  toy::graph<td::evaluating, td::quantized, td::pruned> model = toy::load("a.pt") | toy::prune(0.3) | toy::quantize();
  CHECK(model.handle().trail == "prune quantize");
  CHECK(model.report().stages().size() == 2);
  model = toy::load("b.pt") | toy::quantize() | toy::prune(0.3);
  CHECK(model.handle().name == "b.pt");
  CHECK(model.handle().trail == "quantize prune");
}

TEST_CASE("a fact that is added twice is there once") {
  auto model = toy::load("m.pt") | acme::sign{} | acme::sign{};
  CHECK(std::same_as<decltype(model)::known, td::facts<td::evaluating, acme::signed_off>>);
}
