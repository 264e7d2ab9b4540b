#include <torchdeploy/report/summary.hpp>

#include <limits>

#include "support/catch.hpp"
#include "support/reports.hpp"

namespace td = torchdeploy;
using td::detail::merged_layers;
using td::detail::summary_of;

TEST_CASE("a layer that several stages tell of is one layer") {
  auto const layers = merged_layers(test::full_report());
  REQUIRE(layers.size() == 2);
  CHECK(layers[0] == td::layer_report{.name = "conv1",
                                      .kind = "conv2d",
                                      .precision = "int8",
                                      .reason = {},
                                      .weights = 9'000,
                                      .bytes = 9'256,
                                      .sparsity = 0.25,
                                      .milliseconds = 0.5,
                                      .sqnr_db = 33.25});
  CHECK(layers[1].reason == "graph mode knows aten::linear");
  CHECK(layers[1].sqnr_db == std::numeric_limits<double>::infinity());
}

TEST_CASE("the reason why a layer is in float goes when it is no longer") {
  td::report all;
  test::add(all, {.stage = "quantize", .layers = {{.name = "fc", .precision = "float32", .reason = "excluded"}}});
  test::add(all, {.stage = "prune", .layers = {{.name = "fc", .precision = "float32"}}});
  CHECK(merged_layers(all)[0].reason == "excluded");
  test::add(all, {.stage = "quantize", .layers = {{.name = "fc", .precision = "int8"}}});
  CHECK(merged_layers(all)[0].reason.empty());
}

TEST_CASE("a name that a stage lists twice is two layers, in every stage") {
  td::report all;
  for (auto const* stage : {"quantize", "prune"})
    test::add(all, {.stage = stage, .layers = {{.name = "fc", .bytes = 1}, {.name = "fc", .bytes = 2}}});
  auto const layers = merged_layers(all);
  REQUIRE(layers.size() == 2);
  CHECK(layers[1].bytes == 2);
}

TEST_CASE("bytes before are those that came, after those the last change left, not the file's") {
  auto const all = test::full_report();
  auto const sum = summary_of(all);
  CHECK(sum.bytes_before == 4'000'000);
  CHECK(sum.bytes_after == 1'200'000);
  CHECK(sum.path == "/models/net.pt");
  CHECK(sum.seconds == 2.375);
}

TEST_CASE("layers in int8 are counted, zeros weighed by the size of the layer") {
  auto const all = test::full_report();
  auto const sum = summary_of(all);
  CHECK(sum.int8 == 1);
  CHECK(sum.zeros == Approx(0.25 * 9'000 / 14'000));
}

TEST_CASE("verified is what scored its criteria, each with its score") {
  auto all = test::full_report();
  test::add(all, {.stage = "prune", .details = {{"criterion", "l1"}}});
  auto const sum = summary_of(all);
  REQUIRE(sum.verified);
  CHECK(sum.verified->stage == "verify");
  REQUIRE(sum.criteria.size() == 2);
  CHECK(sum.criteria[1].first == "cosine >= 0.9");
  CHECK(sum.criteria[1].second == "0.999");
}

TEST_CASE("what changed the model after it was verified is told, until it is verified again") {
  auto all = test::full_report();
  test::add(all, {.stage = "tap"});
  CHECK(summary_of(all).changed == nullptr);  // saving and looking change nothing
  test::add(all, {.stage = "prune", .details = {{"criterion", "l1"}}});
  test::add(all, {.stage = "freeze"});
  auto const sum = summary_of(all);
  REQUIRE(sum.changed);
  CHECK(sum.changed->stage == "prune");
  test::add(all, {.stage = "verify", .details = {{"criterion", "sqnr >= 20 dB"}, {"score", "25 dB"}}});
  test::add(all, {.stage = "deploy"});
  CHECK(summary_of(all).changed == nullptr);
}

TEST_CASE("of an empty report there is nothing to tell") {
  td::report const all;
  auto const sum = summary_of(all);
  CHECK(sum.layers.empty());
  CHECK(sum.bytes_before == 0);
  CHECK(sum.verified == nullptr);
}
