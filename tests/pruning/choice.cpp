#include <torchdeploy/pruning/choice.hpp>

#include "support/models.hpp"

namespace {

using names = std::vector<std::string>;

names chosen(torch::jit::Module const& module, names const& patterns = {}) {
  names all;
  auto const graph = td::detail::settled_graph(module);
  for (auto const& each : td::detail::chosen_layers(module, *graph, patterns)) all.push_back(each.at.name);
  return all;
}

torch::jit::Module with_weight(at::Tensor const& weight) {
  torch::jit::Module module("One");
  module.register_buffer("w", weight);
  module.define("def forward(self, x):\n  return torch.matmul(x, self.w)\n");
  return module;
}

}  // namespace

TEST_CASE("layers come in the order they run, each once, whichever pattern matches") {
  auto const module = test::load("onet").handle();
  auto const all = chosen(module);
  CHECK(all == names{"conv1", "conv2", "conv3", "conv4", "dense5", "dense6_2", "dense6_3", "dense6_1"});
  CHECK(chosen(module, {"*"}) == all);
  CHECK(chosen(module, {"dense6_?", "conv[12]", "conv2"}) ==
        names{"conv1", "conv2", "dense6_2", "dense6_3", "dense6_1"});
  CHECK(chosen(module, {"[!c]*5"}) == names{"dense5"});
}

TEST_CASE("what holds no real or complex numbers is no weight to prune") {
  CHECK(chosen(with_weight(at::ones({4, 4}))) == names{"w"});
  CHECK(chosen(with_weight(at::ones({4, 4}, at::kComplexDouble))) == names{"w"});
  for (auto const& weight : {at::ones({4, 4}, at::kLong), at::ones({4, 4}).to_sparse(), at::ones({0, 4})}) {
    auto const failure = test::failure_of([&] { chosen(with_weight(weight)); });
    CHECK(failure.code == td::errc::nothing_to_prune);
  }
}

TEST_CASE("dimensions count from either end") {
  auto const module = with_weight(at::ones({4, 4, 2}));
  auto const graph = td::detail::settled_graph(module);
  auto const each = td::detail::chosen_layers(module, *graph, {}).at(0);
  for (std::int64_t const dimension : {0, 1, 2}) {
    CHECK(td::detail::dimension_of(each, dimension) == dimension);
    CHECK(td::detail::dimension_of(each, dimension - 3) == dimension);
  }
  for (std::int64_t const dimension : {3, -4}) {
    auto const failure = test::failure_of([&] { td::detail::dimension_of(each, dimension); });
    CHECK(failure.code == td::errc::dimension_out_of_range);
    CHECK_THAT(failure.text, ContainsSubstring("from -3 to 2"));
  }
}
