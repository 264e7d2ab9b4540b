#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/onnx/export_options.hpp>
#include <torchdeploy/onnx/onnx_export.hpp>

namespace torchdeploy::inline v0 {

/// Made by `export_onnx`.
struct export_onnx_t : stage<export_onnx_t> {
  using consumes = TorchScript;
  using produces = Onnx;
  using needs = facts<evaluating>;
  using forbids = facts<optimized>;
  static constexpr std::string_view name = "export_onnx";

  export_onnx_options options{};

  template <any_artifact A>
  auto apply(A&& artifact) const {
    auto const module = std::move(artifact).handle();
    auto record = std::move(artifact).record();
    auto made = detail::timed(record, name, [&] { return exported(module, record); });
    return after<A, export_onnx_t>(std::move(made), torchdeploy::record<Onnx>(std::move(record)));
  }

 private:
  Onnx::handle exported(torch::jit::Module const& module, record<TorchScript>& record) const {
    constexpr std::int64_t oldest = 13, newest = 21;
    if (options.opset < oldest || options.opset > newest)
      throw export_error(errc::export_options_conflict,
                         "expected an opset from 13 to 21, got " + std::to_string(options.opset));
    if (!module.find_method(options.method))
      throw export_error(errc::export_options_conflict, "expected a method of the model, got '" + options.method + "'");
    if (options.samples.empty() && record.examples.empty())
      throw export_error(errc::nothing_to_export_with, "expected an example of the inputs, got none");
    auto const& inputs = options.samples.empty() ? record.examples.front() : *options.samples.begin();
    auto& entry = record.report.current();
    std::vector<std::string> notes;
    auto const text = detail::translated<export_error>(errc::export_raised, "LibTorch can't run this model", {}, [&] {
      detail::compiler_lock const alone;
      return written(module, inputs, entry, notes);
    });
    for (auto const& each : notes) entry.details.emplace_back("note", each);
    Onnx::handle made{detail::all_bytes(std::as_bytes(std::span(text))), {}, {}};
    made.summary = std::make_shared<onnx_summary const>(detail::checked_onnx(text, "the exported model", {}));
    Onnx::describe(made, entry);
    entry.bytes_before = TorchScript::bytes(module);
    entry.bytes_after = Onnx::bytes(made);
    return made;
  }

  /// Fewer than eight are a batch, of which one is as good as another.
  static bool has_large(detail::onnx_export const& work) {
    auto const& open = work.open_sizes();
    return std::any_of(open.begin(), open.end(), [](auto const& each) { return each.sizes[0] >= 8; });
  }
  /// Does anything differ at a third set of sizes that was the same in two?
  bool has_more(torch::jit::Module const& module, example const& inputs,
                std::shared_ptr<torch::jit::Graph> const& graph, detail::calls_of_nodes& open_calls) const {
    auto const known = open_calls.size();
    try {
      std::vector<std::string> notes;
      detail::onnx_export(module, options, inputs, graph, detail::second_run::larger_rounded_up)
          .write(notes, open_calls);
    } catch (export_error const& failure) {
      if (failure.code() != errc::export_raised) throw;  // at these sizes the model can't run
    }
    return open_calls.size() > known;
  }

  /// A model that can't run, or be followed, at a second set of sizes may at another.
  std::string written(torch::jit::Module const& module, example const& inputs, stage_report& entry,
                      std::vector<std::string>& notes) const {
    std::exception_ptr refusal;
    auto const graph = detail::onnx_export::graph_of(module, options.method);
    for (auto const how : detail::second_runs) {
      detail::onnx_export work(module, options, inputs, graph, how);
      std::vector<std::string> made_notes;
      try {
        detail::calls_of_nodes open_calls;
        auto text = work.write(made_notes, open_calls);
        if (!detail::is_by_steps(how) && has_large(work) && has_more(module, inputs, graph, open_calls)) {
          detail::onnx_export again(module, options, inputs, graph, how);
          made_notes.clear();
          text = again.write(made_notes, open_calls);
        }
        for (auto const& each : work.open_sizes()) {
          entry.details.emplace_back("open size", each.name);
          if (detail::is_by_steps(how) && detail::size_step(each.sizes[0]) > 2)
            notes.push_back("'" + each.name + "' is " + std::to_string(each.sizes[0]) +
                            ", or more or less by multiples of " + std::to_string(detail::size_step(each.sizes[0])) +
                            ": at other sizes this model is another");
        }
        notes.insert(notes.end(), made_notes.begin(), made_notes.end());
        return text;
      } catch (export_error const& failure) {
        if (!refusal) refusal = std::current_exception();
        if ((failure.code() != errc::export_raised && failure.code() != errc::not_exportable) || !has_large(work))
          break;
      }
    }
    std::rethrow_exception(refusal);
  }
};

/// Export to ONNX, without Python: `save("model.onnx")`, `deploy<OnnxRuntime>()`, `deploy<OpenVino>()`.
///
/// The model is run on one example, at two sets of sizes, and written as what it computes: shape arithmetic, branches and
/// loops over what does not depend on the data fold away. An operator that has no ONNX form is refused by its name, with all
/// others that have none; `.operators` adds one.
///
/// Consumes: TorchScript. Produces: Onnx. Needs: evaluating. Forbids: optimized.
/// Throws: export_error 901 to 905.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt", {.examples = images}) | td::export_onnx() | td::save("model.onnx");
inline constexpr detail::option_maker<export_onnx_t> export_onnx{};

}  // namespace torchdeploy::inline v0

#endif
