#include <torchdeploy/diagnosis/rows.hpp>

#include "support/probed.hpp"

namespace {
struct verdict {
  std::string findings;
  bool one_row;
};
verdict judged(test::probed& model, td::example const& inputs, bool deterministic = true) {
  std::vector<td::finding> all;
  auto const output = model.run(inputs).output;
  REQUIRE(output);
  bool const one_row = td::detail::find_baked_batch(model.run, model.in, inputs, *output, deterministic, all);
  return {test::summary(all), one_row};
}
std::string judged(std::string const& body, td::example const& inputs, bool deterministic = true) {
  test::probed model("def forward(self, x):\n    " + body);
  return judged(model, inputs, deterministic).findings;
}
at::Tensor sample(std::vector<std::int64_t> const& shape) { return test::noise(shape, 1).at(0); }
}  // namespace

TEST_CASE("a model that is given other batches gives rows for them") {
  for (auto const* body :
       {"return x * 2", "return x.flatten(1)", "return x.view([-1, 8])", "return torch.sum(x)",
        "return x, torch.mean(x, [1, 2, 3])", "return x.view([x.size(0), 8])", "return 3", "return torch.ones([5])"}) {
    INFO(body);
    CHECK(judged(body, {sample({4, 2, 2, 2})}) == "");
    CHECK(judged(body, {sample({1, 2, 2, 2})}) == "");
  }
}

TEST_CASE("a batch in the sizes of a view is baked; of three dimensions the first may be time, so it is a note") {
  CHECK(judged("return x.view([4, 8])", {sample({4, 2, 2, 2})}) == "baked-batch warning");
  CHECK(judged("return x.view([4, 8])", {sample({4, 8})}) == "baked-batch warning");
  CHECK(judged("return x.view([1, 8])", {sample({1, 2, 2, 2})}) == "baked-batch warning");
  CHECK(judged("return torch.ones([4, 3]) + torch.mean(x)", {sample({4, 8})}) == "baked-batch note");
  CHECK(judged("return torch.ones([4, 3]) + torch.mean(x)", {sample({4, 8, 2})}) == "baked-batch note");
}

TEST_CASE("what refuses one row alone is found where twice the batch ran") {
  test::probed model("def forward(self, x):\n    assert x.size(0) > 1, \"two rows at least\"\n    return x * 2");
  auto const result = judged(model, {sample({2, 8})});
  CHECK(result.findings == "baked-batch note");
  CHECK_FALSE(result.one_row);
}

TEST_CASE("rows that depend on their neighbours mix, unless chance explains the difference") {
  for (auto const* body : {"return x - torch.mean(x, 0)", "return torch.softmax(x, 0)", "return x / torch.max(x)",
                           "return torch.cumsum(x.flip([0]), 0).flip([0])"}) {
    INFO(body);
    CHECK(judged(body, {sample({4, 8})}) == "rows-mix warning");
    CHECK(judged(body, {sample({4, 8, 2})}) == "rows-mix note");
    CHECK(judged(body, {sample({4, 8})}, false) == "");
  }
  CHECK(judged("return x - torch.mean(x, 1, True)", {sample({4, 8})}) == "");
}

TEST_CASE("every argument with as many rows grows with the first, others stay") {
  test::probed both("def forward(self, x, y, scale):\n    return (x + y) * scale");
  CHECK(judged(both, {sample({4, 8}), sample({4, 8}), sample({8})}).findings == "");
  test::probed number("def forward(self, x, n: int):\n    return x * n");
  CHECK(judged(number, {sample({4, 8}), 3}).findings == "");
}

TEST_CASE("without rows nothing is asked, and nothing throws") {
  auto const nothing = [](std::string const& source, td::example const& inputs) {
    test::probed model(source);
    auto const result = judged(model, inputs);
    CHECK(result.findings == "");
    CHECK_FALSE(result.one_row);
  };
  auto const same = std::string("def forward(self, x):\n    return x");
  nothing(same, {at::ones({0, 4})});
  nothing(same, {at::ones({4})});
  nothing(same, {at::ones({})});
  nothing("def forward(self):\n    return 1", {});
  nothing("def forward(self, n: int):\n    return n", {3});
  nothing("def forward(self, x: List[Tensor]):\n    return x[0]", {c10::List<at::Tensor>({at::ones({2, 2})})});
  nothing("def forward(self, x: Tuple[Tensor, int]):\n    return x[0]",
          {c10::ivalue::Tuple::create({at::ones({2, 2}), 1})});
}

TEST_CASE("tokens, masks and rows without elements are doubled too") {
  CHECK(judged("return x * 2", {at::arange(8).view({2, 4})}) == "");
  CHECK(judged("return x.logical_not()", {at::ones({2, 4}, at::kBool)}) == "");
  CHECK(judged("return x * 2", {at::ones({2, 0})}) == "");
}

TEST_CASE("outputs are compared row by row where they have rows") {
  using td::detail::compare_rows;
  auto const few = at::ones({2, 3}), many = at::ones({4, 3});
  CHECK(compare_rows({few}, 2, {many}, 4).followed);
  CHECK(compare_rows({few}, 2, {many}, 4).apart == 0);
  CHECK(compare_rows({few}, 2, {many * 2}, 4).apart == Approx(1));
  CHECK_FALSE(compare_rows({few}, 2, {few}, 4).followed);
  CHECK_FALSE(compare_rows({few}, 2, {}, 4).followed);
  CHECK(compare_rows({at::ones({}), at::ones({7})}, 2, {at::ones({}), at::ones({7})}, 4).followed);
  CHECK(compare_rows({}, 2, {}, 4).followed);
}
