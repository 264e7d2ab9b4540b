#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string returning(std::string const& call, std::string const& arguments = "x, i") {
  return "def forward(self, " + arguments + "):\n    return " + call;
}

}  // namespace

TEST_CASE("scattering in ONNX is LibTorch's") {
  auto const x = test::noise({4, 5, 6}).front();
  auto const places = test::noise({4, 3, 6}, 1, 11).front().mul(100).to(at::kLong).abs().remainder(5);
  auto const distinct = at::tensor({0, 2, 4}).reshape({1, 3, 1}).expand({4, 3, 6}).contiguous();
  for (auto const* call :
       {"x.scatter(1, i, 2.5)", "x.scatter(1, i, x)", "x.scatter(-2, i, x[:, :3])", "x.scatter(1, i, x, reduce='add')",
        "x.scatter(1, i, 2.0, reduce='multiply')", "torch.scatter(x.to(i.dtype), 1, i, i)"})
    test::check_export(returning(call), {x, distinct});
  for (auto const* call :
       {"x.scatter_add(1, i, x)", "x.scatter_add(1, i, x[:, :3] * 2)", "x.scatter_reduce(1, i, x, 'sum')"})
    test::check_export(returning(call), {x, places});
  for (auto const* call : {"x.scatter_reduce(1, i, x, 'sum', include_self=False)", "x.scatter_reduce(1, i, x, 'prod')",
                           "x.scatter_reduce(1, i, x, 'mean')", "x.scatter_reduce(1, i, x, 'mean', include_self=False)",
                           "x.scatter_reduce(1, i, x, 'amax')", "x.scatter_reduce(1, i, x, 'amin', include_self=False)",
                           "x.scatter_reduce(1, i, x, 'amax', include_self=False)"})
    test::check_export(returning(call), {x, places}, {.opset = 18});
  CHECK_THROWS_AS(td::evaluate(test::scripted(returning("x.scatter_add(1, i, x)"))) |
                      td::export_onnx({.opset = 15, .samples = std::vector<td::example>{{x, places}}}),
                  td::export_error);
}

TEST_CASE("rows are written along an axis") {
  auto const x = test::noise({4, 5, 6}).front();
  for (auto const* call :
       {"x.index_add(1, torch.tensor([0, 2, 2]), x[:, :3])",
        "x.index_add(1, torch.tensor([0, 2, 2]), x[:, :3], alpha=2)",
        "x.index_copy(2, torch.tensor([0, 3]), x[:, :, :2])", "x.index_fill(1, torch.tensor([0, 4]), 2.0)",
        "x.index_fill(-1, torch.tensor(1), -1)", "torch.select_scatter(x, x[:, 0] * 2, 1, 3)",
        "torch.select_scatter(x, x[:, 0] * 2, 1, -1)", "torch.select_scatter(x, x[0] * 2, 0, x.size(0) - 1)",
        "torch.slice_scatter(x, x[:, :2] * 2, 1, 1, 3)", "torch.slice_scatter(x, x[:, :3], 1, 0, 5, 2)",
        "torch.slice_scatter(x, x[:, :, :2] * 2, -1, -2)", "torch.slice_scatter(x, x * 3)"})
    test::check_export(returning(call, "x"), {x});
}
