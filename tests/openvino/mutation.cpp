#include <torchdeploy/openvino/mutation.hpp>

#include <limits>
#include <string>

#include "support/openvino.hpp"

namespace {
void agrees(std::string const& body, td::example const& inputs) {
  INFO(body);
  auto const module = test::scripted("def forward(self, x, y):\n" + body);
  auto model = test::compiled(module, {inputs});
  CHECK(test::agreement_db(module, model, inputs) >= 100);
}
void is_refused(std::string const& body) {
  INFO(body);
  auto const module = test::scripted("def forward(self, x, y):\n" + body);
  td::example const inputs{at::ones({3, 4}), at::ones({3, 4})};
  auto const failed = test::failure_of<td::backend_error>([&] { test::compiled(module, {inputs}); });
  CHECK(failed.code == td::errc::conversion_failed);
  CHECK_THAT(failed.text, ContainsSubstring("aten::add_"));
}
}  // namespace

TEST_CASE("what is written in place is what LibTorch makes of it") {
  auto const numbers = test::noise({3, 4}, 2);
  td::example const floats{numbers[0], numbers[1]};
  agrees("  x.add_(y)\n  return x * 2, y", floats);  // into an argument
  agrees("  z = x.clone()\n  z[:, 0] = 5\n  z[1:, 1:3] = y[1:, 0:2]\n  return z", floats);
  agrees("  z = x.clone()\n  z[0][1] = 7\n  return z", floats);
  agrees("  z = x * 2\n  z[:, 1:3].add_(3)\n  return z", floats);
  agrees("  z = x.relu()\n  if bool(y.sum() > 0):\n    z.add_(1)\n  else:\n    z.mul_(3)\n  return z", floats);
  agrees("  z = x.clone()\n  for i in range(x.size(0)):\n    z[i] = z[i] * i\n  return z", floats);
  agrees("  z = torch.relu_(x + y)\n  return z", floats);
}

TEST_CASE("what is written in place by operators that OpenVINO has no rule for is what LibTorch makes of it") {
  auto const numbers = test::noise({3, 4}, 2);
  auto const few = numbers[0].clone();
  few[0][0] = std::numeric_limits<float>::infinity();
  few[0][1] = std::numeric_limits<float>::quiet_NaN();
  for (std::string const write : {"trunc_()", "frac_()", "threshold_(0.1, 20.0)", "addcdiv_(x, y * y + 1, value=0.5)",
                                  "nan_to_num_(1.5, 2.5, 3.5)", "logit_(0.3)"}) {
    td::example const inputs{write.starts_with("nan") ? few : numbers[0] * 3, numbers[1]};
    auto const both = [&](std::string const& body) {
      auto text = body;
      for (auto at = text.find('@'); at != text.npos; at = text.find('@')) text.replace(at, 1, write);
      agrees(text, inputs);
    };
    bool const may_take_zero = !write.starts_with("addcdiv") && !write.starts_with("nan");
    both("  z = x + 0.0\n  z.@\n  return z");
    both("  x.@\n  return x * 2, y");  // an argument
    both("  z = x + 0.0\n  v = z.@\n  return z, v");
    both("  z = x + 0.0\n  if bool(y.sum() > 100):\n    z.mul_(3)\n  else:\n    z.@\n  return z");
    both("  z = x + 0.0\n  for i in range(x.size(0)):\n    z.@\n  return z");
    if (may_take_zero) both("  z = x + 0.0\n  z[:, 1:3].@\n  return z");  // a part
  }
}

TEST_CASE("a result in place has the dtype of what it is written to") {
  auto const integers = at::randint(-9, 9, {3, 4}, at::kLong);
  td::example const halves{test::noise({3, 4}, 1).front().to(at::kHalf), at::ones({3, 4})};
  agrees("  z = x.clone()\n  z += y\n  return z", halves);
  agrees("  z = x.clone()\n  z.lt_(y)\n  return z", {integers, at::zeros({3, 4}, at::kLong)});
  agrees("  z = x.clone()\n  z += 1\n  z *= 2\n  return z", {integers, integers});
}

TEST_CASE("a write that a view shares is refused, since OpenVINO would lose it") {
  is_refused("  z = x.relu()\n  v = z.t()\n  z.add_(1)\n  return v");
  is_refused("  z = x.clone()\n  a = z[0]\n  b = z[0]\n  a.add_(1)\n  return b");
  is_refused("  z = x.clone()\n  z.view(-1).add_(1)\n  return z");
  is_refused(
      "  z = x.clone()\n  v = z[0]\n  s = x\n  for i in range(x.size(0)):\n    s = s + v\n    z.add_(1)\n  return s");
}
