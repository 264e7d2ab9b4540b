#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/detail/names.hpp>
#include <torchdeploy/format/torchscript.hpp>

namespace torchdeploy::inline v0 {

/// What `freeze` leaves as it is.
struct freeze_options {
  /// Methods and attributes to keep: {"encode", "state"}. Default: every exported method. `forward` stays in any case, so
  /// that {"forward"} keeps it alone.
  std::vector<std::string> preserve{};
};

namespace detail {

/// The names that a user wants to keep, or every exported method. @throws format_error 701
inline std::vector<std::string> preserved(torch::jit::Module const& module, std::vector<std::string> const& wanted) {
  if (wanted.empty()) return exported_methods(module);
  for (auto const& name : wanted) {
    if (module.find_method(name) || module.hasattr(name)) continue;
    auto known = exported_methods(module);
    for (auto const& each : module.named_attributes(false)) known.push_back(each.name);
    throw format_error(errc::preserve_unknown, "expected a method or attribute to preserve, got unknown '" + name + "'",
                       did_you_mean(name, known));
  }
  return wanted;
}

/// Freeze a module, or lower it, which freezes too, when it is in reference form.
inline torch::jit::Module frozen_module(torch::jit::Module const& module, record<TorchScript>& record,
                                        std::vector<std::string> const& wanted) {
  auto const kept = preserved(module, wanted);
  if (auto const reference = std::exchange(record.extras.reference, std::nullopt)) {
    reference->stamp(record.extras.files);
    return lowered(module, *reference, kept);
  }
  auto& entry = record.report.current();
  // what lowering made is frozen; a script of modules that Python quantized eagerly is not
  if (!module.hasattr("training") && module.children().size() == 0 && is_lowered(*settled_graph(module))) {
    entry.findings.push_back(
        {"already-lowered", severity::note, "forward", "the model was lowered before: it is frozen", ""});
    return module;
  }
  return translated<format_error>(errc::freeze_failed, "LibTorch can't freeze this module",
                                  "deploy a clone and call it: does it run?", [&] {
                                    compiler_lock const alone;
                                    auto copy = cloned(module);
                                    // without the flag (a module made by code, or frozen before) LibTorch takes it to be in train mode
                                    if (!copy.hasattr("training"))
                                      copy.register_attribute("training", c10::BoolType::get(), false);
                                    return torch::jit::freeze(copy, kept);
                                  });
}

}  // namespace detail

/// Made by `freeze`.
struct freeze_t : stage<freeze_t> {
  using needs = facts<evaluating>;
  using forbids = facts<frozen>;
  using adds = facts<frozen>;
  static constexpr std::string_view name = "freeze";

  freeze_options options{};

  torch::jit::Module run(torch::jit::Module const& module, record<TorchScript>& record) const {
    auto& entry = record.report.current();
    entry.bytes_before = TorchScript::bytes(module);
    auto result = detail::frozen_module(module, record, options.preserve);
    entry.bytes_after = TorchScript::bytes(result);
    for (auto const& method : result.get_methods())
      if (method.name() != "forward") entry.details.emplace_back("preserved", method.name());
    return result;
  }
};

/// Turn parameters and attributes into constants of the graph, and fold what then can be: batch norm into convolutions,
/// dropout away. `torch::jit::freeze`, but no exported method is lost unless asked for: silero-vad without its
/// `reset_states` carries the state of one audio stream into the next.
///
/// Needs: evaluating. Forbids: frozen. Adds: frozen. A quantized artifact is lowered.
/// Throws: format_error 701, 702; quantization_error 404, 409.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt") | td::freeze({.preserve = {"reset_states"}});
inline constexpr detail::option_maker<freeze_t> freeze{};

}  // namespace torchdeploy::inline v0
