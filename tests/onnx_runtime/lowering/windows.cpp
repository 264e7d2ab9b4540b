#include <map>
#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string returning(std::string const& call, std::string const& arguments = "x") {
  return "def forward(self, " + arguments + "):\n    return " + call;
}

}  // namespace

TEST_CASE("windows over images as columns, and back") {
  auto const x = test::noise({2, 3, 6, 7}).front(), columns = test::noise({2, 12, 20}, 1, 9).front();
  for (auto const* call :
       {"torch.im2col(x, [2, 2], [1, 1], [0, 0], [1, 1])", "torch.im2col(x, [2, 3], [2, 1], [1, 2], [2, 1])",
        "torch.im2col(x[0], [3, 3], [1, 1], [1, 1], [2, 2])",
        "torch.im2col(x.double(), [2, 2], [1, 1], [0, 0], [2, 2])"}) {
    test::check_export(returning(call), {x});
    if (std::string(call).find("[0]") != std::string::npos) continue;
    td::export_onnx_options options;
    options.dynamic_axes = {{"x", {{0, "batch"}, {2, "height"}, {3, "width"}}}};
    test::check_export(test::scripted(returning(call)), {x}, {{x.slice(-1, 0, 5)}, {x.repeat({2, 1, 2, 1})}}, options);
  }
  for (auto const* call : {"torch.col2im(x, [5, 6], [2, 2], [1, 1], [0, 0], [1, 1])",
                           "torch.col2im(x[0], [5, 6], [2, 2], [1, 1], [0, 0], [1, 1])",
                           "torch.col2im(x, [10, 8], [2, 2], [1, 1], [0, 0], [2, 2])",
                           "torch.col2im(x, [11, 9], [2, 2], [1, 1], [0, 0], [2, 2])",
                           "torch.col2im(x, [8, 6], [2, 2], [2, 2], [1, 1], [2, 2])"}) {
    auto const rows = std::string(call).find("[8, 6]") != std::string::npos ? 12 : 20;
    test::check_export(returning(call), {columns.slice(2, 0, rows)});
  }
  test::check_export(
      returning(
          "torch.col2im(torch.im2col(x, [3, 2], [1, 2], [1, 1], [2, 1]), [6, 7], [3, 2], [1, 2], [1, 1], [2, 1])"),
      {x});
}

TEST_CASE("sums over bags of rows") {
  auto const rows = at::tensor({0, 3, 1, 4, 2, 2, 3, 0}).reshape({4, 2});
  std::string const bags =
      "def forward(self, i):\n    w = torch.arange(15).reshape(5, 3) * 0.5\n    f = i.reshape(-1)\n"
      "    o = torch.arange(0, f.size(0), 2)\n    return torch.embedding_bag(w, f, o, ";
  for (auto const* rest : {"False, 0, False)[0]", "False, 1, False)[0]", "False, 0, False, f * 0.1, False)[0]",
                           "False, 1, False, None, False, 2)[0]", "False, 0, False, None, True)[0]"})
    test::check_export(bags + rest, {rows});
}
