#include <torchdeploy/report/json.hpp>

#include <string>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/reports.hpp"

namespace td = torchdeploy;
using nlohmann::json;

TEST_CASE("a report that became JSON is read again as it was") {
  auto const all = test::full_report();
  CHECK(json(all).get<td::report>() == all);
  CHECK(json::parse(td::to_json(all)).get<td::report>() == all);
  CHECK(nlohmann::ordered_json(all).get<td::report>() == all);
  CHECK(json(td::report{}).get<td::report>() == td::report{});
}

TEST_CASE("the schema is the one that docs/reports.md tells") {
  json const j = test::full_report();
  CHECK(j["schema"] == 1);
  CHECK(j["torchdeploy"] == td::version);
  auto const& load = j["stages"][0];
  CHECK(load["stage"] == "load");
  CHECK(load["seconds"] == 0.125);
  CHECK_FALSE(load.contains("bytes_before"));
  CHECK(load["bytes_after"] == 4'000'000);
  CHECK(load["findings"][0] == json{{"id", "train-mode-flag"},
                                    {"severity", "warning"},
                                    {"place", "forward"},
                                    {"text", "saved in train mode"},
                                    {"hint", "call eval()"}});
  auto const& quantize = j["stages"][1];
  CHECK(quantize["details"][0] == json{{"name", "engine"}, {"value", "x86"}});
  CHECK(quantize["layers"][1] == json{{"name", "head.fc"},
                                      {"kind", "addmm"},
                                      {"precision", "float32"},
                                      {"reason", "graph mode knows aten::linear"},
                                      {"weights", 5'000},
                                      {"bytes", 20'000},
                                      {"sparsity", 0.0}});
  CHECK(j["stages"][2]["layers"][0]["milliseconds"] == 0.5);
  CHECK(j["stages"][2]["layers"][0]["sqnr_db"] == 33.25);
  CHECK(j["stages"][2]["layers"][1]["sqnr_db"] == "Infinity");
}

TEST_CASE("the text begins with its schema") {
  CHECK_THAT(td::to_json(test::full_report()), StartsWith("{\n  \"schema\": 1,\n  \"torchdeploy\": \""));
}

TEST_CASE("strings that are not UTF-8 and numbers that are none neither throw nor break the text") {
  auto const text = td::to_json(test::hostile_report());
  auto const j = json::parse(text);
  CHECK(j["stages"][0]["seconds"] == "NaN");
  CHECK(j["stages"][0]["layers"][0]["milliseconds"] == "-Infinity");
  CHECK(j["stages"][0]["layers"][0]["bytes"] == ~0ULL);
  CHECK(td::to_json(j.get<td::report>()) == text);
  CHECK_NOTHROW(json(test::hostile_report()).dump());
}

TEST_CASE("keys of a later version are left out, keys that miss keep their default") {
  auto const j =
      json::parse(R"({"schema": 1, "new": 5, "stages": [{"stage": "load", "new": {}, "layers": [{"name": "fc"}]}]})");
  auto const all = j.get<td::report>();
  REQUIRE(all.find("load"));
  CHECK((all.find("load")->layers == std::vector{td::layer_report{.name = "fc"}}));
}

TEST_CASE("JSON that is no report is refused by one of our errors") {
  auto const refused = [](char const* text, td::errc code) {
    CAPTURE(text);
    auto const failure =
        test::failure_of<td::format_error>([&] { static_cast<void>(json::parse(text).get<td::report>()); });
    CHECK(failure.code == code);
  };
  for (auto const* text : {"[]", "null", "5", "{}", R"({"schema": 2, "stages": []})",
                           R"({"schema": "1", "stages": []})", "{\"schema\": \"\\ud83d\\ude00\"}"})
    refused(text, td::errc::wrong_format);
  for (auto const* text :
       {R"({"schema": 1})", R"({"schema": 1, "stages": {}})", R"({"schema": 1, "stages": [5]})",
        R"({"schema": 1, "stages": [{"stage": 5}]})", R"({"schema": 1, "stages": [{"seconds": "soon"}]})",
        R"({"schema": 1, "stages": [{"bytes_after": -1}]})", R"({"schema": 1, "stages": [{"bytes_after": 1.5}]})",
        R"({"schema": 1, "stages": [{"layers": [[]]}]})", R"({"schema": 1, "stages": [{"layers": 1}]})",
        R"({"schema": 1, "stages": [{"layers": [{"sqnr_db": []}]}]})",
        R"({"schema": 1, "stages": [{"findings": [{"severity": "loud"}]}]})"})
    refused(text, td::errc::file_damaged);
}

TEST_CASE("what is refused leaves the report that was to be read as it was") {
  auto all = test::full_report();
  CHECK_THROWS_AS(from_json(json::parse(R"({"schema": 1, "stages": [{}, 5]})"), all), td::format_error);
  CHECK(all == test::full_report());
}

TEST_CASE("JSON is written to a file, whole or not at all") {
  test::temporary_folder const folder;
  td::save_json(test::full_report(), folder / "report.json");
  auto const bytes = test::bytes_of(folder / "report.json");
  CHECK(std::string(bytes.begin(), bytes.end()) == td::to_json(test::full_report()));
  CHECK(test::failure_of<td::export_error>([&] { td::save_json({}, folder.path()); }).code ==
        td::errc::place_unwritable);
}
