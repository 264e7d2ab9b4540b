#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

constexpr char weights[] = R"(
def forward(self, x):
    w = torch.tensor([0.5, 1.5, -2.0, 1.0])
    b = torch.tensor([0.1, -0.2, 0.3, 0.0])
    m = torch.tensor([0.2, -0.1, 0.0, 0.4])
    v = torch.tensor([0.9, 1.1, 0.3, 2.0])
    return )";

}  // namespace

TEST_CASE("normalizations of channels in ONNX are LibTorch's") {
  for (auto const& shape : std::vector<std::vector<std::int64_t>>{{3, 4}, {3, 4, 5}, {3, 4, 3, 2}, {2, 4, 2, 3, 2}}) {
    auto const x = test::noise(shape).front() * 2 + 1;
    for (auto const* call :
         {"torch.batch_norm(x, w, b, m, v, False, 0.1, 1e-5, False)",
          "torch.batch_norm(x, None, None, m, v, False, 0.1, 1e-3, False)",
          "torch.batch_norm(x, w, None, m, v, False, 0.1, 1e-3, True)",
          "torch.native_batch_norm(x, w, b, m, v, False, 0.1, 1e-5)[0]",
          "torch._native_batch_norm_legit_no_training(x, w, b, m, v, 0.1, 1e-5)[0]",
          "torch.group_norm(x, 2, w, b, 1e-4)", "torch.group_norm(x, 4)", "torch.group_norm(x, 1, w)"})
      test::check_export(weights + std::string(call), {x});
    test::check_export(weights + std::string("torch.group_norm(x, 2, w, b, 1e-4)"), {x}, {.opset = 21});
    test::check_export(weights + std::string("torch.group_norm(x, 2)"), {x}, {.opset = 21});
    test::check_export(weights + std::string("torch.group_norm(x, 2)"), {x.to(at::kDouble)});
    test::check_fixed_export(weights + std::string("torch.batch_norm(x, w, b, None, None, True, 0.1, 1e-5, False)"),
                             {x});
    test::check_fixed_export(weights + std::string("torch.batch_norm(x, None, b, None, None, True, 0.1, 1e-5, False)"),
                             {x}, {.opset = 18});
    if (shape.size() < 3) continue;
    for (auto const* call : {"torch.instance_norm(x, w, b, None, None, True, 0.1, 1e-5, False)",
                             "torch.instance_norm(x, None, None, None, None, True, 0.1, 1e-3, False)",
                             "torch.instance_norm(x, w, b, m, v, False, 0.1, 1e-5, False)",
                             "torch.instance_norm(x, None, None, m, v, False, 0.1, 1e-5, False)"})
      test::check_export(weights + std::string(call), {x});
    test::check_export(weights + std::string("torch.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, False)"),
                       {x.to(at::kDouble)});
  }
}

TEST_CASE("statistics that a run would change are refused") {
  auto const x = test::noise({3, 4, 5}).front();
  for (auto const* call : {"torch.batch_norm(x, w, b, m, v, True, 0.1, 1e-5, False)",
                           "torch.instance_norm(x, w, b, m, v, True, 0.1, 1e-5, False)"})
    CHECK_THROWS_AS(td::evaluate(test::scripted(weights + std::string(call))) |
                        td::export_onnx({.samples = std::vector<td::example>{{x}}}),
                    td::export_error);
}

TEST_CASE("normalizations of the last axes in ONNX are LibTorch's, by every opset") {
  auto const x = test::noise({3, 2, 4}).front() * 3 + 1;
  for (std::int64_t const opset : {13, 17, 18, 21})
    for (auto const* call :
         {"torch.layer_norm(x, [4], w, b, 1e-5)", "torch.layer_norm(x, [4])", "torch.layer_norm(x, [4], w)",
          "torch.layer_norm(x, [4], None, b)", "torch.layer_norm(x, [2, 4])",
          "torch.native_layer_norm(x, [4], w, b, 1e-3)", "torch.native_layer_norm(x, [2, 4], None, None, 1e-3)[0]",
          "torch.rms_norm(x, [4], w, 1e-3)", "torch.rms_norm(x, [2, 4])", "torch.rms_norm(x * 0.0001, [4])"})
      test::check_export(weights + std::string(call), {x}, {.opset = opset});
  test::check_export(weights + std::string("torch.layer_norm(x, [4])"), {x.to(at::kDouble)});
  test::check_export(weights + std::string("torch.rms_norm(x * 1e-8, [4])"), {x.to(at::kDouble)});
  for (auto const* call : {"torch.layer_norm(x, [4])", "torch.layer_norm(x, [4], w.half(), b.half())",
                           "torch.rms_norm(x, [4])", "torch.rms_norm(x * 0.0001, [4])", "torch.group_norm(x, 2)",
                           "torch.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, False)"})
    test::check_export(weights + std::string(call), {x.to(at::kHalf)}, {}, 1e-2, 5e-3);
  auto const onnx = td::evaluate(test::scripted(weights + std::string("torch.layer_norm(x, [4], w, b)"))) |
                    td::export_onnx({.samples = std::vector<td::example>{{x}}});
  CHECK(onnx.handle().summary->nodes() == 1);
}

TEST_CASE("the cosine of two vectors in ONNX is LibTorch's") {
  auto const x = test::noise({3, 4, 5}, 1, 1).front(), y = test::noise({3, 4, 5}, 1, 2).front();
  auto const source = [](std::string const& call) { return "def forward(self, x, y):\n    return " + call; };
  for (auto const* call : {"torch.cosine_similarity(x, y)", "torch.cosine_similarity(x, y, dim=-1)",
                           "torch.cosine_similarity(x, y * 0.0, dim=2)", "torch.cosine_similarity(x, y, 1, 10.0)",
                           "torch.cosine_similarity(x, torch.ones([4, 5]), dim=1)",
                           "torch.cosine_similarity(x, torch.ones([4, 1]), dim=2)"})
    test::check_export(source(call), {x, y});
}
