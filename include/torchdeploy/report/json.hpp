#pragma once

#include <cmath>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/core/report.hpp>
#include <torchdeploy/core/report_text.hpp>
#include <torchdeploy/detail/atomic_file.hpp>
#include <torchdeploy/detail/utf8.hpp>
#include <torchdeploy/version.hpp>

namespace torchdeploy::inline v0 {

/// The number in a JSON report's "schema". It grows when a key is renamed or changes its meaning; a key more is no change.
inline constexpr int report_schema = 1;

namespace detail {

template <class T>
concept json_value = nlohmann::detail::is_basic_json<T>::value;

/// JSON has no infinity: what is not finite becomes a string, as in the JSON of Protocol Buffers.
template <json_value Json>
Json json_number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

template <json_value Json>
double number_from(Json const& j) {
  if (j.is_number()) return j.template get<double>();
  auto const text = j.template get<std::string>();
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return infinity;
  if (text == "-Infinity") return -infinity;
  throw format_error(errc::file_damaged, "expected a number in a report, got '" + text + "'");
}

template <json_value Json>
std::uint64_t count_from(Json const& j) {
  if (j.is_number_unsigned()) return j.template get<std::uint64_t>();
  throw format_error(errc::file_damaged, "expected a count, 0 or more, in a report, got " +
                                             j.dump(-1, ' ', false, Json::error_handler_t::replace));
}

inline severity severity_from(std::string_view name) {
  for (auto const level : {severity::note, severity::warning, severity::fault})
    if (name == severity_name(level)) return level;
  throw format_error(errc::file_damaged, "expected note, warning or fault, got '" + std::string(name) + "'");
}

template <json_value Json>
Json json_of(finding const& f) {
  return {{"id", valid_utf8(f.id)},
          {"severity", severity_name(f.level)},
          {"place", valid_utf8(f.place)},
          {"text", valid_utf8(f.text)},
          {"hint", valid_utf8(f.hint)}};
}

template <json_value Json>
Json json_of(layer_report const& layer) {
  Json j{{"name", valid_utf8(layer.name)},
         {"kind", valid_utf8(layer.kind)},
         {"precision", valid_utf8(layer.precision)},
         {"reason", valid_utf8(layer.reason)},
         {"weights", layer.weights},
         {"bytes", layer.bytes},
         {"sparsity", json_number<Json>(layer.sparsity)}};
  if (layer.slices) {
    j["slices"] = layer.slices;
    j["zero_slices"] = layer.zero_slices;
  }
  if (layer.milliseconds) j["milliseconds"] = json_number<Json>(*layer.milliseconds);
  if (layer.sqnr_db) j["sqnr_db"] = json_number<Json>(*layer.sqnr_db);
  return j;
}

template <json_value Json>
Json json_of(stage_report const& stage) {
  Json j{{"stage", valid_utf8(stage.stage)}, {"seconds", json_number<Json>(stage.seconds)}};
  if (stage.bytes_before) j["bytes_before"] = stage.bytes_before;
  if (stage.bytes_after) j["bytes_after"] = stage.bytes_after;
  auto& details = j["details"] = Json::array();
  for (auto const& [name, value] : stage.details)
    details.push_back({{"name", valid_utf8(name)}, {"value", valid_utf8(value)}});
  auto& layers = j["layers"] = Json::array();
  for (auto const& each : stage.layers) layers.push_back(json_of<Json>(each));
  auto& findings = j["findings"] = Json::array();
  for (auto const& each : stage.findings) findings.push_back(json_of<Json>(each));
  return j;
}

/// Read members where they are there. A later version may have written more of them, an earlier one fewer.
template <json_value Json>
class json_members {
 public:
  explicit json_members(Json const& j) : j_(&j) {
    if (!j.is_object())
      throw format_error(errc::file_damaged, std::string("expected an object in a report, got ") + j.type_name());
  }
  json_members const& operator()(char const* key, auto const& use) const {
    if (auto const at = j_->find(key); at != j_->end()) use(*at);
    return *this;
  }
  json_members const& operator()(char const* key, std::string& text) const {
    return (*this)(key, [&](Json const& j) { text = j.template get<std::string>(); });
  }
  json_members const& operator()(char const* key, double& number) const {
    return (*this)(key, [&](Json const& j) { number = number_from(j); });
  }
  json_members const& operator()(char const* key, std::optional<double>& number) const {
    return (*this)(key, [&](Json const& j) { number = number_from(j); });
  }
  json_members const& operator()(char const* key, std::uint64_t& count) const {
    return (*this)(key, [&](Json const& j) { count = count_from(j); });
  }

 private:
  Json const* j_;
};

template <json_value Json>
stage_report stage_from(Json const& j) {
  stage_report stage;
  json_members const members(j);
  members("stage", stage.stage)("seconds", stage.seconds);
  members("bytes_before", stage.bytes_before)("bytes_after", stage.bytes_after);
  auto const each_of = [&](char const* key, auto const& use) {
    members(key, [&](Json const& list) {
      for (auto const& each : list.template get_ref<typename Json::array_t const&>()) use(json_members(each));
    });
  };
  each_of("details", [&](auto const& read) {
    auto& [name, value] = stage.details.emplace_back();
    read("name", name)("value", value);
  });
  each_of("layers", [&](auto const& read) {
    auto& l = stage.layers.emplace_back();
    read("name", l.name)("kind", l.kind)("precision", l.precision)("reason", l.reason)("weights", l.weights);
    read("bytes", l.bytes)("sparsity", l.sparsity)("slices", l.slices)("zero_slices", l.zero_slices);
    read("milliseconds", l.milliseconds)("sqnr_db", l.sqnr_db);
  });
  each_of("findings", [&](auto const& read) {
    auto& f = stage.findings.emplace_back();
    read("id", f.id)("place", f.place)("text", f.text)("hint", f.hint);
    read("severity", [&](Json const& s) { f.level = severity_from(s.template get<std::string>()); });
  });
  return stage;
}

}  // namespace detail

/// `nlohmann::json j = model.report();`: found by nlohmann-json. docs/reports.md has the schema.
template <detail::json_value Json>
void to_json(Json& j, report const& all) {
  j = Json{{"schema", report_schema}, {"torchdeploy", version}, {"stages", Json::array()}};
  for (auto const& stage : all.stages()) j["stages"].push_back(detail::json_of<Json>(stage));
}

/// `auto report = nlohmann::json::parse(text).get<td::report>();`. Keys that are unknown are left out, those that miss
/// keep their default.
///
/// Throws: format_error 104 where this is no report of this schema, 105 where a part of it has the wrong type.
template <detail::json_value Json>
void from_json(Json const& j, report& all) try {
  auto const schema = j.is_object() ? j.value("schema", Json()) : Json();
  if (schema != Json(report_schema))
    throw format_error(
        errc::wrong_format,
        "expected a report of schema " + std::to_string(report_schema) + ", got " +
            (schema.is_null() ? "no \"schema\"" : schema.dump(-1, ' ', false, Json::error_handler_t::replace)),
        "td::to_json writes one");
  report read;
  for (auto const& each : j.at("stages").template get_ref<typename Json::array_t const&>()) {
    auto stage = detail::stage_from(each);
    read.start(stage.stage);
    read.current() = std::move(stage);
  }
  all = std::move(read);
} catch (nlohmann::json::exception const& failure) {
  std::throw_with_nested(
      format_error(errc::file_damaged, std::string("this is no report as td::to_json writes it: ") + failure.what()));
}

/// The report as JSON text (UTF-8, indented): for dashboards and for comparing runs. docs/reports.md has the schema.
/// Bytes of names that are not UTF-8 become U+FFFD, a number that is not finite "NaN", "Infinity" or "-Infinity".
///
/// Needs nlohmann-json: CMake's component Json (`torchdeploy::json`), or TORCHDEPLOY_WITH_JSON with the single header.
///
/// @par Example
///     std::cout << td::to_json(model.report());
inline std::string to_json(report const& all) {
  nlohmann::ordered_json j;
  to_json(j, all);
  return j.dump(2) + "\n";
}

/// Write `to_json(report)` to a file, whole or not at all. Throws: export_error 201, 202.
///
/// @par Example
///     td::save_json(model.report(), "report.json");
inline void save_json(report const& all, std::filesystem::path const& path) {
  detail::atomic_write(path, [&](std::ostream& out) { out << to_json(all); });
}

}  // namespace torchdeploy::inline v0
