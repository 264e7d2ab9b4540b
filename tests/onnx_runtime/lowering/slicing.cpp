#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string returning(std::string const& call) { return "def forward(self, x):\n    return " + call; }

}  // namespace

TEST_CASE("parts of a tensor in ONNX are LibTorch's") {
  auto const x = test::noise({4, 5, 6}).front();
  for (auto const* call : {"x[0]",
                           "x[-1]",
                           "x.select(1, -2)",
                           "x[:, 3]",
                           "x[x.size(0) - 1]",
                           "x[:, 1:]",
                           "x[:, :-1]",
                           "x[..., 1:5:2]",
                           "x[-2:]",
                           "x[:x.size(0) // 2 + 1]",
                           "x[:, -100:100]",
                           "x[x.size(0) // 2:, 2:3]",
                           "x.narrow(1, 1, 3)",
                           "x.narrow(-1, -2, 2)",
                           "x.narrow(0, x.size(0) - 1, 1)",
                           "x.narrow(0, 0, x.size(0) // 2 + 1)",
                           "x.split(2, 1)",
                           "x.split([1, 4], 1)[1]",
                           "torch.split(x, 3, -1)",
                           "x.split([1, x.size(0) - 1])",
                           "torch.split_with_sizes(x, [2, 2, 1], 1)",
                           "torch.unsafe_split(x, 2, -1)",
                           "torch.chunk(x, 2, 1)",
                           "torch.chunk(x, 3, -1)[1]",
                           "torch.unsafe_chunk(x, 4, -1)",
                           "torch.tensor_split(x, 3, 1)",
                           "torch.tensor_split(x, [1, 3], 2)",
                           "torch.tensor_split(x, [1, -1], 1)",
                           "x.unbind(1)",
                           "torch.unbind(x, -1)[2]",
                           "x.unfold(1, 2, 1)",
                           "x.unfold(2, 3, 2)",
                           "x.unfold(0, 1, 1)",
                           "x.unfold(-1, 2, 3)",
                           "torch.diff(x)",
                           "torch.diff(x, 2, 1)",
                           "torch.diff(x, dim=1, prepend=x[:, :1])",
                           "torch.diff(x, 1, -1, x[..., :2], x)",
                           "torch.diff(x > 0)"})
    test::check_export(returning(call), {x});
  test::check_export("def forward(self, x):\n    a, b, c = x.chunk(3, 2)\n    return a + b * c", {x});
}

TEST_CASE("an open axis in parts") {
  auto const x = test::noise({6, 7}).front();
  for (auto const* call : {"torch.chunk(x, 2)", "torch.tensor_split(x, 3)", "torch.chunk(x, 3, 0)"})
    for (std::int64_t const opset : {17, 18})
      test::check_export(test::scripted(returning(call)), {x}, {{x[0].repeat({9, 1})}, {x.repeat({2, 1})}},
                         {.opset = opset});
  for (auto const* call : {"torch.split(x, 2)", "torch.unbind(x)"})
    CHECK_THROWS_AS(
        td::evaluate(test::scripted(returning(call))) | td::export_onnx({.samples = std::vector<td::example>{{x}}}),
        td::export_error);
}

TEST_CASE("another order of the elements") {
  auto const x = test::noise({4, 5, 6}).front();
  for (auto const* call :
       {"torch.roll(x, 1, 1)", "torch.roll(x, [-2, 8], [1, 2])", "torch.roll(x, 2, 0)", "torch.roll(x, -3, 0)",
        "torch.roll(x, 7)", "torch.roll(x, 5, 1)", "torch.roll(x, x.size(0), 1)", "x.flip(1)", "x.flip([0, -1])",
        "torch.fliplr(x)", "torch.flipud(x)", "torch.rot90(x, 1, [1, 2])", "torch.rot90(x, 2, [1, 2])",
        "torch.rot90(x, -1, [0, 2])", "torch.rot90(x, 4, [0, 1])"})
    test::check_export(returning(call), {x});
}

TEST_CASE("triangles and diagonals") {
  auto const x = test::noise({3, 4, 5}).front() * 4;
  for (std::int64_t const opset : {13, 17})
    for (auto const dtype : {at::kFloat, at::kDouble, at::kLong, at::kInt, at::kByte, at::kBool, at::kHalf})
      for (auto const* call : {"torch.tril(x)", "torch.triu(x, 1)", "torch.tril(x, -1)", "x.triu(x.size(0) - 3)"})
        test::check_export(returning(call), {x.abs().to(dtype)}, {.opset = opset});
  for (auto const* call :
       {"torch.diagonal(x, 0, 1, 2)", "torch.diagonal(x, 1, -1, 1)", "torch.diagonal(x, -2, 1, 2)", "torch.diagonal(x)",
        "torch.diagonal(x, 1, 2, 0)", "torch.diagonal(x, -1)", "torch.diag(x[0])", "torch.diag(x[0], 1)",
        "torch.diag(x[0, 0], -1)", "torch.diag(x[:, 0, 0])", "torch.diag_embed(x)", "torch.diag_embed(x, 1)",
        "torch.diag_embed(x, -2, 0, 2)", "torch.diag_embed(x, 1, 2, 1)", "torch.trace(x[0])", "torch.trace(x[:, 0])",
        "torch.trace(x[0].to(torch.ones([1], dtype=4).dtype))", "torch.diag_embed(x > 0)"})
    test::check_export(returning(call), {x});
}
