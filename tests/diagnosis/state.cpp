#include <torchdeploy/diagnosis/state.hpp>

#include "support/models.hpp"

namespace {
std::vector<std::string> written(std::string const& body) {
  torch::jit::Module module("Net");
  module.register_buffer("total", at::zeros({2, 2}));
  module.register_attribute("count", c10::IntType::get(), 0);
  module.register_attribute("seen", c10::ListType::ofTensors(), c10::List<at::Tensor>());
  module.define("def helper(self, x):\n    self.count += 1\n    return x\ndef forward(self, x):\n" + body);
  return td::detail::written_state(*td::detail::settled_graph(module));
}
}  // namespace

TEST_CASE("state is found where it is assigned, written in place, through views, in lists and in calls") {
  using names = std::vector<std::string>;
  CHECK(written("    self.total = x\n    return x\n") == names{"total"});
  CHECK(written("    self.total.add_(x)\n    return x\n") == names{"total"});
  CHECK(written("    self.total[0].t().add_(x)\n    return x\n") == names{"total"});
  CHECK(written("    y = self.total.mul_(2)\n    y.add_(1)\n    return x\n") == names{"total"});
  CHECK(written("    self.seen.append(x)\n    return x\n") == names{"seen"});
  CHECK(written("    return self.helper(x)\n") == names{"count"});
}

TEST_CASE("what is the model's own for one call is no state") {
  CHECK(written("    y = self.total + 1\n    y.add_(x)\n    return y\n").empty());
  CHECK(written("    return x.clone().add_(self.total)\n").empty());
  CHECK(written("    all = [x]\n    all.append(self.total)\n    return all[0]\n").empty());
}
