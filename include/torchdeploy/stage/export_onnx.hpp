#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/names.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/format/torchscript.hpp>
#include <torchdeploy/onnx/export_options.hpp>
#include <torchdeploy/onnx/sized_export.hpp>

namespace torchdeploy::inline v0 {

/// Made by `export_onnx`.
struct export_onnx_t : stage<export_onnx_t> {
  using consumes = TorchScript;
  using produces = Onnx;
  using needs = facts<evaluating>;
  using forbids = facts<quantized, optimized>;
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
  /// "load; prune criterion l1, amount 0.3": what the file says of itself, so nothing of this machine or run.
  static std::string stages_of(report const& so_far) {
    std::string text;
    for (auto const& stage : so_far.stages()) {
      if (stage.stage == name) continue;
      if (!text.empty()) text += "; ";
      text += stage.stage;
      char const* before = " ";
      for (auto const& [key, value] : stage.details) {
        if (key == "path" || key == "latency") continue;
        text += std::exchange(before, ", ") + key + ' ' + value;
      }
    }
    return text;
  }

  [[noreturn]] void refuse_method(torch::jit::Module const& module) const {
    std::vector<std::string> known;
    for (auto const& each : module.get_methods()) known.push_back(each.name());
    throw export_error(errc::export_options_conflict, "expected a method of the model, got '" + options.method + "'",
                       detail::did_you_mean(options.method, known));
  }

  Onnx::handle exported(torch::jit::Module const& module, record<TorchScript>& record) const {
    constexpr std::int64_t oldest = 13, newest = 21;
    if (options.opset < oldest || options.opset > newest)
      throw export_error(errc::export_options_conflict,
                         "expected an opset from 13 to 21, got " + std::to_string(options.opset));
    if (!module.find_method(options.method)) refuse_method(module);
    if (options.samples.empty() && record.examples.empty())
      throw export_error(errc::nothing_to_export_with, "expected an example of the inputs, got none");
    auto const& inputs = options.samples.empty() ? record.examples.front() : *options.samples.begin();
    auto metadata = options.metadata;
    metadata.emplace("torch_version", TORCH_VERSION);
    metadata.emplace("stages", stages_of(record.report));
    auto& entry = record.report.current();
    std::vector<onnx_open_size> open_sizes;
    auto written = detail::translated<export_error>(errc::export_raised, "LibTorch can't run this model", {}, [&] {
      detail::compiler_lock const alone;
      detail::sized_onnx_export work(module, options, inputs);
      auto const built = work.build();
      open_sizes = built->open_inputs();
      for (auto const& each : built->open_sizes()) entry.details.emplace_back("open size", each.name);
      entry.details.emplace_back("evaluations", detail::fixed(work.evaluation_seconds(), 3) + " s");
      for (auto const& each : built->notes()) entry.details.emplace_back("note", each);
      return built->write(std::move(metadata));
    });
    Onnx::handle made{detail::shared_bytes_of(std::move(written.file))};
    if (!written.data.empty()) made.data = detail::onnx_data(detail::shared_bytes_of(std::move(written.data)));
    made.summary =
        std::make_shared<onnx_summary const>(detail::checked_onnx(made.text(), "the exported model", made.data));
    made.open_sizes = std::move(open_sizes);
    Onnx::describe(made, entry);
    entry.bytes_before = TorchScript::bytes(module);
    entry.bytes_after = Onnx::bytes(made);
    return made;
  }
};

/// Export to ONNX, without Python: `save("model.onnx")`, `deploy<OnnxRuntime>()`, `deploy<OpenVino>()`.
///
/// The model is run on one example, at two sets of sizes, and written as what it computes: shape arithmetic, branches and
/// loops over what does not depend on the data fold away. An operator that has no ONNX form is refused by its name, with all
/// others that have none; `.operators` adds one.
///
/// Consumes: TorchScript. Produces: Onnx. Needs: evaluating. Forbids: quantized, optimized.
/// Throws: export_error 901 (also for a file that was quantized before) to 905; 904 names a method that is not there, too.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt", {.examples = images}) | td::export_onnx() | td::save("model.onnx");
inline constexpr detail::option_maker<export_onnx_t> export_onnx{};

}  // namespace torchdeploy::inline v0

#endif
