#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string returning(std::string const& call, std::string const& arguments = "x") {
  return "def forward(self, " + arguments + "):\n    return " + call;
}

}  // namespace

TEST_CASE("tensors of places pick elements as LibTorch does") {
  auto const x = test::noise({4, 5, 6}).front();
  for (auto const* call : {"x.index_select(1, torch.tensor([0, 3, 3]))",
                           "x.index_select(-1, torch.tensor(2))",
                           "x[:, torch.tensor([1, -1])]",
                           "x[:, torch.tensor([[1, 0], [2, 4]])]",
                           "x[:, torch.tensor([1, 2]), torch.tensor([3, 5])]",
                           "x[:, torch.tensor([[1], [2]]), torch.tensor([3, 5, 0])]",
                           "x[torch.tensor([0]), :, torch.tensor([1, 2])]",
                           "x[torch.tensor([0]), torch.tensor([4, 0])]",
                           "x[torch.tensor([[0]]), torch.tensor([1, 2]), torch.tensor([[3], [4], [-1]])]",
                           "x[torch.arange(x.size(0)), torch.tensor([1])]",
                           "x[torch.arange(x.size(0)), 2]",
                           "x[torch.arange(x.size(0))[:, None], torch.tensor([1, 2])]",
                           "x[:, None, torch.tensor([1, 2])]",
                           "x[:, :, torch.tensor([1, 2], dtype=3)]",
                           "x[:, torch.tensor([1, 2], dtype=3), torch.tensor([1, 2])]",
                           "x[x.argmax(0)[0, 0] * 0]",
                           "x[:, torch.tensor([True, False, True, True, False])]",
                           "x[:, torch.tensor([True, False, True, True, False]), torch.tensor([1])]",
                           "torch.take(x, torch.tensor([[0, 29], [7, 3]]))",
                           "torch.gather(x, 1, x[:, :2].argsort(1))",
                           "x.gather(-1, x.argmax(-1, keepdim=True))",
                           "torch.take_along_dim(x, x.argsort(1), 1)",
                           "torch.take_along_dim(x, x.argmax(), None)",
                           "torch.take_along_dim(x, torch.tensor([[[1, 2]]]), 2)",
                           "torch.repeat_interleave(x, 2, 1)",
                           "x.repeat_interleave(3, 0)",
                           "x.repeat_interleave(2)",
                           "x.repeat_interleave(torch.tensor([1, 0, 2, 3, 1]), 1)",
                           "x.repeat_interleave(x.size(0), 1)",
                           "torch.broadcast_tensors(x, x[:, :1], x[0, 0])",
                           "torch.meshgrid([x[0, 0], x[0, :, 1]])",
                           "torch.meshgrid([x[0, 0], x[:, 0, 1]], indexing='xy')",
                           "torch.meshgrid([x[:, 0, 0], x[0, 0], x[0, :, 1]], indexing='ij')",
                           "torch.one_hot(x.argmax(-1), 7)",
                           "torch.embedding(x[0], x.argmax(1) % 5)"})
    test::check_export(returning(call), {x});
}

TEST_CASE("numbers without dimensions pick, too") {
  auto const x = at::scalar_tensor(2.5);
  for (auto const* call : {"x.index_select(0, torch.tensor([0]))", "x.gather(0, torch.tensor(0))"})
    test::check_fixed_export(returning(call), {x});
}

TEST_CASE("masks pick elements whose count depends on the inputs") {
  auto const x = test::noise({4, 5, 6}).front();
  for (auto const* call : {"x[x > 0]", "x[x[:, :, 0] > 0]", "x[:, x[0, :, 0] > 0]", "x[x > 0].sum()",
                           "x[(x[:, :, 0] > 0) & (x[:, :, 1] > 0)] * 2", "torch.masked_select(x, x > 0.5)",
                           "torch.masked_select(x, x[0] > 0.5)", "torch.nonzero(x > 0)", "torch.argwhere(x > 1)",
                           "torch.nonzero(x > 0).size(0) + x", "x.masked_scatter(x > 0, torch.abs(x) * 10)"})
    test::check_export(returning(call), {x});
}

TEST_CASE("durations that the model computes repeat rows") {
  auto const x = test::noise({5, 6}).front();
  for (auto const* call :
       {"x.repeat_interleave((x[:, 0] * 2).abs().to(4), 0)", "torch.repeat_interleave((x[:, 0] * 3).abs().to(3)) + 1",
        "x.repeat_interleave((x[0] * 2).abs().to(4) + 1, 1)"})
    test::check_export(test::scripted(returning(call)), {x}, {{-x * 3}, {x + 0.5}}, {.dynamic_axes = {{}}});
  test::check_export(test::scripted(returning("torch.one_hot((x * 2).abs().to(4))")), {x}, {{x * 3}, {x * 0.1}},
                     {.dynamic_axes = {{}}});
}

TEST_CASE("two places that the data tell make a grid") {
  auto const x = test::noise({5, 6}).front();
  auto const source =
      "def forward(self, x):\n    i = torch.nonzero(x[:, 0] > 0)[:, 0]\n    j = torch.nonzero(x[0] > 0)[:, 0]\n"
      "    return x[i[:, None], j[None]]";
  test::check_export(test::scripted(source), {x}, {{-x}, {x + 0.5}, {x.abs()}}, {.dynamic_axes = {{}}});
}

TEST_CASE("an index that reaches less far than what it picks from") {
  auto const x = test::noise({4, 5, 6}).front();
  test::check_export(returning("torch.gather(x, 1, x[:, :2, :3].argsort(1))"), {x});
  test::check_export(returning("torch.gather(x, 2, x[:, :2, :3].argsort(2))"), {x});
}

TEST_CASE("with all sizes fixed, the count is open still") {
  auto const x = test::noise({4, 5}).front();
  for (auto const* call : {"x[x > 0]", "x[x > 0].reshape(-1, 1)", "x[x > 0] * x[x > 0].size(0)",
                           "torch.nonzero(x > 0).flatten()", "x[x > 0].mean(0)", "x[x > 0].unsqueeze(0).flip(1)"})
    test::check_export(test::scripted(returning(call)), {x}, {{-x}, {x + 0.5}, {x - 0.25}}, {.dynamic_axes = {{}}});
}

TEST_CASE("writing to places gives what LibTorch gives") {
  auto const x = test::noise({4, 5, 6}).front();
  for (auto const* call :
       {"x.index_put([torch.tensor([0])], torch.tensor(7.0))",
        "x.index_put([torch.tensor([0]), torch.tensor([1, 3])], torch.tensor(7.0))",
        "x.index_put([torch.tensor([0, 0]), torch.tensor([1, 1])], x[0, :2], accumulate=True)",
        "x.index_put([x > 0], torch.tensor(0.0))", "x.index_put([x > 0], torch.tensor(1.0), accumulate=True)",
        "x.index_put([x[:, :, 0] > 0], torch.tensor(1.0))", "x.index_put([x > 0], x[x > 0] * 2)",
        "x.index_put([x[:, 0, 0] > -9, torch.tensor([1])], x[:, 0])"})
    test::check_export(returning(call), {x});
  for (auto const* body :
       {"y[:, torch.tensor([0, 2])] = 3.0", "y[:, torch.tensor([0, 2]), torch.tensor([1, 1])] = x[:, :2, 0]",
        "y[torch.tensor([0]), :, torch.tensor([1, 2])] = x[0, :2, :5]", "y[x > 0] = 0.0",
        "y[:, :, torch.tensor([5, 0])] += 1.0", "y[x < 0] *= 2.0"})
    test::check_export("def forward(self, x):\n    y = x.clone()\n    " + std::string(body) + "\n    return y", {x});
}
