#include <torchdeploy/diagnosis/training.hpp>

#include "support/models.hpp"

namespace {
std::vector<td::finding> found(std::string const& body) {
  auto const module = test::scripted("def forward(self, x):\n" + body);
  std::vector<td::finding> all;
  td::detail::find_training_constants(td::detail::inspect(module), all);
  td::detail::find_gradients(td::detail::inspect(module), all);
  return all;
}
}  // namespace

TEST_CASE("operators that train by a constant are found in every variant") {
  for (auto const* call :
       {"torch.dropout(x, 0.5, True)", "torch.dropout_(x, 0.5, True)", "torch.feature_dropout(x, 0.5, True)",
        "torch.alpha_dropout(x, 0.5, True)", "torch.rrelu(x, 0.1, 0.3, True)", "torch.native_dropout(x, 0.5, True)[0]",
        "torch.batch_norm(x, None, None, torch.mean(x, 0), torch.mean(x, 0), True, 0.1, 1e-5, True)",
        "torch.native_batch_norm(x, None, None, torch.mean(x, 0), torch.mean(x, 0), True, 0.1, 1e-5)[0]",
        "torch.instance_norm(x, None, None, torch.mean(x, 0), torch.mean(x, 0), True, 0.1, 1e-5, True)",
        "torch.scaled_dot_product_attention(x, x, x, None, 0.5)"}) {
    INFO(call);
    auto const all = found("    return " + std::string(call));
    REQUIRE(all.size() == 1);
    CHECK(all[0].id == "always-training");
    CHECK(all[0].level == td::severity::fault);
  }
}

TEST_CASE("what drops nothing, and what is off, does not train") {
  for (auto const* call : {"torch.dropout(x, 0., True)", "torch.dropout(x, 0.5, False)",
                           "torch.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, True)",
                           "torch.scaled_dot_product_attention(x, x, x)", "torch.rrelu(x, 0.1, 0.3, False)"}) {
    INFO(call);
    CHECK(found("    return " + std::string(call)).empty());
  }
  CHECK(found("    if x.size(0) > 3:\n        x = torch.dropout(x, 0.5, True)\n    return x").empty());
}

TEST_CASE("a batch norm without running statistics is another finding than train mode") {
  auto const all = found("    return torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, True)");
  REQUIRE(all.size() == 1);
  CHECK(all[0].id == "batch-statistics");
}

TEST_CASE("gradients asked for inside the model are found") {
  CHECK(found("    return x.detach().requires_grad_() * 2").at(0).id == "gradients-inside");
  CHECK(found("    y = torch.sum(x)\n    y.backward()\n    return x").at(0).id == "gradients-inside");
  CHECK(found("    return x.detach() * 2").empty());
}
