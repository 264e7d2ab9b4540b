#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

void check(std::string const& result, at::Tensor const& x) {
  test::check_export("def forward(self, x):\n    return " + result, {x});
}

}  // namespace

TEST_CASE("the same elements in another shape or order") {
  auto const x = test::noise({3, 4, 1, 6}).front();
  for (auto const* result : {"x.reshape(-1, 24)",
                             "x.view(x.size(0), 24)",
                             "x.flatten()",
                             "x.flatten(1)",
                             "x.flatten(1, 2)",
                             "x.flatten(0, 1)",
                             "x.flatten(-2)",
                             "x.reshape(2, -1, 6)",
                             "torch.unflatten(x, 1, [2, 2])",
                             "torch.unflatten(x, -1, [3, -1])",
                             "x.permute(3, 0, -2, 1)",
                             "x.transpose(0, 1)",
                             "x.transpose(-1, -3)",
                             "x.swapaxes(1, 3)",
                             "x.flatten(1).t()",
                             "x.mT",
                             "torch.movedim(x, 1, 3)",
                             "torch.movedim(x, [0, 1], [-1, -2])",
                             "x.unsqueeze(0)",
                             "x.unsqueeze(-1)",
                             "x.unsqueeze(2)",
                             "x.squeeze(2)",
                             "x.squeeze(1)",
                             "x.squeeze(-2)",
                             "x.expand(-1, 4, 5, 6)",
                             "x.expand(2, -1, -1, -1, -1)",
                             "x.expand(x.size(0), 4, 3, 6)",
                             "x.expand_as(x.repeat(1, 1, 5, 1))",
                             "x.repeat(1, 2, 3, 1)",
                             "x.repeat(2, 1, 1, 1, 1)",
                             "x.tile([2])",
                             "torch.cat([x, x * 2], 1)",
                             "torch.cat([x, x * 2], -1)",
                             "torch.cat([x, x.to(4)], 0)",
                             "torch.stack([x, x * 2])",
                             "torch.stack([x, x * 2], -1)",
                             "x.contiguous()",
                             "x.clone()",
                             "x.detach()",
                             "torch.dropout(x, 0.5, False)",
                             "x.view_as(x * 2)",
                             "x.reshape_as(x * 2)",
                             "x.ravel()",
                             "x[:, :0].reshape(3, 0, 6)",
                             "x[:, :0].reshape(0, 4)",
                             "torch.hstack([x, x * 2])",
                             "torch.hstack([x[0, 0, 0], x[:, 0, 0, 0]])",
                             "torch.vstack([x, x * 2])",
                             "torch.vstack([x[0, 0, 0], x[0, 1, 0]])",
                             "torch.row_stack([x[0, 0, 0], x[0, 1, 0]])",
                             "torch.dstack([x[:, :, 0, 0], x[:, :, 0, 1]])",
                             "torch.column_stack([x[:, 0, 0, 0], x[:, :, 0, 1]])",
                             "torch.atleast_1d(x)",
                             "torch.atleast_1d([x[0, 0, 0, 0], x])",
                             "torch.atleast_2d(x[:, 0, 0, 0])",
                             "torch.atleast_3d(x[:, :, 0, 0])",
                             "torch.atleast_3d([x[:, 0, 0, 0], x[0, 0, 0, 0]])",
                             "torch.as_tensor(x.size(0)) + x",
                             "torch.as_tensor(x, dtype=7)",
                             "x.cpu()"})
    check(result, x);
}

TEST_CASE("sizes are numbers to compute with") {
  auto const x = test::noise({3, 4, 6}).front();
  for (auto const* result :
       {"x * x.size(0)", "x.numel()", "len(x)", "x.size()", "x.sum(-1) + x.size(1)", "torch._shape_as_tensor(x)",
        "x.reshape(x.size(0), -1).size(1)", "int(x.size(0) / 2) + x", "x.dim() + x", "x.size(0) % 2 + x"})
    check(result, x);
}

TEST_CASE("another dtype") {
  auto const x = test::noise({3, 4}).front() * 4;
  for (auto const* dtype : {"7", "6", "5", "4", "3", "1", "0", "11"})
    check("x.to(" + std::string(dtype) + ")", x.abs());
  check("x.type_as(x.to(4))", x);
  check("x.to(x.to(7))", x);
}

TEST_CASE("a size that is open is not squeezed") {
  auto const x = test::noise({3, 4, 1, 6}).front();
  test::check_export(test::scripted("def forward(self, x):\n    return x.squeeze()"), {x}, {{x.repeat({2, 1, 1, 1})}});
}

TEST_CASE("the absolute of a size") {
  test::without_openvino const guard;  // another number there
  check("x * abs(x.size(0) - 4)", test::noise({3, 4}).front());
}

TEST_CASE("elements by the strides of a contiguous tensor") {
  auto const x = test::noise({3, 4}).front();
  for (auto const* call :
       {"x.as_strided([2, 3], [1, 2], 1)", "x.as_strided([4], [3])", "torch.as_strided(x, [2, 2, 2], [1, 4, 2])"})
    test::check_fixed_export("def forward(self, x):\n    return " + std::string(call), {x});
}

TEST_CASE("what drops out at random is refused") {
  auto const x = test::noise({3, 4}).front();
  for (auto const* name : {"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"}) {
    auto const source = [&](std::string const& rest) {
      return "def forward(self, x):\n    return torch." + std::string(name) + "(x, " + rest + ")";
    };
    test::check_export(source("0.5, False"), {x});
    test::check_export(source("0.0, True"), {x});
    CHECK_THROWS_AS(
        td::evaluate(test::scripted(source("0.5, True"))) | td::export_onnx({.samples = std::vector<td::example>{{x}}}),
        td::export_error);
  }
}
