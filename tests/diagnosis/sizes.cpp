#include <torchdeploy/diagnosis/sizes.hpp>

#include "support/probed.hpp"

namespace {
std::vector<td::finding> judged(test::probed& model, td::example const& inputs, bool deterministic = true) {
  std::vector<td::finding> all;
  CHECK(td::detail::find_baked_sizes(model.run, model.in, inputs, true, deterministic, all).empty());
  return all;
}
std::string judged(std::string const& body, td::example const& inputs, bool deterministic = true) {
  test::probed model("def forward(self, x):\n    " + body);
  return test::summary(judged(model, inputs, deterministic));
}
at::Tensor image() { return test::noise({2, 3, 8, 8}, 1).at(0); }
}  // namespace

TEST_CASE("a model that takes any size has nothing to be found") {
  for (auto const* body :
       {"return x * 2", "return torch.mean(x, [2, 3])", "return torch.adaptive_avg_pool2d(x, [1, 1])",
        "return torch.max_pool2d(x, [2, 2], [2, 2])", "return torch.sum(x)"}) {
    INFO(body);
    CHECK(judged(body, {image()}) == "");
    CHECK(judged(body, {image()}, false) == "");
  }
}

TEST_CASE("one size alone is a note, with both sizes and what was raised") {
  test::probed model("def forward(self, x):\n    return x.view([-1, 3, 64])");
  auto const all = judged(model, {test::noise({1, 3, 8, 8}, 1).at(0)});
  CHECK(test::summary(all) == "");  // it runs, with other rows
  test::probed fixed("def forward(self, x):\n    return torch.matmul(x.flatten(1), torch.ones([192, 4]))");
  auto const refused = judged(fixed, {image()});
  CHECK(test::summary(refused) == "fixed-size note");
  CHECK_THAT(refused.at(0).text, StartsWith("8 x 8 runs, 16 x 16 raises"));
}

TEST_CASE("what lies beyond the old size and has no effect is ignored") {
  CHECK(judged("return torch.mean(x[:, :, :8, :8], [2, 3])", {image()}) == "input-ignored warning");
  CHECK(judged("return x[:, 0] + x[:, 1]", {test::noise({2, 2, 5}, 1).at(0)}) == "input-ignored warning");
  CHECK(judged("return torch.mean(x[:, :, :8, :8], [2, 3])", {image()}, false) == "");
  CHECK(judged("return torch.ones([2, 3])", {image()}) == "");  // ignores all of it: nothing is cut off
}

TEST_CASE("an output that is as large as the input once, and then is not, has baked sizes") {
  CHECK(judged("return torch.upsample_nearest2d(torch.max_pool2d(x, [2, 2]), [8, 8])", {image()}) ==
        "baked-sizes warning");
  CHECK(judged("return torch.upsample_nearest2d(torch.max_pool2d(x, [2, 2]), [x.size(2), x.size(3)])", {image()}) ==
        "");
  CHECK(judged("return torch.upsample_nearest2d(x, [5, 5])", {image()}) == "");
}

TEST_CASE("channels last are no size, and neither is a number of features") {
  auto const weight = std::string("torch.ones([3, 4])");
  CHECK(judged("return torch.matmul(x, " + weight + ")", {test::noise({2, 8, 8, 3}, 1).at(0)}) == "");
  CHECK(judged("return torch.matmul(x, " + weight + ")", {test::noise({2, 3}, 1).at(0)}) == "");
  CHECK(judged("return torch.matmul(x, " + weight + ")", {test::noise({2, 7, 3}, 1).at(0)}) == "");
  CHECK(judged("return torch.conv1d(x, torch.ones([4, 3, 3]))", {test::noise({2, 3, 9}, 1).at(0)}) == "");
}

TEST_CASE("tokens of one length are a note") {
  CHECK(judged("return torch.ones([100, 4])[x].flatten(1).matmul(torch.ones([24, 2]))", {at::arange(6).view({1, 6})}) ==
        "fixed-size note");
  CHECK(judged("return torch.ones([100, 4])[x].mean(1)", {at::arange(6).view({1, 6})}) == "");
}

TEST_CASE("a second argument of the same sizes grows with the first") {
  test::probed masked("def forward(self, x, mask):\n    return x * mask");
  CHECK(test::summary(judged(masked, {test::noise({2, 6, 4}, 1).at(0), at::ones({2, 6, 4})})) == "");
  CHECK(test::summary(judged(masked, {image(), at::ones({2, 1, 8, 8})})) == "");
  test::probed steps("def forward(self, x, mask):\n    return torch.sum(x * mask.unsqueeze(2), 1)");
  CHECK(test::summary(judged(steps, {test::noise({2, 6, 4}, 1).at(0), at::ones({2, 6})})) == "");
}

TEST_CASE("a second argument that is as large by chance stays as it is") {
  test::probed scaled("def forward(self, x, scale):\n    return torch.mean(x, [1]) * scale.view([2, 6])");
  CHECK(test::summary(judged(scaled, {test::noise({2, 6, 6}, 1).at(0), at::ones({2, 6})})) == "");
}

TEST_CASE("without sizes nothing is asked, and nothing throws") {
  auto const same = std::string("return x");
  for (auto const& x : {at::ones({}), at::ones({4}), at::ones({0, 3, 8, 8}), at::ones({2, 0}),
                        at::ones({1, 1, 1, 1, 1, 1}), at::ones({2, 3, 4}, at::kBool), at::zeros({2, 3, 8, 8})})
    CHECK(judged(same, {x}) == "");
  test::probed number("def forward(self, n: int):\n    return n");
  CHECK(judged(number, {3}).empty());
  test::probed nothing("def forward(self):\n    return 1");
  CHECK(judged(nothing, {}).empty());
  test::probed large("def forward(self, x):\n    return x");
  std::vector<td::finding> all;
  CHECK_THAT(td::detail::find_baked_sizes(large.run, large.in, {at::zeros({1, 3, 2048, 2048})}, true, true, all),
             ContainsSubstring("too large"));
}

TEST_CASE("which dimensions may be sizes") {
  using td::detail::resizable;
  using ways = std::vector<std::vector<std::int64_t>>;
  CHECK(resizable(2) == ways{{1}});
  CHECK(resizable(3) == ways{{1}, {2}});
  CHECK(resizable(4) == ways{{2, 3}, {1, 2}});
  CHECK(resizable(5) == ways{{2, 3, 4}, {1, 2, 3}});
}
