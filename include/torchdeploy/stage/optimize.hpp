#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <torchdeploy/stage/freeze.hpp>

namespace torchdeploy::inline v0 {

/// Made by `optimize`.
struct optimize_t : stage<optimize_t> {
  using needs = facts<evaluating>;
  using forbids = facts<optimized>;
  using adds = facts<frozen, optimized>;
  static constexpr std::string_view name = "optimize";

  freeze_options options{};

  torch::jit::Module run(torch::jit::Module const& module, record<TorchScript>& record) const {
    auto frozen_one = detail::frozen_module(module, record, options.preserve);
    auto& entry = record.report.current();
    auto const methods = detail::exported_methods(frozen_one);
    try {
      detail::compiler_lock const alone;
      detail::operators_ran = true;
      auto copy = detail::cloned(frozen_one);  // LibTorch rewrites a frozen module's graph where it stands
      if (copy.hasattr("training")) copy = torch::jit::freeze(copy, methods);
      auto result = torch::jit::optimize_for_inference(copy, methods);
      // it can emit a module that throws when it runs (AdaptiveAvgPool2d(2) on 13 x 13): try it on what we have
      for (auto const& each : record.examples) {
        auto trial = detail::with_checked_lstm(detail::copy_of_data(result));
        TorchScript::run(trial, detail::copy_of(each));
      }
      entry.details.emplace_back("tried on", std::to_string(record.examples.size()) + " examples");
      return result;
    } catch (std::exception const& thrown) {
      entry.findings.push_back(
          {"optimize-undone", severity::warning, "forward",
           "the optimized module does not run, the frozen one is kept: " + detail::first_words(thrown),
           "nothing is wrong with the frozen one"});
      detail::notice(entry.findings.back());
      return frozen_one;
    }
  }
};

/// Freeze, then rewrite the graph for this machine (`torch::jit::optimize_for_inference`: oneDNN layouts, fusions).
///
/// The result runs here and can't be stored: `save` after it does not compile. It is tried on the artifact's examples; if
/// it throws there, the frozen module is kept and the report says so. Measure it: it is sometimes slower than `freeze`.
///
/// Needs: evaluating. Forbids: optimized. Adds: frozen, optimized. Throws: format_error 701, 702;
/// quantization_error 404, 409.
///
/// @par Example
///     auto session = td::load<td::TorchScript>("model.pt") | td::optimize() | td::deploy<td::LibTorch>();
inline constexpr detail::option_maker<optimize_t> optimize{};

}  // namespace torchdeploy::inline v0
