#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string source(std::string const& arguments, std::string const& result) {
  return "def forward(self, " + arguments + "):\n    return " + result;
}
at::Tensor ints(std::vector<std::int64_t> const& shape, at::ScalarType dtype = at::kLong) {
  return at::arange(24, at::kLong).remainder(7).sub(3).slice(0, 0, at::empty(shape).numel()).reshape(shape).to(dtype);
}

}  // namespace

TEST_CASE("a linear layer in ONNX is LibTorch's, whatever its input's rank") {
  auto const weight = test::noise({5, 4}, 1, 7).front();
  auto const bias = test::noise({5}, 1, 8).front();
  torch::jit::Module layer("Layer");
  layer.register_parameter("weight", weight, false);
  layer.register_parameter("bias", bias, false);
  layer.define(R"(
def forward(self, x):
    return torch.linear(x, self.weight, self.bias), torch.linear(x, self.weight)
)");
  for (auto const& shape : std::vector<std::vector<std::int64_t>>{{4}, {3, 4}, {3, 2, 4}, {3, 2, 2, 4}}) {
    auto const x = test::noise(shape).front();
    if (shape.size() == 1)
      test::check_export(layer, {x}, {}, {.dynamic_axes = {{}}});
    else
      test::check_export(layer, {x}, {{x.slice(0, 0, 1)}, {at::cat({x, x})}});
  }
  auto const onnx =
      td::evaluate(layer) | td::export_onnx({.samples = std::vector<td::example>{{test::noise({3, 4}).front()}}});
  CHECK(onnx.handle().summary->nodes() == 2);
}

TEST_CASE("a weight that the model computes is one too") {
  auto const x = test::noise({3, 4}).front();
  test::check_fixed_export(source("x, w, b", "torch.linear(x, w, b)"),
                           {x, test::noise({5, 4}).front(), test::noise({5}).front()});
  test::check_fixed_export(source("x, w, b", "torch.linear(x, w, b)"),
                           {test::noise({2, 3, 4}).front(), test::noise({5, 4}).front(), test::noise({5}).front()});
  test::check_fixed_export(source("x, w", "torch.linear(x, w)"), {x, test::noise({4}).front()});
}

TEST_CASE("products of matrices and vectors in ONNX are LibTorch's") {
  auto const n = [](std::vector<std::int64_t> const& shape) { return test::noise(shape).front(); };
  struct product {
    std::string call;
    td::example inputs;
  };
  for (auto const& [call, inputs] : std::vector<product>{
           {"torch.matmul(x, y)", {n({4}), n({4})}},
           {"torch.matmul(x, y)", {n({3, 4}), n({4})}},
           {"torch.matmul(x, y)", {n({4}), n({4, 3})}},
           {"torch.matmul(x, y)", {n({4}), n({2, 4, 3})}},
           {"torch.matmul(x, y)", {n({2, 3, 4}), n({4})}},
           {"torch.matmul(x, y)", {n({2, 1, 3, 4}), n({5, 4, 2})}},
           {"x @ y", {ints({2, 3}), ints({3, 4})}},
           {"x @ y", {ints({2, 3}, at::kInt), ints({3, 4}, at::kInt)}},
           {"x @ y", {ints({2, 3}, at::kChar), ints({3, 4}, at::kChar)}},
           {"x @ y", {ints({2, 3}, at::kByte), ints({3, 4}, at::kByte)}},
           {"x @ y", {n({2, 3}).to(at::kDouble), n({3, 4}).to(at::kDouble)}},
           {"torch.linear(x, y)", {n({2, 3}).to(at::kDouble), n({4, 3}).to(at::kDouble)}},
           {"torch.linear(x, y)", {ints({2, 3}), ints({4, 3})}},
           {"torch.mm(x, y)", {n({2, 3}), n({3, 4})}},
           {"torch.bmm(x, y)", {n({2, 3, 4}), n({2, 4, 5})}},
           {"torch.mv(x, y)", {n({2, 3}), n({3})}},
           {"torch.dot(x, y)", {n({3}), n({3})}},
           {"torch.vdot(x, y)", {n({3}), n({3})}},
           {"torch.outer(x, y)", {n({3}), n({4})}},
           {"torch.outer(x, y)", {n({3}), ints({4})}},
           {"torch.ger(x, y)", {n({3}), n({4})}},
           {"torch.inner(x, y)", {n({3}), n({3})}},
           {"torch.inner(x, y)", {n({2, 3}), n({3})}},
           {"torch.inner(x, y)", {n({2, 3}), n({4, 5, 3})}},
           {"torch.inner(x, y)", {n({2, 3}), n({1})[0]}},
           {"torch.linalg_vecdot(x, y)", {n({2, 3}), n({2, 3})}},
           {"torch.linalg_vecdot(x, y, dim=0)", {n({2, 3}), n({2, 3})}},
           {"torch.linalg_multi_dot([x, y, y])", {n({3}), n({3, 3})}},
           {"torch.chain_matmul([x, y])", {n({2, 3}), n({3, 3})}},
           {"torch.linalg_matmul(x, y)", {n({2, 3}), n({3, 3})}},
           {"torch.tensordot(x, y, [1], [0])", {n({2, 3}), n({3, 4})}},
           {"torch.tensordot(x, y, [-1, 1], [0, -1])", {n({2, 3, 4}), n({4, 5, 3})}},
           {"torch.kron(x, y)", {n({2, 3}), n({4, 5})}},
           {"torch.kron(x, y)", {n({3}), n({4, 5})}},
           {"torch.einsum('ij,jk->ik', [x, y])", {n({2, 3}), n({3, 4})}},
           {"torch.einsum('ij , jk', [x, y])", {n({2, 3}), n({3, 4})}},
           {"torch.einsum('...ij,...kj->...ik', [x, y])", {n({2, 2, 3}), n({2, 4, 3})}},
           {"torch.einsum('bhld,bhsd->bhls', [x, y])", {n({2, 2, 3, 4}), n({2, 2, 5, 4})}},
           {"torch.einsum('i,i->', [x, y])", {n({3}), n({3})}},
           {"torch.einsum('i,j,i->j', [x, y, x])", {n({3}), n({4})}},
           {"torch.einsum('ij,kj->ki', [x, y], path=[0, 1])", {n({2, 3}), n({4, 3})}},
           {"torch.einsum('ij,jk->ik', [x, y])", {ints({2, 3}), ints({3, 4})}},
           {"torch.einsum('ij,jk->ik', [x, y])", {ints({2, 3}, at::kShort), ints({3, 4}, at::kShort)}},
           {"torch.einsum('ij->ji', [x]), y", {ints({2, 3}).to(at::kBool), n({1})}},
           {"torch.einsum('ii->i', [x]), y", {n({3, 3}), n({1})}},
           {"torch.einsum('ii', [x]), y", {n({3, 3}), n({1})}},
       })
    test::check_fixed_export(source("x, y", call), inputs);
}

TEST_CASE("an output without dimensions says so") {
  auto const x = test::noise({3}).front();
  auto const onnx = td::evaluate(test::scripted(source("x", "torch.dot(x, x)"))) |
                    td::export_onnx({.samples = std::vector<td::example>{{x}}});
  CHECK(onnx.handle().summary->outputs.at(0).shape == std::vector<std::int64_t>{});
}

TEST_CASE("products with sizes left open") {
  auto const x = test::noise({3, 4}).front(), y = test::noise({3, 4, 4}).front();
  test::check_export(source("x, y", "torch.einsum('bi,bij->bj', [x, y])"), {x, y});
  test::check_export(source("x, y", "torch.baddbmm(x.unsqueeze(1), x.unsqueeze(1), y, beta=0.5, alpha=2.0)"), {x, y});
  test::check_export(source("x, y", "torch.baddbmm(x.unsqueeze(1), x.unsqueeze(1), y, beta=0.0)"), {x, y});
  test::check_export(source("x, y", "torch.addbmm(torch.ones([4, 4]), y, y, beta=2.0, alpha=3.0)"), {x, y});
  test::check_export(source("x, y", "torch.kron(x, torch.ones([2, 2]))"), {x, y});
}

TEST_CASE("products that are added to in ONNX are LibTorch's") {
  auto const n = [](std::vector<std::int64_t> const& shape) { return test::noise(shape).front(); };
  for (auto const* call : {"torch.addmm(x, y, z)", "torch.addmm(x, y, z, beta=0.5, alpha=2.0)",
                           "torch.addmm(x, y, z, beta=0.0)", "torch.addmm(x * float('nan'), y, z, beta=0.0)"})
    for (auto const& self : {n({2, 4}), n({4}), n({2, 1}), n({1})[0]})
      test::check_fixed_export(source("x, y, z", call), {self, n({2, 3}), n({3, 4})});
  test::check_fixed_export(source("x, y, z", "torch.addmm(x, y, z, beta=2, alpha=3)"),
                           {ints({2, 4}), ints({2, 3}), ints({3, 4})});
  for (auto const* call : {"torch.addmv(x, y, z)", "torch.addmv(x, y, z, beta=0.5, alpha=2.0)"})
    test::check_fixed_export(source("x, y, z", call), {n({2}), n({2, 3}), n({3})});
  for (auto const* call : {"torch.addr(x, y, z)", "torch.addr(x, y, z, beta=0.5, alpha=2.0)"})
    test::check_fixed_export(source("x, y, z", call), {n({2, 3}), n({2}), n({3})});
  for (auto const* call : {"torch.bilinear(x, y, z, None)", "torch.bilinear(x, y, z, torch.ones([5]))"}) {
    test::check_fixed_export(source("x, y, z", call), {n({2, 3}), n({2, 4}), n({5, 3, 4})});
    test::check_fixed_export(source("x, y, z", call), {n({2, 2, 3}), n({2, 2, 4}), n({5, 3, 4})});
    test::check_fixed_export(source("x, y, z", call), {n({3}), n({4}), n({5, 3, 4})});
  }
}

TEST_CASE("products of half precision") {
  auto const x = test::noise({3, 4}).front(), y = test::noise({5, 4}).front();
  for (auto const dtype : {at::kHalf})
    for (auto const* call : {"torch.linear(x, y)", "x @ y.t()", "torch.einsum('ij,kj->ki', [x, y])"})
      test::check_fixed_export(source("x, y", call), {x.to(dtype), y.to(dtype)}, {}, 1e-2, 1e-2);
}
