#include <torchdeploy/diagnosis/tracing.hpp>

#include <cmath>
#include <numbers>

#include "support/models.hpp"

namespace {
std::size_t fixed_views(std::string const& body) {
  torch::jit::Module module("Net");
  module.register_buffer("weight", at::zeros({4, 4}));
  module.define("def forward(self, x):\n" + body);
  return td::detail::fixed_views(*td::detail::settled_graph(module)).size();
}
}  // namespace

TEST_CASE("a number that float32 arithmetic made is told from one that a person typed") {
  int told = 0;
  for (auto const& each : test::noise({100}, 10))
    for (std::int64_t i = 0; i < 100; ++i) told += td::detail::is_computed_float32(each[i].item<float>());
  CHECK(told > 980);
  for (double const typed : {0.0, 1.0, 0.5, 0.1, 1e-5, 0.7071067811865476, std::numbers::pi, 0.3989422804, 255.0, 1e9,
                             0.375, 65504.0, -1e9, static_cast<double>(0.1F), static_cast<double>(1e-5F), 16777216.0,
                             std::sqrt(8.0), 1.0 / 255, 0.3535533905932738})
    CHECK_FALSE(td::detail::is_computed_float32(typed));
  using limits = std::numeric_limits<float>;
  for (float const known :
       {limits::max(), limits::lowest(), limits::min(), limits::epsilon(), limits::infinity(), limits::quiet_NaN()})
    CHECK_FALSE(td::detail::is_computed_float32(known));
}

TEST_CASE("a view of the input to constants alone is fixed; with -1, with sizes, or of a weight it is not") {
  CHECK(fixed_views("    return x.view([2, 8])\n") == 1);
  CHECK(fixed_views("    return torch.relu(x).reshape([2, 8])\n") == 1);
  CHECK(fixed_views("    return x.view([-1, 8])\n") == 0);
  CHECK(fixed_views("    return x.view([x.size(0), 8])\n") == 0);
  CHECK(fixed_views("    return x + self.weight.view([2, 8])\n") == 0);
  CHECK(fixed_views("    return torch.sum(x).view([1, 1])\n") == 0);
}
