#include <string>
#include <vector>

#include "support/exported.hpp"

namespace {

std::string returning(std::string const& call) { return "def forward(self, x):\n    return " + call; }

}  // namespace

TEST_CASE("tensors made of open sizes in ONNX are LibTorch's") {
  auto const x = test::noise({4, 5}).front();
  for (auto const* call : {"torch.zeros([x.size(0), 3])",
                           "torch.zeros([x.size(0)], dtype=4)",
                           "torch.ones([2, x.size(0)], dtype=11)",
                           "torch.ones([x.size(0)], dtype=5)",
                           "torch.full([x.size(0), 2], 2.5)",
                           "torch.full([x.size(0), 2], 7)",
                           "torch.full([3], x.size(0))",
                           "torch.full([x.size(0)], x.size(0) * 0.5, dtype=7)",
                           "torch.zeros_like(torch.empty([x.size(0), 2]))",
                           "x.new_zeros([x.size(0), 2])",
                           "x.new_ones([x.size(0)], dtype=3)",
                           "x.new_full([x.size(0)], 1.5)",
                           "x.new_empty([x.size(0)]).fill_(2)",
                           "torch.zeros_like(x)",
                           "torch.ones_like(x, dtype=4)",
                           "torch.full_like(x, -2.0)",
                           "torch.full_like(x, x.size(0))",
                           "torch.empty_like(x).zero_()",
                           "torch.eye(x.size(0))",
                           "torch.eye(x.size(0), 3, dtype=4)",
                           "torch.tril_indices(x.size(0), 4)",
                           "torch.triu_indices(3, x.size(0), 1)",
                           "torch.scalar_tensor(x.size(0))",
                           "torch.tensor(x.size(0))",
                           "torch.tensor([x.size(0), 2])",
                           "torch.tensor([x.size(0) * 0.5, 2.0])"})
    test::check_export(returning(call), {x});
}

TEST_CASE("ranges in ONNX are LibTorch's") {
  auto const x = test::noise({4, 5}).front();
  for (auto const* call :
       {"torch.arange(x.size(0))", "torch.arange(1, x.size(0) + 2)", "torch.arange(0, 3 * x.size(0), 2)",
        "torch.arange(x.size(0), -1, -1)", "torch.arange(x.size(0), dtype=6)", "torch.arange(x.size(0), dtype=3)",
        "torch.arange(0, x.size(0), dtype=5)", "torch.arange(x.size(0) * 0.7)",
        "torch.arange(0.5, x.size(0) + 0.25, 0.25)", "torch.arange(0.5, x.size(0), 0.1, dtype=7)",
        "torch.arange(0.5, x.size(0), dtype=4)", "torch.arange(x.size(0) - 0.5, dtype=4)",
        "torch.linspace(0, 1, x.size(0) + 1)", "torch.linspace(-1.0, 2.5, x.size(0))",
        "torch.linspace(0, x.size(0), 5)", "torch.linspace(0, x.size(0), 5, dtype=7)"})
    test::check_export(returning(call), {x});
}
