#include <torchdeploy/core/report.hpp>

#include <string>
#include <utility>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace acme {
struct fold_bias {};
template <class T>
struct tuned {};
struct with_name {
  static constexpr auto name = "fold";
};
}  // namespace acme

TEST_CASE("a stage is found by its name, the last run of several") {
  td::report report;
  {
    auto const clock = report.start("prune");
    report.current().details.emplace_back("amount", "0.1");
  }
  {
    auto const clock = report.start("prune");
    report.current().details.emplace_back("amount", "0.3");
  }
  auto const clock = report.start("save");
  REQUIRE(report.find("prune"));
  CHECK(report.find("prune")->detail("amount") == "0.3");
  CHECK(report.find("freeze") == nullptr);
}

TEST_CASE("a detail that nobody wrote is empty") {
  td::stage_report const stage{"prune", 0, 0, 0, {{"amount", "0.3"}}};
  CHECK(stage.detail("amount") == "0.3");
  CHECK(stage.detail("engine").empty());
}

TEST_CASE("findings of all stages come in the order of the stages") {
  td::report report;
  report.start("load"), report.current().findings.push_back({.id = "train-mode-trace", .level = td::severity::fault});
  report.start("prune");
  report.start("quantize"), report.current().findings.push_back({.id = "never-observed", .place = "conv2"});
  auto const all = report.findings();
  REQUIRE(all.size() == 2);
  CHECK(all[0].id == "train-mode-trace");
  CHECK(all[0].level == td::severity::fault);
  CHECK(all[1].place == "conv2");
}

TEST_CASE("what is written before a stage began is kept") {
  td::report report;
  report.current().details.emplace_back("device", "cpu");
  CHECK_FALSE(report.empty());
  CHECK(report.stages().front().detail("device") == "cpu");
}

TEST_CASE("the time of a stage is told when its clock ends, though others began inside") {
  td::report report;
  {
    auto const outer = report.start("verify");
    auto const inner = report.start("lower");
    CHECK(report.stages()[0].seconds == 0);
  }
  CHECK(report.stages()[0].seconds > 0);
  CHECK(report.stages()[0].seconds >= report.stages()[1].seconds);
}

TEST_CASE("a stage may replace the report while it is timed") {
  td::report report;
  {
    auto const clock = report.start("load");
    report = td::report{};
  }
  CHECK(report.empty());
}

TEST_CASE("a stage is named as its author wrote it") {
  using td::detail::stage_name;
  CHECK(stage_name<acme::fold_bias>() == "acme::fold_bias");
  CHECK(stage_name<acme::fold_bias const&>() == "acme::fold_bias");
  CHECK(stage_name<acme::tuned<int>>() == "acme::tuned<int>");
  CHECK(stage_name<acme::with_name>() == "fold");
  CHECK(stage_name<td::finding>() == "finding");
}
