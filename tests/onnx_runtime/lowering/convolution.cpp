#include <string>
#include <vector>

#include "support/exported.hpp"

namespace {

std::string calling(std::string const& call, std::string const& weight) {
  return "def forward(self, x):\n    w = torch.arange(" + weight + ")\n    return " + call;
}
/// `weight`: its sizes; the numbers are small and differ.
void check(std::string const& call, std::vector<std::int64_t> const& weight, at::Tensor const& x) {
  std::int64_t count = 1;
  std::string sizes;
  for (auto const each : weight) {
    count *= each;
    sizes += (sizes.empty() ? "" : ", ") + std::to_string(each);
  }
  auto const source = calling(
      call, std::to_string(count) + ").to(6).reshape(" + sizes + ").sub(" + std::to_string(count / 2) + ").mul(0.01");
  test::check_export(source, {x}, {}, 1e-4, 1e-4);
}

}  // namespace

TEST_CASE("convolutions of every rank in ONNX are LibTorch's") {
  auto const line = test::noise({2, 4, 11}).front(), plane = test::noise({2, 4, 9, 11}).front(),
             block = test::noise({2, 2, 5, 6, 7}).front();
  check("torch.conv1d(x, w)", {3, 4, 3}, line);
  check("torch.conv1d(x, w, torch.ones([3]), 2, 1, 2)", {3, 4, 3}, line);
  check("torch.conv1d(x, w, None, 1, 'same')", {3, 4, 4}, line);
  check("torch.conv2d(x, w)", {3, 4, 3, 3}, plane);
  check("torch.conv2d(x, w, torch.ones([6]), [2, 1], [1, 2], [1, 2], 2)", {6, 2, 3, 3}, plane);
  check("torch.conv2d(x, w, None, 1, 1, 1, 4)", {4, 1, 3, 3}, plane);
  check("torch.conv2d(x, w, None, 1, 'same', [2, 1])", {3, 4, 4, 3}, plane);
  check("torch.conv2d(x, w, None, 1, 'valid')", {3, 4, 3, 3}, plane);
  check("torch.conv2d(x[0], w)", {3, 4, 3, 3}, plane);
  check("torch.conv3d(x, w, None, 1, 1)", {3, 2, 3, 3, 3}, block);
}

TEST_CASE("transposed convolutions in ONNX are LibTorch's") {
  auto const line = test::noise({2, 4, 7}).front(), plane = test::noise({2, 4, 5, 6}).front(),
             block = test::noise({2, 2, 3, 4, 5}).front();
  check("torch.conv_transpose1d(x, w, torch.ones([3]), 2, 1, 1)", {4, 3, 3}, line);
  check("torch.conv_transpose2d(x, w)", {4, 3, 2, 2}, plane);
  check("torch.conv_transpose2d(x, w, torch.ones([6]), 2, 1, [1, 0], 2, [1, 2])", {4, 3, 3, 3}, plane);
  check("torch.conv_transpose3d(x, w, None, 2, 1, 1)", {2, 3, 3, 3, 3}, block);
  check("torch.convolution(x, w, None, [2, 2], [1, 1], [1, 1], True, [1, 1], 1)", {4, 3, 3, 3}, plane);
  check("torch.convolution(x, w, None, [2, 2], [1, 1], [1, 1], False, [0, 0], 1)", {3, 4, 3, 3}, plane);
}
