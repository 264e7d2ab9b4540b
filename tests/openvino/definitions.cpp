#include <torchdeploy/openvino/definitions.hpp>

#include <limits>
#include <string>

#include "support/openvino.hpp"

namespace {
double agreement(std::string const& body, td::example const& inputs) {
  auto const module = test::scripted("def forward(self, x, h, w, b):\n  return " + body);
  auto model = test::compiled(module, {inputs});
  return test::agreement_db(module, model, inputs);
}
}  // namespace

TEST_CASE("cells of recurrent layers are what LibTorch says they are") {
  auto const x = test::noise({5, 8}, 1).front(), h = test::noise({5, 6}, 1).front();
  auto const cell = [&](std::string const& name, std::int64_t gates) {
    auto const weights = test::noise({gates * 6, 14}, 1).front(), bias = test::noise({gates * 6}, 1).front();
    return agreement(
        "torch." + name + "(x, " + (name == "lstm_cell" ? "[h, h * 2]" : "h") + ", w[:, :8], w[:, 8:], b, b * 2)",
        {x, h, weights, bias});
  };
  CHECK(cell("gru_cell", 3) >= 100);
  CHECK(cell("lstm_cell", 4) >= 100);
  CHECK(cell("rnn_tanh_cell", 1) >= 100);
  CHECK(cell("rnn_relu_cell", 1) >= 100);
}

TEST_CASE("operators that OpenVINO has no rule for are what LibTorch says they are") {
  auto const x = test::noise({5, 6}, 1).front(), h = test::noise({5, 4}, 1, 7).front();
  auto const w = test::noise({3, 6, 4}, 1).front(), b = test::noise({3}, 1).front();
  for (std::string const each :
       {"torch.bilinear(x, h, w, b)", "torch.bilinear(x, h, w)", "torch.threshold(x, 0.1, 20.0)",
        "torch.hardshrink(x, 0.5)", "torch.logit(torch.sigmoid(x))", "torch.logit(torch.sigmoid(x), 0.3)",
        "torch.addcdiv(x, x, x + 10, value=0.5)", "torch.cosine_similarity(x, x + 1, 1)", "torch.trunc(x * 3)",
        "torch.frac(x * 3)"}) {
    INFO(each);
    CHECK(agreement(each, {x, h, w, b}) >= 100);
  }
  auto odd = x.clone();
  odd[0][0] = std::numeric_limits<float>::infinity();
  odd[0][1] = -std::numeric_limits<float>::infinity();
  odd[0][2] = std::numeric_limits<float>::quiet_NaN();
  CHECK(agreement("torch.nan_to_num(x, 1.5, 2.5, 3.5)", {odd, h, w, b}) >= 100);
  for (auto const dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    INFO(dtype);
    auto const finite = odd.to(dtype);
    auto const module = test::scripted("def forward(self, x):\n  return torch.nan_to_num(x)");
    auto model = test::compiled(module, {{finite}});
    CHECK(test::run(model, {finite}).front().equal(test::forward(module, {finite}).toTensor()));
  }
  for (std::string const each : {"torch.threshold(x, 0.1, 20.0)", "torch.hardshrink(x, 0.5)"}) {
    INFO(each);
    auto const module = test::scripted("def forward(self, x):\n  return " + each);
    auto model = test::compiled(module, {{odd}});
    auto const got = test::run(model, {odd}).front();
    CHECK(got[0][2].isnan().item<bool>());
    CHECK(at::allclose(got, test::forward(module, {odd}).toTensor(), 1e-6, 1e-6, /*equal_nan=*/true));
  }
}

TEST_CASE("a cosine similarity takes its norms of what was broadcast") {
  auto const one = test::noise({1, 3}, 1).front(), many = test::noise({4, 3}, 1, 7).front();
  auto const query = test::noise({3}, 1, 9).front();
  auto const db = [](std::string const& dim, at::Tensor const& a, at::Tensor const& b) {
    auto const module = test::scripted("def forward(self, a, b):\n  return torch.cosine_similarity(a, b, " + dim + ")");
    auto model = test::compiled(module, {{a, b}});
    return test::agreement_db(module, model, {a, b});
  };
  CHECK(db("0", one, many) >= 100);
  CHECK(db("1", one, many) >= 100);
  CHECK(db("1", query, many) >= 100);
  CHECK(db("-1", many, query) >= 100);
  CHECK(db("1", many, many.flip(0)) >= 100);
}
