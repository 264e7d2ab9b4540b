#include <torchdeploy/openvino/equivalents.hpp>

#include <string>

#include "support/openvino.hpp"

namespace {
bool equals(std::string const& expression, at::Tensor const& x) {
  auto const module = test::scripted("def forward(self, x):\n  return " + expression);
  auto model = test::compiled(module, {{x}});
  auto const expected = test::flat(test::forward(module, {x})).front();
  auto const got = test::run(model, {x}).front();
  return got.scalar_type() == expected.scalar_type() && at::equal(got, expected);
}
}  // namespace

TEST_CASE("division rounds as LibTorch's does, below zero too") {
  for (auto const dtype : {at::kLong, at::kInt, at::kFloat})
    for (std::string const expression :
         {"x // 2", "x // -3", "torch.floor_divide(x, 2)", "torch.div(x, 2, rounding_mode='floor')",
          "torch.div(x, 2, rounding_mode='trunc')", "x % 3", "x % -3", "torch.fmod(x, 3)", "-(-x.size(0) // 2) + x"}) {
      INFO(expression << " of " << dtype);
      CHECK(equals(expression, at::arange(-7, 8, dtype)));
    }
}

TEST_CASE("sums and products of integers are int64") {
  for (auto const dtype : {at::kInt, at::kLong})
    for (std::string const expression : {"x.sum()", "x.prod()", "x.cumsum(0)", "(x > 0).sum()"}) {
      INFO(expression << " of " << dtype);
      CHECK(equals(expression, at::arange(-3, 4, dtype)));
    }
}

TEST_CASE("one element of what unbind gives") {
  CHECK(equals("x.unbind(1)[1] + x.unbind()[0][1]", at::arange(6, at::kFloat).reshape({2, 3})));
}

TEST_CASE("a return out of a loop") {
  std::string const source =
      "def forward(self, x):\n  for i in range(4):\n    x = torch.relu(x + 1)\n    if bool(x.sum() > 10):\n"
      "      return x * 10\n  return x";
  auto const module = test::scripted(source);
  auto model = test::compiled(module, {{at::ones({1, 1})}});
  for (auto const rows : {1, 2, 7}) CHECK(test::agreement_db(module, model, {at::ones({rows, 2})}) >= 100);
}

TEST_CASE("a loop of forty sums of sums takes no longer for that") {
  std::string source = "def forward(self, x):\n  for i in range(4):\n";
  for (int i = 0; i < 40; ++i) source += "    x = x * 0.5 + x * 0.5\n";
  auto const module =
      test::scripted(source + "    x = x + 1\n    if bool(x.sum() > 10):\n      return x * 10\n  return x");
  auto model = test::compiled(module, {{at::ones({1, 1})}});
  for (auto const rows : {1, 2, 7}) CHECK(test::agreement_db(module, model, {at::ones({rows, 2})}) >= 100);
}
