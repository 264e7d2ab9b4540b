#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string source(std::string const& call) { return "def forward(self, x):\n    return " + call; }
using axes = std::map<std::string, std::map<std::int64_t, std::string>>;

}  // namespace

TEST_CASE("pooling by a window in ONNX is LibTorch's") {
  auto const x1 = test::noise({3, 2, 11}).front(), x2 = test::noise({3, 2, 9, 7}).front(),
             x3 = test::noise({2, 2, 6, 7, 5}).front();
  for (auto const* call : {"torch.max_pool1d(x, 3)", "torch.max_pool1d(x, 3, 2, 1, 2)", "torch.avg_pool1d(x, 3)",
                           "torch.avg_pool1d(x, 3, 2, 1, True, False)", "torch.max_pool1d_with_indices(x, 3, 2, 1)"})
    test::check_export(source(call), {x1});
  for (auto const* call :
       {"torch.max_pool2d(x, [2, 3])", "torch.max_pool2d(x, 3, 2, 1)",
        "torch.max_pool2d(x, [3, 2], [1, 2], [1, 0], [2, 1])",
        "torch.max_pool2d_with_indices(x, [3, 2], [2, 1], [1, 1])", "torch.max_pool2d_with_indices(x, 3)[1]",
        "torch.avg_pool2d(x, [2, 3])", "torch.avg_pool2d(x, [3, 2], [2, 1], [1, 1])",
        "torch.avg_pool2d(x, [3, 2], [2, 1], [1, 1], False, False)",
        "torch.avg_pool2d(x, [3, 2], [2, 1], [1, 1], False, True, 5)",
        "torch.avg_pool2d(x, [3, 2], [2, 1], [1, 1], True, False, 5)"})
    test::check_export(source(call), {x2});
  for (auto const* call : {"torch.max_pool3d(x, 2)", "torch.max_pool3d(x, [2, 3, 2], 2, 1, 1, True)",
                           "torch.max_pool3d_with_indices(x, 2, 1)", "torch.avg_pool3d(x, 2)",
                           "torch.avg_pool3d(x, [3, 2, 3], 2, [1, 0, 1], True)"})
    test::check_export(source(call), {x3});
}

TEST_CASE("the last windows of ceil_mode begin where LibTorch's do") {
  for (std::int64_t const size : {5, 6, 7, 8})
    for (std::int64_t const kernel : {1, 2, 3, 4})
      for (std::int64_t const stride : {1, 2, 3, 4})
        for (std::int64_t padding = 0; padding <= kernel / 2; ++padding) {
          auto const x = test::noise({2, 1, size}).front();
          auto const window = std::to_string(kernel) + ", " + std::to_string(stride) + ", " + std::to_string(padding);
          auto const pools = "torch.max_pool1d(x, " + window + ", 1, True), torch.avg_pool1d(x, " + window +
                             ", True), torch.avg_pool1d(x, " + window + ", True, False)" +
                             (size > 2 * kernel ? ", torch.max_pool1d(x, " + window + ", 2, True)" : "");
          if (size % 2 == 1) test::check_fixed_export(source(pools), {x});
          std::vector<td::example> others;
          for (std::int64_t const other : {9, 10, 11, 12}) others.push_back({test::noise({2, 1, other}).front()});
          INFO(pools);
          if (size == 5)
            test::check_export(test::scripted(source(pools)), {x}, others,
                               {.dynamic_axes = axes{{"x", {{2, "length"}}}}});
        }
}

TEST_CASE("divisors of windows over the edge do not depend on the opset") {
  auto const x = test::noise({2, 3, 6, 7}).front();
  for (std::int64_t const opset : {13, 18, 19, 21})
    for (auto const* call : {"torch.avg_pool2d(x, 3, 2, 1, True, True)", "torch.avg_pool2d(x, 3, 2, 1, True, False)",
                             "torch.avg_pool2d(x, 3, 2, 1, True, True, 7)", "torch.avg_pool2d(x, 2, 2, 0, True)"})
      test::check_export(source(call), {x}, {.opset = opset});
}

TEST_CASE("pooling without a batch, and of other dtypes") {
  auto const x = test::noise({3, 8, 6}).front() * 20;
  for (auto const* call : {"torch.max_pool2d(x, 2)", "torch.max_pool2d_with_indices(x, 2)", "torch.avg_pool2d(x, 2)",
                           "torch.adaptive_avg_pool1d(x, 3)", "torch.adaptive_avg_pool2d(x, [1, 1])",
                           "torch.adaptive_avg_pool2d(x, [4, 4])", "torch.adaptive_max_pool2d(x, [2, 2])",
                           "torch.adaptive_max_pool2d(x, [3, 4])[0]"})
    if (std::string(call).find("[0]") == std::string::npos || std::string(call).find("adaptive") != std::string::npos)
      test::check_fixed_export(source(call), {x});
  auto const image = x.unsqueeze(0);
  for (auto const dtype : {at::kDouble, at::kHalf, at::kInt, at::kChar, at::kByte})
    test::check_fixed_export(source("torch.max_pool2d(x, 3, 2, 1)"), {image.to(dtype)});
  for (auto const dtype : {at::kDouble, at::kHalf})
    for (auto const* call : {"torch.avg_pool2d(x, 2)", "torch.adaptive_avg_pool2d(x, [1, 1])",
                             "torch.adaptive_avg_pool2d(x, [3, 4])", "torch.adaptive_avg_pool2d(x, [2, 3])",
                             "torch.adaptive_max_pool2d(x, [2, 3])[0]", "torch.adaptive_max_pool2d(x, [3, 4])[0]"})
      test::check_fixed_export(source(call), {image.to(dtype)}, {}, 2e-3, 2e-2);
}

TEST_CASE("pooling to a size in ONNX is LibTorch's, whether or not it divides") {
  auto const x = test::noise({3, 2, 9, 7}).front();
  for (std::int64_t const opset : {17, 18})
    for (auto const* call : {"torch.adaptive_avg_pool2d(x, [1, 1])", "torch.adaptive_avg_pool2d(x, [3, 7])",
                             "torch.adaptive_avg_pool2d(x, [3, 1])", "torch.adaptive_avg_pool2d(x, [4, 1])",
                             "torch.adaptive_avg_pool2d(x, [6, 6])", "torch.adaptive_avg_pool2d(x, [12, 9])",
                             "torch.adaptive_avg_pool2d(x, [9, 7])", "torch.adaptive_max_pool2d(x, [1, 1])",
                             "torch.adaptive_max_pool2d(x, [3, 7])", "torch.adaptive_max_pool2d(x, [6, 6])[0]",
                             "torch.adaptive_max_pool2d(x, [12, 1])[0]"})
      test::check_export(source(call), {x}, {.opset = opset});
  auto const line = test::noise({3, 2, 10}).front();
  for (auto const* call :
       {"torch.adaptive_avg_pool1d(x, 1)", "torch.adaptive_avg_pool1d(x, 5)", "torch.adaptive_avg_pool1d(x, 3)",
        "torch.adaptive_max_pool1d(x, 5)", "torch.adaptive_max_pool1d(x, 3)[0]"})
    test::check_export(source(call), {line});
  auto const volume = test::noise({2, 2, 4, 5, 6}).front();
  for (auto const* call : {"torch.adaptive_avg_pool3d(x, [1, 1, 1])", "torch.adaptive_avg_pool3d(x, [3, 3, 4])",
                           "torch.adaptive_avg_pool3d(x, [2, 5, 3])", "torch.adaptive_max_pool3d(x, [3, 3, 4])[0]",
                           "torch.adaptive_max_pool3d(x, [2, 1, 3])"})
    test::check_export(source(call), {volume});
  CHECK_THROWS_AS(td::evaluate(test::scripted(source("torch.adaptive_max_pool2d(x, [2, 2])[1]"))) |
                      td::export_onnx({.samples = std::vector<td::example>{{x}}}),
                  td::export_error);
}

TEST_CASE("height and width stay open where a size is pooled to") {
  auto const x = test::noise({2, 3, 9, 7}).front();
  std::vector<td::example> others{{test::noise({2, 3, 13, 17}).front()}, {test::noise({2, 3, 4, 5}).front()}};
  for (auto const* call : {"torch.adaptive_avg_pool2d(x, [1, 1])", "torch.adaptive_avg_pool2d(x, [6, 3])",
                           "torch.adaptive_avg_pool2d(x, [2, 1])", "torch.adaptive_avg_pool2d(x, [3, x.size(3)])",
                           "torch.adaptive_max_pool2d(x, [1, 1])[0]", "torch.max_pool2d_with_indices(x, 2)",
                           "torch.avg_pool2d(x, 3, 2, 1, True)"}) {
    INFO(call);
    test::check_export(test::scripted(source(call)), {x}, others,
                       {.dynamic_axes = axes{{"x", {{2, "height"}, {3, "width"}}}}});
  }
}
