#include <limits>
#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string returning(std::string const& call, std::string const& arguments = "x, y") {
  return "def forward(self, " + arguments + "):\n    return " + call;
}

}  // namespace

TEST_CASE("comparisons in ONNX promote as LibTorch does") {
  auto const floats = at::tensor({1.0, 2.0, 3.0, 2.5, -1.0, 0.0}).reshape({3, 2}).to(at::kFloat);
  auto const others = at::tensor({1, 3, 2, 2, -1, 0}).reshape({3, 2});
  for (auto const dtype : {at::kFloat, at::kDouble, at::kHalf, at::kLong, at::kInt, at::kByte, at::kBool})
    for (auto const* call : {"x == y", "x != y", "x < y", "x <= y", "x > y", "x >= y", "x == 2", "x >= 1.5",
                             "torch.eq(x, y).eq_(x == 1)"}) {
      INFO(toString(dtype));
      test::check_export(returning(call), {others.abs().to(dtype), floats});
    }
}

TEST_CASE("comparisons of sizes") {
  auto const x = test::noise({3, 4}).front();
  test::check_export("def forward(self, x):\n    return x * int(x.size(0) > 3) + int(x.size(0) == 3)", {x});
  test::check_export("def forward(self, x):\n    return x * int(x.shape == [3, 4]) + int(not (x.size(0) != 3))", {x});
  test::check_export("def forward(self, x):\n    return x * min(x.size(0), 4) + max(x.size(0), 2)", {x});
  test::check_export("def forward(self, x):\n    return x * min([x.size(0), 4, 2 * x.size(0)])", {x});
  test::check_export("def forward(self, x):\n    return x * min(x.size(0), 3.5)", {x});
}

TEST_CASE("logic in ONNX is LibTorch's") {
  auto const x = at::tensor({0, 1, 2, 0, -3, 4}).reshape({3, 2}), y = at::tensor({0, 0, 1, 5, 0, 6}).reshape({3, 2});
  for (auto const dtype : {at::kLong, at::kBool, at::kFloat, at::kByte})
    for (auto const* call : {"torch.logical_and(x, y)", "torch.logical_or(x, y)", "torch.logical_xor(x, y)",
                             "torch.logical_not(x)", "(x > 0) & (y > 0)", "(x > 0) | (y > 0)", "(x > 0) ^ (y > 0)",
                             "~(x > 0)", "(x > 0).logical_not_()", "torch.bitwise_and(x > 0, y > 0)"})
      test::check_export(returning(call), {x.abs().to(dtype), y});
}

TEST_CASE("bits of ints from opset 18 on, their complement always") {
  auto const x = at::tensor({0, 1, 2, 7, -3, 4}).reshape({3, 2}), y = at::tensor({5, 3, 1, 5, 12, 6}).reshape({3, 2});
  for (auto const dtype : {at::kLong, at::kInt, at::kByte, at::kBool}) {
    auto const a = x.abs().to(dtype);
    for (auto const* call : {"x & y", "x | y", "x ^ y", "x & 3", "~x", "x.clone().__iand__(y.to(x.dtype))"})
      test::check_export(returning(call), {a, y}, {.opset = 18});
    test::check_export(returning("~x"), {a, y});
  }
  test::check_export(returning("(x << 2) + (x >> 1)"), {x, y});
  for (auto const* call : {"x & 3", "x & 6", "x & -4", "x | 9", "x ^ 5", "x & 0"})
    for (auto const dtype : {at::kLong, at::kInt})
      for (std::int64_t const opset : {13, 17}) test::check_export(returning(call), {x.to(dtype), y}, {.opset = opset});
  CHECK_THROWS_WITH(
      td::evaluate(test::scripted(returning("x & y"))) | td::export_onnx({.samples = std::vector<td::example>{{x, y}}}),
      Catch::Matchers::Contains("from opset 18"));
}

TEST_CASE("numbers that are none, or endless") {
  auto const nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  auto const x = at::tensor({0.5, nan, inf, -inf, 1.0, 2.0}).reshape({3, 2}),
             y = at::tensor({0.5, nan, inf, 2.0, 1.0000001, 3.0}).reshape({3, 2});
  for (auto const dtype : {at::kFloat, at::kDouble, at::kHalf}) {
    for (auto const* call :
         {"torch.isnan(x)", "torch.isinf(x)", "torch.isfinite(x)", "torch.isposinf(x)", "torch.isneginf(x)",
          "torch.nan_to_num(x)", "torch.nan_to_num(x, 1.0, 2.0, 3.0)", "torch.nan_to_num(x, nan=-1.0)"}) {
      INFO(toString(dtype));
      test::check_export(returning(call), {x.to(dtype), y.to(dtype)});
    }
  }
  for (auto const dtype : {at::kFloat, at::kDouble})
    for (auto const* call :
         {"torch.isclose(x, y)", "torch.isclose(x, y, 0.5, 0.1)", "torch.isclose(x, y, equal_nan=True)"})
      test::check_export(returning(call), {x.to(dtype), y.to(dtype)});
  auto const whole = at::tensor({0, 1, -2}).reshape({3, 1});
  for (auto const* call :
       {"torch.isnan(x)", "torch.isinf(x)", "torch.isfinite(x)", "torch.nan_to_num(x)", "torch.isclose(x, x + 1)"})
    test::check_export(returning(call, "x"), {whole});
  test::check_export(returning("torch.zeros([2]) + int(torch.allclose(x, x + 1e-9))", "x"),
                     {test::noise({3, 4}).front()});
}

TEST_CASE("what is among others, and between which") {
  auto const x = test::noise({3, 4}).front();
  for (auto const* call : {"torch.isin(torch.round(x), torch.tensor([0.0, 1.0]))",
                           "torch.isin(torch.round(x), torch.tensor([[0, 1]]), invert=True)",
                           "torch.bucketize(torch.round(x), torch.tensor([-1.0, 0.0, 1.0]))",
                           "torch.bucketize(torch.round(x), torch.tensor([-1, 0, 1]), right=True)",
                           "torch.bucketize(x, torch.tensor([-1.0, 0.0, 1.0]), out_int32=True)",
                           "torch.searchsorted(torch.tensor([-1.0, 0.0, 1.0]), x, right=True)"})
    test::check_export(returning(call, "x"), {x});
}

TEST_CASE("choice by a condition") {
  auto const x = test::noise({3, 4}).front(), y = test::noise({3, 4}, 4, 7).front();
  for (auto const dtype : {at::kFloat, at::kDouble, at::kHalf, at::kLong, at::kInt, at::kShort, at::kByte, at::kBool})
    for (auto const* call :
         {"torch.where(y > 0, x, y)", "torch.where(y > 0, x, 2)", "torch.where(y > 0, 2, x)",
          "torch.where(y > 0, x, x[0, 0])", "x.masked_fill(y > 0, 1)", "x.masked_fill(y > 0, torch.tensor(1))",
          "x.clone().masked_fill_(y > 0, 1)", "x.masked_fill(y[0] > 0, 0)"}) {
      INFO(toString(dtype));
      test::check_export(returning(call), {(x * 3).abs().to(dtype), y});
    }
  test::check_export(returning("torch.where(y > 0, 1.5, 2.5)"), {x, y});
  test::check_export(returning("torch.where(y > 0, 1, 2)"), {x, y});
  test::check_export(returning("x.masked_fill(y > 0, -float('inf'))"), {x, y});
  test::check_export(returning("torch.heaviside(torch.round(x), y)"), {x, y});
}

TEST_CASE("the places of what is not 0") {
  auto const x = at::tensor({0, 1, 2, 0, -3, 4}).reshape({3, 2});
  for (auto const dtype : {at::kLong, at::kFloat, at::kDouble, at::kBool, at::kByte}) {
    test::check_export(returning("torch.where(x)", "x"), {x.to(dtype)});
    test::check_export(returning("torch.where(x > 1)", "x"), {x.to(dtype)});
  }
}
