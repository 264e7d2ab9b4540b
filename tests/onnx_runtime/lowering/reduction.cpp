#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

std::string returning(std::string const& call) { return "def forward(self, x):\n    return " + call; }

}  // namespace

TEST_CASE("reductions in ONNX are LibTorch's") {
  auto const x = test::noise({3, 4, 5}).front() * 2;
  for (auto const* call : {"x.mean()",
                           "x.mean(1)",
                           "x.mean([-1, 0])",
                           "x.mean(-1, keepdim=True)",
                           "x.mean([1, 2], dtype=7)",
                           "x.sum()",
                           "x.sum(0)",
                           "x.sum([2, 1], keepdim=True)",
                           "x.sum(dtype=4)",
                           "x.prod()",
                           "x.prod(-1)",
                           "x.prod(1, keepdim=True)",
                           "x.nansum(1)",
                           "x.logsumexp(1)",
                           "x.logsumexp([0, -1], keepdim=True)",
                           "x.amax(1)",
                           "x.amax([0, 2], keepdim=True)",
                           "x.amin()",
                           "x.amin(-1)",
                           "x.max()",
                           "x.max(1)",
                           "x.max(-1, keepdim=True)[1]",
                           "x.min(0)[0]",
                           "x.min(2, keepdim=True)",
                           "x.min()",
                           "torch.max(x, -x)",
                           "torch.min(x, -x)",
                           "torch.aminmax(x)",
                           "torch.aminmax(x, dim=1, keepdim=True)",
                           "x.argmax()",
                           "x.argmax(keepdim=True)",
                           "x.argmax(1)",
                           "x.argmin(-1, keepdim=True)",
                           "x.argmin()",
                           "torch.any(x > 0)",
                           "torch.any(x > 1, 1)",
                           "torch.all(x > -2, -1, keepdim=True)",
                           "torch.all(x > -9)",
                           "torch.any(x > 1, [0, 2])",
                           "torch.count_nonzero(x > 0)",
                           "torch.count_nonzero(torch.relu(x), 1)",
                           "torch.count_nonzero(torch.relu(x), [0, 2])",
                           "x.cumsum(0)",
                           "x.cumsum(-1, dtype=7)",
                           "x.cumprod(1)",
                           "x.cumprod(-1)"})
    for (std::int64_t const opset : {17, 18}) test::check_export(returning(call), {x}, {.opset = opset});
}

TEST_CASE("reductions of other dtypes") {
  auto const x = at::tensor({0, 1, 2, 0, 3, 4}).reshape({3, 2});
  for (auto const dtype : {at::kLong, at::kInt, at::kShort, at::kByte, at::kBool, at::kDouble, at::kHalf})
    for (auto const* call :
         {"x.sum()", "x.sum(1)", "x.prod(1)", "x.amax(1)", "x.amin(0)", "x.max()", "x.max(1)", "x.any()", "x.all(1)",
          "x.cumsum(1)", "x.count_nonzero()", "x.mean(1, dtype=6)", "torch.aminmax(x)", "x.nansum()"}) {
      INFO(toString(dtype));
      test::check_export(returning(call), {x.to(dtype)}, {}, 1e-3, 1e-3);
    }
  for (auto const dtype : {at::kLong, at::kInt, at::kByte, at::kDouble, at::kHalf})
    for (auto const* call : {"x.argmax(1)", "x.argmin()", "x.sort(1)", "x.topk(1)", "x.argmax(0, keepdim=True)"}) {
      INFO(toString(dtype));
      test::check_export(returning(call), {x.to(dtype)});
    }
}

TEST_CASE("reductions of a number without dimensions") {
  auto const x = at::scalar_tensor(-1.5);
  for (auto const* call : {"x.sum()", "x.mean()", "x.mean(0)", "x.max()", "x.max(0)", "x.amax(0)", "x.argmax()",
                           "x.prod()", "x.norm()", "torch.linalg_vector_norm(x)", "x.any()", "x.cumsum(0)", "x.sort(0)",
                           "x.topk(1)", "x.logsumexp(0)", "torch.linalg_vector_norm(x, 1)"})
    test::check_fixed_export(returning(call), {x});
}

TEST_CASE("moments over fixed and open sizes") {
  auto const x = test::noise({4, 3, 5}).front();
  for (auto const dtype : {at::kFloat, at::kDouble, at::kHalf})
    for (auto const* call :
         {"x.var(1)", "x.var(1, unbiased=False)", "x.std(-1, keepdim=True)", "x.var([1, 2], correction=2)",
          "x.std([1, 2], correction=0, keepdim=True)", "torch.var_mean(x, [1, 2])",
          "torch.var_mean(x, -1, keepdim=True)", "torch.std_mean(x, 1)", "torch.std_mean(x, 1, unbiased=False)[0]"})
      for (std::int64_t const opset : {17, 18})
        test::check_export(returning(call), {x.to(dtype)}, {.opset = opset}, dtype == at::kHalf ? 3e-3 : 1e-4,
                           dtype == at::kHalf ? 1e-3 : 1e-5);
  for (auto const* call :
       {"x.var()", "x.std()", "x.var(unbiased=False)", "torch.var_mean(x)", "x.var(0)", "x.std([0, 1], correction=0)",
        "x.var(0, correction=1)", "torch.std_mean(x, [0, 2], unbiased=True)"})
    test::check_export(returning(call), {x});
}

TEST_CASE("norms of vectors") {
  auto const x = at::relu(test::noise({3, 4, 5}).front()) - 0.25;
  for (auto const* call :
       {"x.norm()", "x.norm(2, 1)", "x.norm(1, [1, 2], keepdim=True)", "x.norm(p=3, dim=-1)", "x.norm(p=0.5, dim=-1)",
        "x.norm(float('inf'), 1)", "x.norm(2, 1, False, dtype=7)", "x.norm(2, dtype=7)", "torch.linalg_vector_norm(x)",
        "torch.linalg_vector_norm(x, 1, [1])", "torch.linalg_vector_norm(x + 0.25, 0, [1, 2])",
        "torch.linalg_vector_norm(x, float('inf'), [-1], keepdim=True)",
        "torch.linalg_vector_norm(x, -float('inf'), [-1])", "torch.linalg_vector_norm(x, 3.5, [1], dtype=7)",
        "torch.linalg_norm(x)", "torch.linalg_norm(x, dim=[1])", "torch.linalg_norm(x, 1.0, dim=[1], keepdim=True)",
        "torch.linalg_norm(x, 'fro', dim=[1, 2])", "torch.frobenius_norm(x, [1, 2])"})
    for (std::int64_t const opset : {17, 18}) test::check_export(returning(call), {x}, {.opset = opset});
  CHECK_THROWS_AS(td::evaluate(test::scripted(returning("torch.linalg_norm(x, 'nuc', dim=[1, 2])"))) |
                      td::export_onnx({.samples = std::vector<td::example>{{x}}}),
                  td::export_error);
}

TEST_CASE("sums of half precision are not made in it") {
  auto const x = (test::noise({3, 400}).front().abs() * 100 + 200).to(at::kHalf);  // squares beyond 65504
  for (auto const* call : {"x.var(1)", "x.std(1)", "x.norm(2, 1)", "x.mean(1)", "torch.var_mean(x, 1)"}) {
    INFO(call);
    auto const module = test::scripted(returning(call));
    auto const onnx = td::evaluate(module) | td::export_onnx({.samples = std::vector<td::example>{{x}}});
    CHECK(onnx.handle().summary->operators.contains("Cast"));
    test::check_export(returning(call), {x}, {}, 3e-3, 1e-2);
  }
}

TEST_CASE("norms of matrices") {
  auto const x = test::noise({3, 4, 5}).front();
  for (auto const* call :
       {"torch.linalg_matrix_norm(x, 1.0)", "torch.linalg_matrix_norm(x, float('inf'), [-2, -1], True)",
        "torch.linalg_matrix_norm(x, -1.0, [1, 2])", "torch.linalg_matrix_norm(x, -float('inf'))",
        "torch.linalg_matrix_norm(x, 'fro')", "torch.linalg_norm(x, 1.0, [1, 2])"})
    test::check_export(returning(call), {x});
}

TEST_CASE("distances and products of vectors") {
  auto const x = test::noise({4, 5, 3}).front();
  for (auto const* call :
       {"torch.cdist(x, x * 2)", "torch.pairwise_distance(x, x * 2)",
        "torch.pairwise_distance(x, x.flip(1), 3.0, 0.1, True)", "torch.pairwise_distance(x, x * 2, 1.0)",
        "torch.mse_loss(x, x * 2)", "torch.mse_loss(x, x * 2, 0)", "torch.l1_loss(x, x * 2, 2)",
        "torch.l1_loss(x, x * 2)", "torch.cdist(x, x[:, :2], 1.0)", "torch.cdist(x, x[0] + 1)",
        "torch.cdist(x, x * 2, float('inf'))", "torch.linalg_cross(x, x + 1)", "torch.cross(x, x[:, :1] + 1, -1)",
        "torch.linalg_cross(x[:, :3], x[:, 1:4], dim=1)"})
    test::check_export(returning(call), {x});
}

TEST_CASE("order in ONNX is LibTorch's") {
  auto const x = test::noise({5, 6, 4}).front(), ties = at::tensor({2, 1, 2, 0, 1, 1, 0, 2, 2, 2}).reshape({2, 5});
  for (auto const* call :
       {"x.topk(2)", "x.topk(3, 1)", "x.topk(1, dim=1, largest=False)", "x.topk(2, -1, True, True)", "x.sort()",
        "x.sort(1)", "x.sort(1, descending=True)", "x.sort(-1, True)[1]", "x.argsort(1)", "x.argsort(-1, True)",
        "torch.msort(x)", "x.kthvalue(2)", "x.kthvalue(3, 1, True)", "x.median(1)[0]", "x.median(2, keepdim=True)[0]",
        "x[:, 0, 0].median()", "x.median()", "x.topk((x.size(0) + 1) // 2, 1)[0]", "x.topk((x.size(0) + 1) // 2, 0)"})
    test::check_export(returning(call), {x});
  for (auto const* call : {"x.cummax(1)", "x.cummin(-1)", "torch.quantile(x, 0.3)", "torch.quantile(x, 0.25, 1)",
                           "torch.quantile(x, torch.tensor([0.1, 0.5, 1.0]), 2)", "torch.quantile(x, 0.5, 1, True)",
                           "torch.quantile(x, torch.tensor([0.2, 0.7]), 0, True)"})
    test::check_export(returning(call), {x});
  for (auto const* call : {"x.cummax(1)", "x.cummin(1)"}) test::check_export(returning(call), {ties});
  test::without_openvino const guard;  // of equals any may come first there
  for (auto const* call : {"x.sort(dim=1, stable=True)", "x.sort(dim=1, stable=True, descending=True)",
                           "x.argsort(dim=1, stable=True)", "x.argmax(1)", "x.max(1)", "x.min(1)"})
    test::check_export(returning(call), {ties});
}
