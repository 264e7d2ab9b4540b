#pragma once

#include <cstddef>
#include <exception>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include <torchdeploy/fwd.hpp>

namespace torchdeploy::inline v0 {

/// Stable numbers; the hundreds are the stage. Each is a heading in docs/errors.md.
enum class errc {
  file_missing = 101,
  not_a_file = 102,
  file_empty = 103,
  wrong_format = 104,
  file_damaged = 105,
  extra_file_missing = 106,
  device_unavailable = 107,
  module_unusable = 108,
  external_data_refused = 109,

  place_unwritable = 201,
  write_failed = 202,
  not_serializable = 203,

  no_examples = 301,
  out_of_tolerance = 302,
  degenerate_reference = 303,
  structure_differs = 304,
  reference_raised = 305,
  model_raised = 306,
  options_conflict = 307,
  golden_unreadable = 308,
  metric_raised = 309,
  batch_differs = 310,
  no_common_layer = 311,

  no_samples = 401,
  not_quantizable = 402,
  already_quantized = 403,
  engine_unavailable = 404,
  calibration_raised = 405,
  not_finite = 406,
  never_observed = 407,
  quantization_failed = 408,
  lowering_failed = 409,
  override_unmatched = 410,

  amount_out_of_range = 501,
  nothing_to_prune = 502,
  pattern_unmatched = 503,
  dimension_out_of_range = 504,
  prune_options_conflict = 505,
  criterion_unusable = 506,

  method_missing = 601,
  wrong_arguments = 602,
  not_one_tensor = 603,
  call_raised = 604,
  settings_fixed = 605,
  nothing_to_warm_up_with = 606,
  setting_out_of_range = 607,
  conversion_failed = 608,
  compile_failed = 609,
  runtime_unusable = 610,
  provider_missing = 611,
  provider_unused = 612,
  model_keeps_state = 613,
  name_unknown = 614,

  preserve_unknown = 701,
  freeze_failed = 702,

  not_for_mobile = 801,

  operator_missing = 901,
  not_exportable = 902,
  export_raised = 903,
  export_options_conflict = 904,
  nothing_to_export_with = 905,
};

/// The base of all this library throws.
///
/// `what()` is one line of at most 200 characters that begins with the id: `[torchdeploy.load.101] expected ..., got ...`.
/// What LibTorch threw, with its text of a few kilobytes, is nested: `std::rethrow_if_nested`.
class error : public std::runtime_error {
 public:
  static constexpr std::size_t max_length = 200;

  /// Without a hint of its own an error gives the usual one of its id.
  error(errc code, std::string_view text, std::string_view hint = {})
      : std::runtime_error(compose(code, text, hint.empty() ? usual_hint(code) : hint)),
        code_(code),
        hint_(std::string(hint.empty() ? usual_hint(code) : hint)) {}

  [[nodiscard]] errc code() const noexcept { return code_; }
  /// The group of the id: the stage that it is usual of ("load", "verify", ...), though another may throw it as well.
  [[nodiscard]] std::string_view stage() const noexcept { return stage_of(code_); }
  /// "torchdeploy.load.101": the heading in docs/errors.md.
  [[nodiscard]] std::string id() const { return id_of(code_); }
  /// What to do about it.
  [[nodiscard]] std::string_view hint() const noexcept { return hint_.what(); }

  static constexpr std::string_view stage_of(errc code) noexcept {
    constexpr std::string_view names[] = {"",      "load",   "save",   "verify",    "quantize",
                                          "prune", "deploy", "freeze", "to_mobile", "export_onnx"};
    auto const index = static_cast<std::size_t>(code) / 100;
    return index < std::size(names) ? names[index] : names[0];
  }
  static constexpr std::string_view usual_hint(errc code) noexcept {
    switch (code) {
      case errc::module_unusable:
        return "script or trace the model in Python, and save that";
      case errc::not_serializable:
        return "keep only plain tensors and values in the module";
      case errc::out_of_tolerance:
        return "compare() gives all scores, first_divergence() the layer";
      case errc::structure_differs:
        return "the reference must return what the model returns";
      case errc::batch_differs:
        return "trace it with the batch size left open, or script it";
      case errc::reference_raised:
      case errc::model_raised:
      case errc::calibration_raised:
        return "give samples as forward takes them";
      case errc::options_conflict:
        return "docs/verification.md has the criteria and their ranges";
      case errc::golden_unreadable:
        return "record it again: record_golden(model, path, {.samples})";
      case errc::metric_raised:
        return "a metric gets (got, expected) of each sample and gives a number";
      case errc::not_quantizable:
        return "quantize the sub-modules beside it by themselves";
      case errc::not_finite:
        return "look for NaN and infinity in the weights and samples";
      case errc::method_missing:
        return "script the module with the method exported";
      case errc::wrong_arguments:
        return "give the arguments that the method takes";
      case errc::operator_missing:
        return "write it yourself: export_onnx({.operators = {{\"my::op\", function}}})";
      case errc::not_exportable:
        return "docs/onnx.md says what can't be exported, and why";
      case errc::export_raised:
        return "give an example as the method takes it, and .dynamic_axes that it can vary";
      case errc::nothing_to_export_with:
        return "load(path, {.examples}), or export_onnx({.samples})";
      case errc::conversion_failed:
        return "run it on LibTorch, or write what is named with other operators";
      case errc::compile_failed:
        return "the nested error has the runtime's own words";
      case errc::runtime_unusable:
        return "docs/backends.md says how to get the runtime";
      case errc::provider_missing:
        return "install a runtime that has it, or {.fallback = td::allowed}";
      case errc::provider_unused:
        return "give a provider that runs the model, or {.fallback = td::allowed}";
      case errc::model_keeps_state:
        return "pool(n) gives each caller a state of its own";
      case errc::name_unknown:
        return "session.inputs() and session.outputs() have the names";
      case errc::call_raised:
        return "give tensors of the shape and dtype that the model was made for";
      default:
        return "docs/errors.md says more";
    }
  }
  static std::string id_of(errc code) {
    return "torchdeploy." + std::string(stage_of(code)) + "." + std::to_string(static_cast<int>(code));
  }

 private:
  static bool inside_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }  // of UTF-8

  // The hint is part of the line where it fits; a text too long loses its middle, since both ends tell most.
  static std::string compose(errc code, std::string_view text, std::string_view hint) {
    std::string line = "[";  // grown by +=: g++ 12 sees an overlap in `"[" + id + "] "` that is none
    line += id_of(code);
    line += "] ";
    auto const room = max_length - line.size();
    if (text.size() > room) {
      constexpr std::string_view gap = " ... ";
      auto head = (room - gap.size()) * 2 / 3;
      auto tail = text.size() - (room - gap.size() - head);
      while (head > 0 && inside_a_character(text[head])) --head;
      while (tail < text.size() && inside_a_character(text[tail])) ++tail;
      line.append(text.substr(0, head)).append(gap).append(text.substr(tail));
    } else {
      line.append(text);
      if (!hint.empty() && text.size() + hint.size() + 2 <= room) line.append("; ").append(hint);
    }
    for (auto& c : line)
      if (c == '\n' || c == '\r' || c == '\t') c = ' ';
    return line;
  }

  errc code_;
  std::runtime_error hint_;  // its text is shared, so that copying an error can't throw
};

/// A file, stream or module could not be opened as a model.
class load_error : public error {
 public:
  using error::error;
};
/// The model can't be written in, or turned into, the format asked for.
class format_error : public error {
 public:
  using error::error;
};
/// quantize could not do what was asked, or the lowering of a quantized model.
class quantization_error : public error {
 public:
  using error::error;
};
/// The artifact could not leave: save, export.
class export_error : public error {
 public:
  using error::error;
};
/// A runtime refused to compile or to run the model.
class backend_error : public error {
 public:
  using error::error;
};

}  // namespace torchdeploy::inline v0
