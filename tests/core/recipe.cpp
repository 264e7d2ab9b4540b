#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/core/recipe.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/toy.hpp"

TEST_CASE("a recipe does what its stages do one by one") {
  auto const recipe = toy::prune(0.3) | toy::quantize() | toy::freeze();
  auto at_once = toy::load("m.pt") | recipe;
  auto one_by_one = toy::load("m.pt") | toy::prune(0.3) | toy::quantize() | toy::freeze();
  CHECK(std::is_same_v<decltype(at_once), decltype(one_by_one)>);
  CHECK(at_once.handle().trail == one_by_one.handle().trail);
}

TEST_CASE("nothing runs before a recipe is given a model, and then it runs as often as one likes") {
  static int runs = 0;
  struct counted : td::stage<counted> {
    using consumes = toy::Graph;
    toy::net run(toy::net n) const {
      ++runs;
      return n;
    }
  };
  runs = 0;
  auto const recipe = counted{} | toy::freeze() | counted{};
  CHECK(runs == 0);
  CHECK(recipe(toy::load("a.pt")).handle().name == "a.pt");
  CHECK(recipe(toy::load("b.pt")).handle().name == "b.pt");
  CHECK(runs == 4);
}

TEST_CASE("a recipe that starts with load is called with a path") {
  auto const recipe = toy::load() | toy::quantize() | toy::freeze();
  auto model = recipe("m.pt");
  CHECK(std::is_same_v<decltype(model), toy::graph<td::evaluating, td::quantized, td::frozen>>);
  CHECK(model.handle().name == "m.pt");
  CHECK(model.handle().trail == "quantize freeze");
  std::string const path = "n.pt";
  CHECK(recipe(path).handle().name == "n.pt");
}

TEST_CASE("a recipe without load takes an artifact, or what its format adopts") {
  auto const recipe = toy::quantize() | toy::freeze();
  CHECK(recipe(toy::load("m.pt")).handle().trail == "quantize freeze");
  CHECK(recipe(toy::net{"by hand"}).handle().name == "by hand");
}

TEST_CASE("recipes compose, whichever way they nest") {
  auto const front = toy::load() | toy::prune(0.3);
  auto const back = toy::quantize() | toy::freeze();
  CHECK((front | back)("m.pt").handle().trail == "prune quantize freeze");
  CHECK((front | (back | toy::save()))("m.pt").handle().trail == "prune quantize freeze");
  CHECK((toy::load("m.pt") | (toy::prune(0.3) | back)).handle().trail == "prune quantize freeze");
}

TEST_CASE("each stage of a recipe is an entry of the report") {
  auto model = toy::load("m.pt") | (toy::quantize() | toy::freeze());
  REQUIRE(model.report().stages().size() == 2);
  CHECK(model.report().stages()[0].stage == "quantize");
  CHECK(model.report().stages()[1].stage == "toy::freeze_t");
}

TEST_CASE("a recipe may end in a session") {
  auto const recipe = toy::load() | toy::freeze() | toy::deploy();
  CHECK(recipe("four")(38) == 42);
}

TEST_CASE("a recipe owns copies of its stages") {
  struct words : td::stage<words> {
    using consumes = toy::Graph;
    std::vector<std::string> all;
    explicit words(std::vector<std::string> w) : all(std::move(w)) {}
    toy::net run(toy::net n) const {
      for (auto const& word : all) n = toy::mark(std::move(n), word);
      return n;
    }
  };
  auto mine = words({"one", "two"});
  auto const recipe = mine | toy::freeze();
  mine.all.clear();
  CHECK(recipe(toy::load("m.pt")).handle().trail == "one two freeze");
  CHECK(recipe(toy::load("m.pt")).handle().trail == "one two freeze");
}
