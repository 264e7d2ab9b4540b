#include <string>
#include <vector>

#include <torchdeploy/onnx/dtype_policy.hpp>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

struct precision {
  at::ScalarType dtype;
  double rtol, atol;
};
/// Half has 11 bits, bfloat16 8; what no runtime has in double is computed in float.
constexpr precision precisions[] = {{at::kHalf, 1e-2, 1e-2}, {at::kBFloat16, 5e-2, 5e-2}, {at::kDouble, 1e-4, 1e-5}};

torch::jit::Module with_weights(std::string const& source,
                                std::vector<std::pair<std::string, std::vector<std::int64_t>>> const& weights,
                                at::ScalarType dtype) {
  torch::jit::Module made("Net");
  std::uint64_t seed = 1;
  for (auto const& [name, shape] : weights)
    made.register_parameter(name, (test::noise(shape, 1, seed++).front() * 0.3).to(dtype), false);
  made.define(source);
  return made;
}

void check(torch::jit::Module const& module, at::Tensor const& x, precision const& of) {
  INFO(toString(of.dtype));
  auto const given = x.to(of.dtype);
  test::check_export(module, {given}, {{given.slice(0, 0, 1)}, {at::cat({given, given})}}, {}, of.rtol, of.atol);
}

}  // namespace

TEST_CASE("a convolution net of every dtype of floats runs") {
  std::string const source = R"(
def forward(self, x):
    y = torch.conv2d(x, self.w, self.b, 2, 1)
    y = torch.batch_norm(y, self.g, self.h, self.m, self.g.abs() + 1.0, False, 0.1, 1e-5, False)
    y = torch.hardswish(torch.relu(y))
    y = torch.max_pool2d(y, 2, 2) + torch.avg_pool2d(y, 2, 2)
    y = torch.conv_transpose2d(y, self.t)
    y = torch.upsample_bilinear2d(y, [8, 8], False)
    y = torch.gelu(torch.group_norm(y, 2)) + torch.silu(y) * torch.hardsigmoid(y)
    return torch.softmax(torch.linear(torch.adaptive_avg_pool2d(y, [1, 1]).flatten(1), self.l, self.k), 1)
)";
  for (auto const& each : precisions)
    check(with_weights(source,
                       {{"w", {8, 3, 3, 3}},
                        {"b", {8}},
                        {"g", {8}},
                        {"h", {8}},
                        {"m", {8}},
                        {"t", {8, 4, 2, 2}},
                        {"l", {5, 4}},
                        {"k", {5}}},
                       each.dtype),
          test::noise({2, 3, 16, 16}).front(), each);
}

TEST_CASE("a transformer block of every dtype of floats runs") {
  std::string const source = R"(
def forward(self, x):
    y = torch.layer_norm(x, [8], self.n, self.o)
    q, k, v = torch.linear(y, self.qkv, self.b).chunk(3, -1)
    def_heads = [x.size(0), x.size(1), 2, 4]
    q, k, v = q.view(def_heads).transpose(1, 2), k.view(def_heads).transpose(1, 2), v.view(def_heads).transpose(1, 2)
    a = torch.scaled_dot_product_attention(q, k, v, None, 0.0, True).transpose(1, 2).flatten(2)
    x = x + torch.linear(a, self.p)
    return x + torch.linear(torch.gelu(torch.linear(torch.rms_norm(x, [8], self.n), self.f)), self.g)
)";
  for (auto const& each : precisions)
    check(with_weights(
              source,
              {{"n", {8}}, {"o", {8}}, {"qkv", {24, 8}}, {"b", {24}}, {"p", {8, 8}}, {"f", {16, 8}}, {"g", {8, 16}}},
              each.dtype),
          test::noise({2, 5, 8}).front(), each);
}

TEST_CASE("recurrent layers of every dtype of floats run") {
  std::string const source = R"(
def forward(self, x):
    h = torch.zeros([1, x.size(0), 4], dtype=x.dtype)
    return torch.lstm(x, [h, h], [self.w, self.r, self.b, self.c], True, 1, 0.0, False, False, True)[0]
)";
  for (auto const& each : precisions)
    if (each.dtype != at::kBFloat16)  // LibTorch rounds each step of it
      check(with_weights(source, {{"w", {16, 3}}, {"r", {16, 4}}, {"b", {16}}, {"c", {16}}}, each.dtype),
            test::noise({2, 5, 3}).front(), each);
}

TEST_CASE("operators of every dtype of floats run") {
  auto const x = test::noise({3, 4, 6}).front();
  for (auto const* call : {"x + x * 2",
                           "x - 1",
                           "x / 3",
                           "torch.relu(x)",
                           "torch.elu(x)",
                           "torch.celu(x, 2.0)",
                           "torch.selu(x)",
                           "torch.gelu(x)",
                           "torch.gelu(x, approximate='tanh')",
                           "torch.softplus(x)",
                           "torch.mish(x)",
                           "torch.leaky_relu(x)",
                           "torch.rrelu(x)",
                           "torch.prelu(x, torch.tensor([0.25], dtype=x.dtype))",
                           "torch.hardtanh(x)",
                           "torch.log_sigmoid(x)",
                           "torch.hardsigmoid(x)",
                           "torch.hardswish(x)",
                           "torch.silu(x)",
                           "torch.sigmoid(x)",
                           "torch.tanh(x)",
                           "torch.erf(x)",
                           "torch.exp(x)",
                           "torch.sin(x)",
                           "torch.tan(x * 0.3)",
                           "torch.asin(x * 0.2)",
                           "torch.acos(x * 0.2)",
                           "torch.atan(x)",
                           "torch.sinh(x)",
                           "torch.cosh(x)",
                           "torch.asinh(x)",
                           "torch.acosh(x.abs() + 1)",
                           "torch.atanh(x * 0.2)",
                           "torch.log1p(x.abs())",
                           "torch.expm1(x)",
                           "torch.sqrt(x.abs())",
                           "torch.clamp(x, -1, 1)",
                           "torch.hardshrink(x)",
                           "torch.softshrink(x)",
                           "torch.threshold(x, 0.5, 2.0)",
                           "x.sum(1)",
                           "x.mean([1, 2])",
                           "x.amax(1)",
                           "x.var(1)",
                           "x.cumsum(1)",
                           "x.norm(2, 1)",
                           "torch.logsumexp(x, 1)",
                           "x.softmax(-1)",
                           "x.log_softmax(-1)",
                           "x @ x.transpose(1, 2)",
                           "torch.einsum('bij,bkj->bik', [x, x])",
                           "x.tril()",
                           "torch.constant_pad_nd(x, [1, 2], 0.5)",
                           "x.flip(1)",
                           "torch.where(x > 0, x, -x)",
                           "x.topk(2)[0]",
                           "x.max(1)[0]",
                           "torch.zeros_like(x) + x",
                           "torch.full([x.size(0), 2], 1.5, dtype=x.dtype)",
                           "torch.max_pool1d(x, 2)",
                           "torch.avg_pool1d(x, 2)",
                           "torch.upsample_linear1d(x, [9], False)",
                           "torch.upsample_nearest1d(x, [9])",
                           "torch.layer_norm(x, [6])",
                           "torch.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, False)",
                           "x.expand(2, -1, -1, -1)",
                           "x.repeat(1, 2, 1)",
                           "x.remainder(0.75)"})
    for (auto const& each : precisions) {
      INFO(call << ' ' << toString(each.dtype));
      std::string const source = "def forward(self, x):\n    return " + std::string(call);
      test::check_export(source, {x.to(each.dtype)}, {}, each.rtol, each.atol);
    }
}

TEST_CASE("what is written out in double keeps its precision") {
  auto const x = test::noise({3, 4}).front().to(at::kDouble);
  for (auto const* call : {"torch.elu(x)", "torch.celu(x, 2.0)", "torch.selu(x)", "torch.softplus(x)", "torch.mish(x)",
                           "torch.leaky_relu(x)", "torch.hardsigmoid(x)", "torch.hardswish(x)", "torch.log_sigmoid(x)"})
    test::check_export(test::scripted("def forward(self, x):\n    return " + std::string(call)), {x}, {{-x}, {x * 3}},
                       {.dynamic_axes = {{}}, .opset = 18}, 1e-12, 1e-12);
}

TEST_CASE("operators of every dtype of ints run") {
  auto const x = at::tensor({0, 1, 2, 7, 3, 4}).reshape({3, 2});
  for (auto const* call : {"x + x",
                           "x - 1",
                           "x * 2",
                           "x // 2",
                           "x % 3",
                           "torch.relu(x)",
                           "x.clamp(1, 3)",
                           "x ** 2",
                           "torch.maximum(x, x.flip(1))",
                           "torch.abs(x)",
                           "x.sum(1)",
                           "x.amax(1)",
                           "x.cumsum(1)",
                           "torch.constant_pad_nd(x, [1, 1], 1)",
                           "x == 2",
                           "x < 3",
                           "torch.where(x > 1, x, x * 0)",
                           "x.sort(1)[0]",
                           "x.tril()",
                           "x.repeat(1, 2)",
                           "x @ x.t()[:, :1]",
                           "x.to(6) / 2"})
    for (auto const dtype : {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong}) {
      INFO(call << ' ' << toString(dtype));
      test::check_export("def forward(self, x):\n    return " + std::string(call), {x.to(dtype)});
    }
}

TEST_CASE("a dtype that no runtime takes is refused by name") {
  auto const x = at::arange(16).reshape({1, 1, 4, 4});
  CHECK_THROWS_WITH(
      td::evaluate(test::scripted("def forward(self, x):\n    return torch.max_pool2d(x, 2)")) |
          td::export_onnx({.samples = std::vector<td::example>{{x}}}),
      Catch::Matchers::Contains("902") && Catch::Matchers::Contains("MaxPool") && Catch::Matchers::Contains("Long"));
}

TEST_CASE("the dtype to compute in is the narrowest that runtimes take and that holds the one given") {
  using td::detail::onnx_dtype_for;
  CHECK(onnx_dtype_for("Conv", 17, at::kFloat) == at::kFloat);
  CHECK(onnx_dtype_for("Conv", 17, at::kBFloat16) == at::kFloat);
  CHECK(onnx_dtype_for("Conv", 17, at::kDouble) == at::kFloat);
  CHECK(onnx_dtype_for("Exp", 17, at::kDouble) == at::kDouble);
  CHECK(onnx_dtype_for("Add", 13, at::kByte) == at::kInt);
  CHECK(onnx_dtype_for("Relu", 13, at::kChar) == at::kDouble);
  CHECK(onnx_dtype_for("Relu", 14, at::kChar) == at::kChar);
  CHECK(onnx_dtype_for("MaxPool", 17, at::kInt) == at::kDouble);
  CHECK_FALSE(onnx_dtype_for("MaxPool", 17, at::kLong));
  CHECK(onnx_dtype_for("AnotherOne", 17, at::kLong) == at::kLong);
}

TEST_CASE("what is computed in float is rounded once in a call") {
  auto const x = test::noise({3, 4}).front().to(at::kBFloat16);
  auto const onnx = td::evaluate(test::scripted("def forward(self, x):\n    return torch.silu(torch.gelu(x))")) |
                    td::export_onnx({.samples = std::vector<td::example>{{x}}});
  // to float and back for each of two calls, whatever they are written as
  CHECK(onnx.handle().summary->operators.at("Cast") == 4);
}
