#include <torchdeploy/diagnosis/preprocessing.hpp>

#include "support/models.hpp"

namespace {
std::string text(std::string const& body) {
  torch::jit::Module module("Net");
  module.register_parameter("weight", at::zeros({4, 3}), false);
  module.register_parameter("position", at::zeros({3}), false);
  module.register_buffer("mean", at::zeros({3}));
  module.define("def forward(self, x):\n" + body);
  std::vector<td::finding> found;
  td::detail::find_preprocessing(td::detail::inspect(module), found);
  return found.empty() ? "" : found[0].text.substr(found[0].text.find(": it ") + 5);
}
}  // namespace

TEST_CASE("what happens to an input before the first layer is named") {
  CHECK(text("    return torch.linear(x / 255, self.weight)\n") == "divides by 255");
  CHECK(text("    return torch.linear((x.float() * 2 - self.mean), self.weight)\n") ==
        "multiplies by 2, subtracts 3 constant(s)");
  CHECK(text("    return torch.linear(torch.upsample_nearest2d(x, [4, 3], None), self.weight)\n") == "resizes");
  CHECK(text("    return torch.linear(x.permute([0, 3, 1, 2]), self.weight)\n") == "moves the channels to the front");
}

TEST_CASE("learned offsets, layouts, later arithmetic and models without layers are no preprocessing") {
  CHECK(text("    return torch.linear(x + self.position, self.weight)\n") == "");
  CHECK(text("    return torch.linear(x.permute([1, 0, 2]), self.weight)\n").empty());
  CHECK(text("    return torch.linear(x, self.weight) / 255\n").empty());
  CHECK(text("    return x / 255\n").empty());
}
