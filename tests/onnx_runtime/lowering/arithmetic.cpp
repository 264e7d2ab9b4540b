#include <cmath>
#include <limits>
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

TEST_CASE("quotients and rests of floats that float can't hold") {
  test::without_openvino const guard;  // x - floor(x / y) * y there
  auto const x = at::tensor({1.0, 0.6, 2.0, 0.3, 0.7, -1.0, -0.3, 5.0, 0.0}).reshape({3, 3}).to(at::kFloat);
  auto const y = at::tensor({0.1, 0.2, -0.1, 3.0, -0.7, 0.1, 0.3, std::numeric_limits<double>::infinity(), 2.0})
                     .reshape({3, 3})
                     .to(at::kFloat);
  for (auto const dtype : {at::kFloat, at::kDouble})
    for (auto const* result : {"x // 0.1", "x % 0.1", "x // -0.1", "x % -0.1", "torch.remainder(x, 0.2)",
                               "torch.div(x, 0.3, rounding_mode='floor')"})
      check(result, {x.to(dtype)});
  for (auto const* result : {"x // y", "x % y", "torch.fmod(x, y)", "x // (y * 0)", "torch.floor_divide(x, y)"})
    check(result, {x, y});
}

TEST_CASE("logarithms and exponentials of what is small") {
  auto const x =
      at::tensor({1e-6, 1e-7, -1e-7, 3e-5, 0.0, -0.3, 0.7, 20.0, -0.999, 60.0, 1e-30, -1e-3}).reshape({3, 4});
  auto const y = x.flip(1);
  for (auto const dtype : {at::kFloat, at::kDouble}) {
    for (auto const* result : {"torch.log1p(x)", "torch.expm1(x)"})
      test::check_export("def forward(self, x):\n    return " + std::string(result), {x.to(dtype)}, {}, 1e-5, 0);
    for (auto const* result : {"torch.logaddexp(x, y)", "torch.logaddexp2(x, y)", "torch.xlogy(x, y.abs() + 0.1)"})
      check(result, {x.to(dtype), y.to(dtype)});
  }
  auto const infinity = std::numeric_limits<double>::infinity();
  auto const far = at::tensor({infinity, -infinity, -1.0, std::nan(""), 0.0, 2.0}).reshape({3, 2}).to(at::kFloat);
  test::without_openvino const guard;  // of NaN and infinity
  for (auto const* result : {"torch.log1p(x)", "torch.expm1(x)"}) check(result, {far});
  for (auto const* result : {"torch.fmax(x, y)", "torch.fmin(x, y)", "torch.logaddexp(x, y)", "torch.maximum(x, y)"}) {
    check(result, {far, far});
    check(result, {far, far.flip(0)});
  }
  auto const part = test::noise({3, 4}).front().sigmoid();
  for (auto const* result : {"torch.logit(x)", "torch.logit(x, 0.2)", "torch.special_logit(x)", "torch.deg2rad(x)",
                             "torch.rad2deg(x)", "torch.float_power(x, 3)"})
    check(result, {part});
}
