#include <cmath>
#include <string>

#include "support/exported.hpp"

namespace td = torchdeploy;

TEST_CASE("activations in ONNX are LibTorch's") {
  auto const x = test::noise({3, 4, 6}).front() * 4;
  for (auto const* call : {"torch.relu(x)",
                           "torch.sigmoid(x)",
                           "torch.tanh(x)",
                           "torch.silu(x)",
                           "torch.gelu(x)",
                           "torch.gelu(x, approximate='tanh')",
                           "torch.hardtanh(x)",
                           "torch.hardtanh(x, -0.5, 0.25)",
                           "torch.relu6(x)",
                           "torch.hardsigmoid(x)",
                           "torch.hardswish(x)",
                           "torch.softplus(x)",
                           "torch.softplus(x, 2.5, 3.0)",
                           "torch.mish(x)",
                           "torch.log_sigmoid(x)",
                           "torch.elu(x)",
                           "torch.elu(x, 0.5)",
                           "torch.elu(x, 0.5, 1.5, 2.0)",
                           "torch.celu(x, 2.0)",
                           "torch.selu(x)",
                           "torch.leaky_relu(x)",
                           "torch.leaky_relu(x, 0.3)",
                           "torch.rrelu(x)",
                           "torch.threshold(x, 0.5, 2.0)",
                           "torch.hardshrink(x)",
                           "torch.softshrink(x, 0.7)",
                           "torch.glu(x, 1)",
                           "torch.glu(x)",
                           "torch.softmax(x, 1)",
                           "torch.softmax(x, -1, dtype=7)",
                           "torch.log_softmax(x, 0)",
                           "torch.relu_(x.clone()) + x"})
    test::check_export("def forward(self, x):\n    return " + std::string(call), {x});
}

TEST_CASE("activations by an opset before they had an operator of their own") {
  auto const x = test::noise({3, 4}).front() * 4;
  for (std::int64_t const opset : {13, 14, 18, 20, 21})
    for (auto const* call : {"torch.gelu(x)", "torch.mish(x)", "torch.hardswish(x)"})
      test::check_export("def forward(self, x):\n    return " + std::string(call), {x}, {.opset = opset});
}

TEST_CASE("NaN goes through a threshold") {
  auto const x = at::tensor({1.0, std::nan(""), -1.0, 0.5}).reshape({2, 2}).to(at::kFloat);
  test::check_export("def forward(self, x):\n    return torch.threshold(x, 0.5, 2.0)", {x});
}

TEST_CASE("a learned slope has a channel's place") {
  auto const x = test::noise({2, 3, 5}).front();
  test::check_export("def forward(self, x):\n    return torch.prelu(x, torch.tensor([0.1, 0.2, 0.3]))", {x});
  test::check_export("def forward(self, x):\n    return torch.prelu(x, torch.tensor([0.25]))", {x});
}
