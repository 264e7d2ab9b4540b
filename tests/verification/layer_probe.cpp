#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/verification/layer_probe.hpp>

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using td::detail::probed_model;

std::vector<std::string> names_of(probed_model const& model) {
  std::vector<std::string> names;
  for (auto const& each : model.layers()) names.push_back(each->name);
  return names;
}

}  // namespace

TEST_CASE("a model that is looked into gives what it gives, bit for bit, and stays as it was") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    if (name == "raises") continue;
    CAPTURE(name);
    auto const model = test::load(name);
    auto const record = each.value();
    auto const inputs = td::example{test::list_at(record, "inputs").at(0)};
    auto const graph = model.handle().get_method("forward").graph()->toString(false);
    probed_model probed(model.handle());
    for (int call = 0; call < 3; ++call)
      CHECK(test::same_bits(probed.run(inputs), test::forward(model.handle(), inputs)));
    CHECK(model.handle().get_method("forward").graph()->toString(false) == graph);
  }
}

TEST_CASE("layers in branches and loops are counted as often as they run") {
  torch::jit::Module module("__torch__.looping");
  module.register_parameter("factor", at::eye(3), false);
  module.define(R"(
def forward(self, x):
    for i in range(int(x.size(0))):
        x = torch.linear(x, self.factor) + 1
    if bool(x.sum() > 1000):
        x = torch.matmul(x, x.t())
    return x
)");
  probed_model probed(module);
  REQUIRE(names_of(probed) == std::vector<std::string>{"factor", "matmul"});
  std::vector<at::Tensor> seen;
  probed.layers()[0]->look = [&](at::Tensor const& x) { seen.push_back(x.clone()); };
  probed.run({at::zeros({5, 3})});
  CHECK(probed.layers()[0]->calls == 5);
  CHECK(probed.layers()[0]->turn == 1);
  CHECK(probed.layers()[0]->milliseconds > 0);
  CHECK(probed.layers()[1]->calls == 0);
  CHECK(probed.layers()[1]->turn == 0);
  REQUIRE(seen.size() == 5);
  CHECK(at::equal(seen[4], at::full({5, 3}, 4.0)));
  probed.run({at::full({2, 3}, 1000.0)});
  CHECK(probed.layers()[0]->calls == 2);
  CHECK(probed.layers()[1]->calls == 1);
  CHECK(probed.layers()[1]->turn == 2);
}

TEST_CASE("a frozen model keeps the names of its layers until it is written to a file, then order is left") {
  auto const model = test::load("onet");
  auto const frozen = test::load("onet") | td::freeze();
  test::temporary_folder const folder;
  frozen.handle().save((folder / "frozen.pt").string());
  auto const reopened = td::load<td::TorchScript>(folder / "frozen.pt");
  probed_model const a(model.handle()), b(frozen.handle()), c(reopened.handle());
  CHECK(names_of(a) == names_of(b));
  CHECK(td::detail::paired(a.layers(), b.layers()).by == "name");
  CHECK(names_of(c).front().empty());
  auto const ordered = td::detail::paired(a.layers(), c.layers());
  CHECK(ordered.by == "order");
  CHECK(ordered.pairs.size() == a.layers().size());
}

TEST_CASE("scripted and traced layers are the same ones, other nets have none in common") {
  probed_model const scripted(test::load("onet").handle()), traced(test::load("onet_traced").handle());
  auto const both = td::detail::paired(scripted.layers(), traced.layers());
  CHECK(both.by == "name");
  CHECK(both.pairs.size() == scripted.layers().size());
  probed_model const other(test::load("lstm_scripted").handle());
  CHECK(td::detail::paired(scripted.layers(), other.layers()).pairs.empty());
}
