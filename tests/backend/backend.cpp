#include <torchdeploy/backend/backend.hpp>

#include <type_traits>
#include <utility>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

// extend/acme_backend.cpp has a backend from outside; here is the pipe's end with a real one.

namespace {

struct NowhereInThisBuild {
  using consumes = td::TorchScript;
  static constexpr bool available = false;
  struct options {};
  static int compile(torch::jit::Module, td::record<td::TorchScript> const&, options const&);
};

}  // namespace

TEST_CASE("a session has the report of how the model got there") {
  auto const session = test::load("mlp_scripted") | td::quantize<td::Int8>() | td::deploy<td::LibTorch>();
  auto const& stages = session.report().stages();
  REQUIRE(stages.size() == 3);
  CHECK(stages[0].stage == "load");
  CHECK(stages[1].stage == "quantize");
  CHECK(stages[2].stage == "deploy");
  CHECK(stages[2].seconds > 0);
}

TEST_CASE("a session moves and copies, and the copies answer alike") {
  auto first = test::load("mlp_scripted") | td::deploy<td::LibTorch>();
  auto const x = test::noise({2, 16})[0];
  auto const wanted = first(x);
  auto const copy = first;
  auto const moved = std::move(first);
  CHECK(test::same_bits(copy(x), wanted));
  CHECK(test::same_bits(moved(x), wanted));
  CHECK(moved.report().stages().size() == copy.report().stages().size());
}

TEST_CASE("the first backend that is there and takes TorchScript is taken") {
  using runtime = td::first_available<NowhereInThisBuild, td::LibTorch>;
  auto const session = test::load("one_op") | td::deploy<runtime>();
  CHECK(std::is_same_v<decltype(session), td::session<td::LibTorch> const>);
  CHECK(session(at::zeros({1})).item<float>() == 1);
}

TEST_CASE("a recipe that ends in deploy turns a path into a session") {
  auto const recipe = td::load<td::TorchScript>() | td::freeze() | td::deploy<td::LibTorch>();
  auto const x = test::noise({2, 16})[0];
  CHECK(test::close(recipe(test::model_path("mlp_scripted"))(x),
                    test::forward(test::load("mlp_scripted").handle(), {x})));
}
