#include <torchdeploy/stage/tap.hpp>

#include <string>
#include <type_traits>
#include <vector>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

TEST_CASE("a tap sees the artifact as it is at that point") {
  std::vector<std::string> seen;
  auto const look = [&](auto const& model) { seen.push_back(model.report().stages().back().stage); };
  auto const model = test::load("mlp_scripted") | td::tap(look) | td::freeze() | td::tap(look);
  CHECK(seen == std::vector<std::string>{"load", "freeze"});
  CHECK(model.report().stages().size() == 2);
}

TEST_CASE("a tap changes nothing: not the module, not the facts, not the report") {
  auto model = test::load("digits_cnn");
  auto const* const before = model.handle()._ivalue().get();
  auto after = std::move(model) |
               td::tap([](auto const& m) { STATIC_REQUIRE(std::is_const_v<std::remove_reference_t<decltype(m)>>); });
  CHECK(std::is_same_v<decltype(after), decltype(model)>);
  CHECK(after.handle()._ivalue().get() == before);
  CHECK(after.report().stages().size() == 1);
}

TEST_CASE("a tap inside a recipe looks at each run") {
  int runs = 0;
  auto const recipe = td::load<td::TorchScript>() | td::tap([&](auto const&) { ++runs; }) | td::freeze();
  recipe(test::model_path("one_op"));
  recipe(test::model_path("mlp_scripted"));
  CHECK(runs == 2);
}

TEST_CASE("what a tap throws passes as it is") {
  CHECK_THROWS_AS(test::load("one_op") | td::tap([](auto const&) { throw 7; }), int);
}
