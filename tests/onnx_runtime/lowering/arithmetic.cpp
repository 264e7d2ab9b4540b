#include <string>
#include <vector>

#include "support/exported.hpp"

namespace {

void check(std::string const& result, td::example const& inputs) {
  std::string const arguments = inputs.size() == 1 ? "x" : "x, y";
  test::check_export("def forward(self, " + arguments + "):\n    return " + result, inputs);
}

}  // namespace

TEST_CASE("two-sided arithmetic in ONNX promotes as LibTorch does") {
  auto const real = test::noise({3, 4}).front() * 3;
  auto const whole = (real * 5).to(at::kLong) + 1, small = whole.to(at::kInt);
  auto const other = test::noise({3, 4}, 1, 7).front().abs() + 0.5;
  auto const divisor = (other * 3).to(at::kLong) + 1;
  for (auto const* result :
       {"x + y", "x - y", "x * y", "x / y", "torch.add(x, y, alpha=3)", "torch.sub(x, y, alpha=2)", "torch.rsub(x, y)",
        "torch.div(x, y, rounding_mode='floor')", "torch.div(x, y, rounding_mode='trunc')", "x // y", "x % y",
        "torch.fmod(x, y)", "torch.remainder(x, y)", "torch.maximum(x, y)", "torch.minimum(x, y)"}) {
    check(result, {real, other});
    check(result, {whole, divisor});
    check(result, {-whole, divisor});
    check(result, {whole, -divisor});
    check(result, {whole, other});
    check(result, {small, divisor});
    check(result, {real.to(at::kDouble), divisor.to(at::kInt)});
  }
  for (auto const* result :
       {"x + 2", "x + 2.5", "x - 1", "2 - x", "x * 3", "x * 0.5", "x / 4", "7 / (x + 10)", "x // 3", "x % 3"}) {
    check(result, {real});
    check(result, {whole});
    check(result, {small});
  }
  check("x + y", {real > 0, other > 1});
  check("x * y", {real > 0, other > 1});
  check("x + y", {real > 0, whole});
}

TEST_CASE("powers, roots and rounding in ONNX are LibTorch's") {
  auto const real = test::noise({3, 4}).front() * 3;
  auto const positive = real.abs() + 0.1;
  auto const whole = (real * 2).to(at::kLong);
  for (auto const* result : {"x ** 2",
                             "x ** 3",
                             "torch.square(x)",
                             "-x",
                             "torch.abs(x)",
                             "torch.sign(x)",
                             "torch.exp(x)",
                             "torch.exp2(x)",
                             "torch.expm1(x)",
                             "torch.sin(x)",
                             "torch.cos(x)",
                             "torch.tan(x * 0.3)",
                             "torch.sinh(x)",
                             "torch.cosh(x)",
                             "torch.atan(x)",
                             "torch.asinh(x)",
                             "torch.erf(x)",
                             "torch.floor(x)",
                             "torch.ceil(x)",
                             "torch.round(x)",
                             "torch.trunc(x)",
                             "torch.reciprocal(x + 20)",
                             "torch.clamp(x, -1, 1)",
                             "torch.clamp(x, min=0.5)",
                             "torch.clamp(x, max=0.5)",
                             "torch.clamp_min(x, 1)",
                             "torch.clamp_max(x, 1)",
                             "torch.clamp(x, 2, 1)"}) {
    check(result, {real});
    check(result, {whole});
  }
  for (auto const* result :
       {"torch.sqrt(x)", "torch.rsqrt(x)", "torch.log(x)", "torch.log2(x)", "torch.log10(x)", "torch.log1p(x)",
        "x ** 0.5", "x ** -0.5", "x ** -1", "2 ** x", "2.5 ** x", "x ** x", "torch.acosh(x + 1)"})
    check(result, {positive});
  for (auto const* result : {"torch.asin(x)", "torch.acos(x)", "torch.atanh(x)"}) check(result, {real * 0.05});
  for (auto const* result : {"torch.frac(x)", "torch.round(x, decimals=1)"}) check(result, {real});
  for (auto const* result :
       {"torch.atan2(x, y)", "torch.clamp(x, min=y)", "torch.clamp(x, max=y)", "torch.lerp(x, y, 0.3)",
        "torch.lerp(x, y, torch.abs(x))", "torch.addcmul(x, x, y, value=0.5)", "torch.addcdiv(x, x, y, value=2)"})
    check(result, {real, positive});
}
