#include <torchdeploy/diagnosis/behaviour.hpp>

#include <limits>

#include "support/probed.hpp"

namespace {
constexpr auto not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr auto infinite = std::numeric_limits<double>::infinity();

std::string written(std::string const& source, td::example const& inputs) {
  test::probed model(source);
  std::vector<td::finding> all;
  td::detail::find_written_inputs(model.run, inputs, all);
  return test::summary(all);
}
std::vector<td::finding> odd(td::example const& inputs, c10::IValue const& output) {
  std::vector<td::finding> all;
  td::detail::find_odd_outputs(inputs, output, all);
  return all;
}
std::string chance(std::string const& source, td::example const& inputs, bool& same) {
  test::probed model(source);
  std::vector<td::finding> all;
  auto const first = model.run(inputs);
  REQUIRE(first.output);
  same = td::detail::find_chance(model.run, inputs, *first.output, all);
  return test::summary(all);
}
}  // namespace

TEST_CASE("a model that writes into its input is found, also inside of lists and through views") {
  auto const x = at::ones({2, 3});
  auto const kept = x.clone();
  for (auto const* body : {"x.add_(1)", "x[0].mul_(2)", "torch.relu_(x.neg_())", "x.view([6]).zero_()"}) {
    INFO(body);
    CHECK(written("def forward(self, x):\n    return " + std::string(body), {x}) == "input-written warning");
  }
  c10::List<at::Tensor> const list({x});
  CHECK(written("def forward(self, x: List[Tensor]):\n    return x[0].add_(1)", {list}) == "input-written warning");
  CHECK(written("def forward(self, x: Tuple[Tensor, int]):\n    return x[0].add_(1)",
                {c10::ivalue::Tuple::create({x, 1})}) == "input-written warning");
  CHECK(at::equal(x, kept));
}

TEST_CASE("what writes into a copy, writes the same, or raises, has not written into the input") {
  auto const forward = [](std::string const& body) { return "def forward(self, x):\n    return " + body; };
  CHECK(written(forward("x.clone().add_(1)"), {at::ones({2, 3})}) == "");
  CHECK(written(forward("x.relu_()"), {at::ones({2, 3})}) == "");
  CHECK(written(forward("x + 1"), {at::full({2, 3}, not_a_number)}) == "");
  CHECK(written(forward("x.view([7])"), {at::ones({2, 3})}) == "");
  CHECK(written(forward("x + 1"), {at::ones({0, 3})}) == "");
  CHECK(written(forward("x + 1"), {}) == "");
  CHECK(written("def forward(self, n: int):\n    return n + 1", {1}) == "");
}

TEST_CASE("NaN is a fault, infinity a warning; neither where the sample has them") {
  auto const x = at::ones({2});
  CHECK(test::summary(odd({x}, at::full({2}, not_a_number))) == "output-not-finite fault");
  CHECK(test::summary(odd({x}, at::full({2}, -infinite))) == "output-not-finite warning");
  CHECK(test::summary(odd({x}, at::full({2}, not_a_number, at::kHalf))) == "output-not-finite fault");
  CHECK(odd({at::full({2}, not_a_number)}, at::full({2}, not_a_number)).empty());
  CHECK(odd({at::full({2}, infinite)}, at::full({2}, not_a_number)).empty());
  CHECK(odd({x}, x).empty());
}

TEST_CASE("of several outputs the one is named, wherever it is nested") {
  auto const x = at::ones({2});
  auto const all =
      odd({x}, c10::ivalue::Tuple::create({x, c10::ivalue::Tuple::create({at::full({1}, not_a_number), 3})}));
  CHECK(test::summary(all) == "output-not-finite fault");
  CHECK(all.at(0).place == "output[1]");
}

TEST_CASE("float64 comes out only where nothing as wide went in") {
  auto const narrow = at::ones({2}), wide = narrow.to(at::kDouble);
  CHECK(test::summary(odd({narrow}, wide)) == "float64-leftover warning");
  CHECK(test::summary(odd({narrow}, wide.to(at::kComplexDouble))) == "float64-leftover warning");
  CHECK(odd({wide}, wide).empty());
  CHECK(odd({wide.to(at::kComplexDouble)}, wide).empty());
  CHECK(odd({narrow, wide}, wide).empty());
}

TEST_CASE("integers, empty tensors, numbers and nothing at all are no odd outputs") {
  auto const x = at::ones({2});
  for (auto const& output :
       {c10::IValue(at::ones({2}, at::kLong)), c10::IValue(at::ones({0, 4})), c10::IValue(not_a_number), c10::IValue(),
        c10::IValue("text"), c10::IValue(at::Tensor()), c10::IValue(at::quantize_per_tensor(x, 0.1, 0, at::kQInt8))})
    CHECK(odd({x}, output).empty());
  CHECK(odd({}, x).empty());
  CHECK(odd({c10::IValue(at::Tensor()), 3, "text"}, x).empty());
}

TEST_CASE("chance is found, and state that every run starts anew is none") {
  bool same = true;
  CHECK(chance("def forward(self, x):\n    return x + torch.rand_like(x)", {at::ones({4, 4})}, same) ==
        "not-deterministic warning");
  CHECK_FALSE(same);
  CHECK(chance("def forward(self, x):\n    return x * 2, 3", {at::ones({4, 4})}, same) == "");
  CHECK(same);
  CHECK(chance("def forward(self, x):\n    return x / 0 - x / 0", {at::ones({4, 4})}, same) == "");
  CHECK(chance("def forward(self, n: int):\n    return n", {1}, same) == "");
  CHECK(chance("def forward(self, x):\n    return x * 2", {at::ones({0, 4})}, same) == "");

  torch::jit::Module counter("Counter");
  counter.register_buffer("calls", at::zeros({1}));
  counter.define("def forward(self, x):\n    self.calls.add_(1)\n    return x * self.calls\n");
  test::probed model(counter);
  std::vector<td::finding> all;
  auto const first = model.run({at::ones({2, 2})});
  CHECK(td::detail::find_chance(model.run, {at::ones({2, 2})}, *first.output, all));
  CHECK(all.empty());
}
