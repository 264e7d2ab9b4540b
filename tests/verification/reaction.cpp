#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/verification/compare.hpp>
#include <torchdeploy/verification/reaction.hpp>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <unistd.h>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using test::load;

auto written(std::string const& body) {
  torch::jit::Module module("__torch__.written");
  module.define("def forward(self, x):\n    return " + body + "\n");
  return td::evaluate(module);
}

/// What comparing a model with itself is refused for; empty when it is not.
std::string complaint(auto const& model, td::verify_options const& options) {
  try {
    auto const result = td::compare(model, model, options);
    CHECK(result.passed);
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::degenerate_reference);
    CHECK(std::string(thrown.what()).size() <= 200);
    return thrown.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a reference whose outputs are near zero is refused, by every criterion") {
  auto const dead = load("dead_batchnorm");
  auto const inputs = test::noise({2, 3, 16, 16}, 2);
  CHECK_THAT(
      complaint(dead, {.samples = inputs}),
      StartsWith("[torchdeploy.verify.303] expected a reference to tell models by, got outputs near zero (at most "));
  CHECK_FALSE(complaint(dead, {.samples = inputs, .sqnr_db = 20}).empty());
  CHECK_FALSE(complaint(dead, {.samples = inputs, .agreement = 0.9}).empty());
  CHECK_FALSE(complaint(written("x * 0"), {.samples = test::noise({3}, 2)}).empty());
}

TEST_CASE("a reference that ignores its inputs is refused") {
  auto const constant = load("constant_net");
  CHECK(complaint(constant, {.samples = test::noise({2, 16}, 3)}) ==
        "[torchdeploy.verify.303] expected a reference that reacts to its inputs, got the same outputs for different "
        "samples; "
        "give other samples, or {.allow_degenerate = true}");
  CHECK_FALSE(complaint(written("(x * 0).long() + 3"), {.samples = test::noise({2}, 3)}).empty());
  CHECK_FALSE(complaint(written("torch.ones([2]), 'text'"), {.samples = test::noise({2}, 3)}).empty());
}

TEST_CASE("with a single sample the reference is asked about another one") {
  auto const inputs = test::noise({2, 16}, 1);
  CHECK_THAT(complaint(load("constant_net"), {.samples = inputs}),
             ContainsSubstring("got the same outputs for a sample and changed ones"));
  CHECK_FALSE(complaint(load("constant_net"), {.samples = std::vector{inputs[0], inputs[0]}}).empty());
  CHECK_FALSE(complaint(load("constant_net"), {.samples = std::vector{at::zeros({2, 16})}}).empty());
  for (auto const* name : {"mlp_scripted", "two_outputs", "dict_output", "one_op", "control_flow_scripted"}) {
    CAPTURE(name);
    CHECK(complaint(load(name), {.samples = inputs}).empty());
    CHECK(complaint(load(name), {.samples = std::vector{at::zeros({2, 16})}}).empty());
  }
  // neither the order nor the size of the inputs matters to these, but something does
  CHECK(complaint(written("x.sum() / x.abs().sum()"), {.samples = inputs}).empty());
}

TEST_CASE("a probe disturbs no state") {
  auto const stream = load("exported_methods");
  CHECK(complaint(stream, {.samples = test::noise({1, 16}, 1)}).empty());
  CHECK(stream.handle().attr("calls").toInt() == 0);
}

TEST_CASE("a single sample that can't be changed, or whose change raises, is not held against the reference") {
  auto const tokens = std::vector{at::randint(0, 50, {2, 7})};
  auto const embedding = load("embedding_mlp");
  auto const result = td::compare(embedding, embedding, {.samples = tokens});
  CHECK(result.passed);
  CHECK_THAT(result.notes.at(0), ContainsSubstring("whether the reference reacts to its inputs is not known"));

  auto const picky = [](at::Tensor const& x) {
    if (!x.eq(1).all().item<bool>()) throw std::invalid_argument("ones only");
    return x + 1;
  };
  CHECK(td::compare(load("one_op"), picky, {.samples = std::vector{at::ones({2})}}).passed);
}

TEST_CASE("a single sample that is sparse can't be changed either") {
  auto const twice = written("x.to_dense() * 2");
  auto const result = td::compare(twice, twice, {.samples = std::vector{at::eye(3).to_sparse()}});
  CHECK(result.passed);
  CHECK_THAT(result.notes.at(0), ContainsSubstring("is not known"));
}

TEST_CASE("golden samples can't be asked: a single one is accepted, and said to be") {
  auto const path = std::filesystem::temp_directory_path() / ("torchdeploy_reaction_" + std::to_string(::getpid()));
  auto const constant = load("constant_net");
  td::record_golden(constant, path, {.samples = test::noise({2, 16}, 1)});
  auto const result = td::compare(constant, td::golden(path));
  CHECK(result.passed);
  CHECK_THAT(result.notes.at(0), ContainsSubstring("is not known"));
  td::record_golden(constant, path, {.samples = test::noise({2, 16}, 2)});
  td::golden const two(path);
  std::filesystem::remove(path);
  CHECK_THROWS_AS((void)td::compare(constant, two), td::verification_error);
}

TEST_CASE("one output that is constant or near zero beside others is noted, not refused") {
  auto const inputs = test::noise({2, 4}, 2);
  auto const model = written("x + 1, x * 0");
  auto const result = td::compare(model, model, {.samples = inputs});
  CHECK(result.passed);
  CHECK(result.notes.at(0) == "output[1] is near zero in all samples: as good as not compared");
  auto const once = written("x + 1, x");
  CHECK(td::compare(once, once, {.samples = std::vector{at::ones({2}), at::zeros({2})}}).notes.empty());
}

TEST_CASE("a classifier that chooses the same class throughout is fine as long as its scores differ") {
  CHECK(complaint(written("torch.cat([x[:, :1] * 0 + 100, x], 1)"), {.samples = test::noise({2, 4}, 3), .agreement = 1})
            .empty());
}

TEST_CASE("outputs without elements are no reference") {
  CHECK_THAT(complaint(written("x[:0]"), {.samples = test::noise({2, 4}, 2)}),
             ContainsSubstring("got not one element"));
}

TEST_CASE("who knows better allows a degenerate reference") {
  auto const dead = load("dead_batchnorm");
  auto const result = td::compare(dead, dead, {.samples = test::noise({2, 3, 16, 16}, 2), .allow_degenerate = true});
  CHECK(result.passed);
  CHECK_THAT(result.notes.back(), StartsWith("allowed: expected a reference"));
}
