// A user's own fact is told by its own name.
// expect: PIPELINE_ERROR = the_artifact_must_first_be<acme::signed_off>
#include "../support/toy.hpp"

namespace acme {
struct signed_off {};
struct sign : td::stage<sign> {
  using consumes = td::any_format;
  using adds = td::facts<signed_off>;
  toy::net run(toy::net n) const { return n; }
};
struct publish : td::stage<publish> {
  using consumes = td::any_format;
  using needs = td::facts<signed_off>;
  toy::net run(toy::net n) const { return n; }
};
}  // namespace acme

#ifdef GOOD_TWIN
auto model = toy::load("m.pt") | acme::sign{} | acme::publish{};
#else
auto model = toy::load("m.pt") | acme::publish{};
#endif
