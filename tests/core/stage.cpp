#include <torchdeploy/core/stage.hpp>

#include <stdexcept>
#include <string>

#include "support/catch.hpp"
#include "support/toy.hpp"

namespace {

struct counting_examples : td::stage<counting_examples> {
  using consumes = toy::Graph;
  toy::net run(toy::net n, td::record<toy::Graph>& r) const {
    return toy::mark(std::move(n), std::to_string(r.examples.size()));
  }
};

struct whole_artifact : td::stage<whole_artifact> {
  using consumes = toy::Graph;
  template <td::any_artifact A>
  auto apply(A&& a) const {
    return std::forward<A>(a) | toy::freeze() | toy::verify();
  }
};

struct failing : td::stage<failing> {
  using consumes = td::any_format;
  template <class Handle>
  Handle run(Handle) const {
    throw std::runtime_error("no");
  }
};

struct once_only : td::stage<once_only> {
  using consumes = toy::Graph;
  static constexpr bool repeatable = false;
  std::string word;
  explicit once_only(std::string w) : word(std::move(w)) {}
  toy::net run(toy::net n) && { return toy::mark(std::move(n), std::exchange(word, "used up")); }
};

struct named : td::stage<named> {
  using consumes = toy::Graph;
  static constexpr std::string_view name = "acme::named";
  toy::net run(toy::net n) const { return n; }
};

}  // namespace

TEST_CASE("a stage that declares nothing consumes TorchScript, keeps the format, and loses `verified`") {
  struct plain : td::stage<plain> {};
  CHECK(std::is_same_v<plain::consumes, td::TorchScript>);
  CHECK(std::is_same_v<plain::produces, td::same>);
  CHECK(std::is_same_v<plain::drops, td::facts<td::verified>>);
  CHECK(std::is_same_v<plain::needs, td::facts<>>);
  CHECK(std::is_same_v<plain::forbids, td::facts<>>);
  CHECK(std::is_same_v<plain::adds, td::facts<>>);
  CHECK(plain::repeatable);
}

TEST_CASE("a stage sees the examples when it asks for the record") {
  td::record<toy::Graph> record;
  record.add_example(1);
  record.add_example(2);
  auto model = toy::loaded(toy::net{"m"}, std::move(record)) | counting_examples{};
  CHECK(model.handle().trail == "2");
  CHECK(model.examples() == std::vector{1, 2});
}

TEST_CASE("a stage may take the whole artifact and choose what comes out") {
  auto model = toy::load("m.pt") | whole_artifact{};
  CHECK(std::is_same_v<decltype(model), toy::graph<td::evaluating, td::frozen, td::verified>>);
  CHECK(model.handle().trail == "freeze");
}

TEST_CASE("a stage that throws lets its exception pass as it is") {
  CHECK_THROWS_WITH(toy::load("m.pt") | toy::freeze() | failing{}, "no");
}

TEST_CASE("a stage that gives its samples away runs as an rvalue") {
  auto model = toy::load("m.pt") | once_only("a long word that does not fit into a small string");
  CHECK(model.handle().trail == "a long word that does not fit into a small string");
  CHECK_FALSE(td::follows<toy::freeze_t, once_only>);
}

TEST_CASE("a stage is reported by its own name, or by that of its type") {
  auto model = toy::load("m.pt") | named{} | toy::freeze();
  REQUIRE(model.report().stages().size() == 2);
  CHECK(model.report().stages()[0].stage == "acme::named");
  CHECK(model.report().stages()[1].stage == "toy::freeze_t");
}
