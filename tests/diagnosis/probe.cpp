#include <torchdeploy/diagnosis/probe.hpp>

#include <torchdeploy/stage/freeze.hpp>

#include "support/models.hpp"

TEST_CASE("the operator that raised is named, frozen or not") {
  auto const raised = [](auto const& model, at::Tensor const& x) {
    auto const graph = td::detail::settled_graph(model.handle());
    td::detail::prober run(model.handle(), model.record(), *graph);
    return run({x});
  };
  auto const wrong = at::ones({2, 3});
  CHECK(raised(test::load("mlp_scripted"), wrong).raised == "linear");
  CHECK(raised(test::load("mlp_scripted") | td::freeze(), wrong).raised == "linear");
  CHECK_THAT(raised(test::load("gelu_mlp_traced"), wrong).failure, StartsWith("raises in linear: mat1 and mat2"));
  CHECK_THAT(raised(test::load("raises"), at::full({2, 2}, -1.0)).failure,
             ContainsSubstring("the sum of the input is negative"));
  auto const mha = test::load("mha_scripted") | td::freeze();
  CHECK_THAT(raised(mha, at::ones({2, 5, 32})).failure, StartsWith("raises"));  // LibTorch alone dies here, unoptimized
}

TEST_CASE("a copy that keeps state starts anew at every call") {
  auto const model = test::load("exported_methods");
  td::detail::prober run(model.handle(), model.record(), *td::detail::settled_graph(model.handle()));
  auto const x = test::noise({1, 16})[0];
  CHECK(test::same_bits(*run({x}).output, *run({x}).output));
}

TEST_CASE("an LSTM is run where its sizes are checked, and oneDNN is back afterwards") {
  auto const model = td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/states_wrong.pt");
  td::detail::prober run(model.handle(), model.record(), *td::detail::settled_graph(model.handle()));
  bool const before = at::globalContext().userEnabledMkldnn();
  CHECK(run({at::ones({2, 5, 8})}).output);
  CHECK(run({at::ones({4, 5, 8})}).raised == "lstm");
  CHECK(run({at::ones({2, 5, 16})}).raised == "lstm");
  CHECK(at::globalContext().userEnabledMkldnn() == before);
}

TEST_CASE("differences are relative, and of shapes infinite") {
  using td::detail::relative_difference;
  auto const x = at::ones({4});
  CHECK(relative_difference(x, x) == 0);
  CHECK(relative_difference(x * 1.5, x) == Approx(0.5));
  CHECK(std::isinf(relative_difference(x, at::ones({5}))));
  CHECK(relative_difference(at::ones({0}), at::ones({0})) == 0);
}
