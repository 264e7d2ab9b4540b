#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/verification/compare.hpp>
#include <torchdeploy/verification/reference.hpp>

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using test::load;

auto written(std::string const& arguments, std::string const& body) {
  torch::jit::Module module("__torch__.written");
  module.define("def forward(self, " + arguments + "):\n    return " + body + "\n");
  return td::evaluate(module);
}

at::Tensor plus_one(at::Tensor const& x) { return x + 1; }

struct counting {
  int calls = 0;
  at::Tensor operator()(at::Tensor const& x) {
    ++calls;
    return x + 1;
  }
};

}  // namespace

// What is a reference, and what is not, is known when compiling.
static_assert(td::any_reference<td::artifact<td::TorchScript, td::facts<>>&>);
static_assert(td::any_reference<td::artifact<td::TorchScript, td::facts<td::evaluating, td::frozen>>>);
static_assert(td::any_reference<torch::jit::Module const&>);
static_assert(td::any_reference<td::golden>);
static_assert(td::any_reference<decltype(plus_one)&>);
static_assert(td::any_reference<std::function<c10::IValue(td::example const&)>>);
static_assert(!td::any_reference<char const*>);
static_assert(!td::any_reference<std::string>);
static_assert(!td::any_reference<at::Tensor>);
static_assert(!td::any_reference<decltype([](int) { return 1; })>);
static_assert(!td::any_reference<decltype([](at::Tensor const&) {})>);

TEST_CASE("an artifact of other facts, borrowed or owned, is a reference") {
  auto const model = load("one_op");
  auto const inputs = test::noise({2, 16}, 2);
  td::artifact<td::TorchScript, td::facts<>> const bare(load("one_op").handle().clone());
  CHECK(td::compare(model, bare, {.samples = inputs}).passed);
  CHECK(td::compare(model, load("one_op"), {.samples = inputs}).passed);
  CHECK(td::compare(model, bare, {.samples = inputs}).reference == "another artifact");
}

TEST_CASE("a module is a reference, in evaluation mode whatever mode it is in") {
  torch::jit::Module module("__torch__.training");
  module.register_attribute("training", c10::BoolType::get(), true);
  module.define("def forward(self, x):\n    if self.training:\n        return x * 7\n    return x + 1\n");
  CHECK(td::compare(load("one_op"), module, {.samples = test::noise({2, 16}, 2)}).passed);
  CHECK(module.attr("training").toBool());
}

TEST_CASE("whatever takes the sample's tensors is a reference") {
  auto const inputs = test::noise({2, 16}, 2);
  auto const one = load("one_op");
  CHECK(td::compare(one, plus_one, {.samples = inputs}).passed);
  CHECK(td::compare(one, &plus_one, {.samples = inputs}).passed);
  CHECK(td::compare(one, [](auto const& x) { return x + 1; }, {.samples = inputs}).passed);
  CHECK(td::compare(one, std::function<at::Tensor(at::Tensor)>(plus_one), {.samples = inputs}).passed);
  CHECK(td::compare(one, [owned = std::make_unique<int>(1)](at::Tensor const& x) { return x + *owned; },
                    {.samples = inputs})
            .passed);

  auto const sum = written("x, y", "x + y, x - y");
  auto const pairs = std::vector{std::tuple(at::ones({2}), at::zeros({2})), std::tuple(at::ones({2}), at::ones({2}))};
  CHECK(td::compare(sum, [](at::Tensor const& x, at::Tensor const& y) { return std::tuple(x + y, x - y); },
                    {.samples = pairs})
            .passed);
  CHECK(td::compare(sum, [](auto const&... x) { return std::tuple((x + ...), (x - ...)); }, {.samples = pairs}).passed);
}

TEST_CASE("a callable may take the whole sample, with what is no tensor in it") {
  auto const scaled = written("x, scale: int", "x * scale");
  auto const samples = std::vector{td::example{at::ones({2}), 3}, td::example{at::ones({2}), 4}};
  auto const whole = [](td::example const& inputs) { return inputs.at(0).toTensor() * inputs.at(1).toScalar(); };
  CHECK(td::compare(scaled, whole, {.samples = samples}).passed);
  try {
    (void)td::compare(scaled, [](at::Tensor const& x, at::Tensor const&) { return x; }, {.samples = samples});
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::options_conflict);
    CHECK_THAT(thrown.what(), ContainsSubstring("expected tensors for the reference, got an int as argument 1"));
  }
  try {
    (void)td::compare(load("one_op"), [](at::Tensor const& x, at::Tensor const&) { return x; },
                      {.samples = test::noise({2}, 2)});
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK_THAT(thrown.what(), ContainsSubstring("expected a reference that takes 1 tensor(s)"));
  }
}

TEST_CASE("a callable lvalue is borrowed, not copied") {
  counting reference;
  CHECK(td::compare(load("one_op"), reference, {.samples = test::noise({2, 16}, 3)}).passed);
  CHECK(reference.calls == 3);
  CHECK(td::compare(load("one_op"), reference, {.samples = test::noise({2, 16}, 1)}).passed);
  CHECK(reference.calls == 4);  // the probe of a single sample asked a copy
}
