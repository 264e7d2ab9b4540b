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
}
