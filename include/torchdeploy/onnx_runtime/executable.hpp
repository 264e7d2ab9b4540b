#pragma once

#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME

#include <algorithm>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/backend/tensor_model.hpp>
#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/onnx_runtime/model.hpp>
#include <torchdeploy/onnx_runtime/session_options.hpp>

namespace torchdeploy::inline v0 {

/// A model compiled by ONNX Runtime, and what this runtime alone offers: `session.executable()`.
class onnx_runtime_executable {
 public:
  static constexpr std::string_view runtime = "ONNX Runtime";

  /// @throws backend_error 607, 609, 610, 611, 612, 614; export_error 201, 202
  onnx_runtime_executable(Onnx::handle const& file, onnx_runtime_options const& wanted)
      : profile_(std::make_shared<profile>()) {
    for (auto left = wanted;;) try {
        open(file, left);
        return;
      } catch (backend_error const& failure) {  // some providers fail at the model only: CUDA's without a GPU
        if (left.fallback == provider_fallback::refused || left.providers.empty() ||
            failure.code() != errc::compile_failed)
          throw;
        left.providers.erase(left.providers.begin());  // the CPU, named or not, is the last
      }
  }

  [[nodiscard]] std::vector<tensor_info> const& inputs() const { return model_->inputs; }
  [[nodiscard]] std::vector<tensor_info> const& outputs() const { return model_->outputs; }
  [[nodiscard]] std::vector<std::string> state() const { return {}; }  // models of ONNX's have none
  [[nodiscard]] onnx_runtime_executable fork() const { return *this; }
  void run(std::span<at::Tensor const* const> given, std::span<at::Tensor> results) const {
    model_->run(given, results);
  }

  /// Which provider runs how many nodes of the optimized model.
  [[nodiscard]] std::vector<provider_share> const& providers() const { return model_->log.placed; }

  [[nodiscard]] onnx_metadata metadata() const {
    Ort::AllocatorWithDefaultOptions memory;
    auto const of = model_->session.GetModelMetadata();
    onnx_metadata all{.producer = of.GetProducerNameAllocated(memory).get(),
                      .graph = of.GetGraphNameAllocated(memory).get(),
                      .description = of.GetDescriptionAllocated(memory).get(),
                      .domain = of.GetDomainAllocated(memory).get(),
                      .version = of.GetVersion()};
    for (auto const& key : of.GetCustomMetadataMapKeysAllocated(memory))
      all.custom[key.get()] = of.LookupCustomMetadataMapAllocated(key.get(), memory).get();
    return all;
  }

  /// Stop measuring, and complete the file: where it is, or an empty path where `.profile` was not asked for.
  std::filesystem::path end_profiling() const {
    std::call_once(profile_->ended, [&] {
      if (profile_->path.empty()) return;
      Ort::AllocatorWithDefaultOptions memory;
      profile_->path = model_->session.EndProfilingAllocated(memory).get();
    });
    return profile_->path;
  }

 private:
  struct profile {
    std::once_flag ended;
    std::filesystem::path path;
  };

  void open(Onnx::handle const& file, onnx_runtime_options const& wanted) {
    model_ = std::make_shared<detail::onnx_runtime_model>();
    detail::of_onnx_runtime(errc::compile_failed, "ONNX Runtime can't compile this model", {}, [&] {
      auto options = detail::onnx_session_options(wanted, file.text(), file.data);
      options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_VERBOSE);  // what it logs of a call is not more
      model_->log.wanted = wanted.log;
      model_->weights = file.data.memory();
      Ort::ThrowOnError(
          detail::onnx_runtime_api().SetUserLoggingFunction(options, detail::onnx_runtime_log::take, &model_->log));
      profile_->path = wanted.profile;
      detail::optimized_model_file const optimized(options, wanted.optimized_model);
      model_->open(file.bytes(), options, *file.summary);
      demand_use(wanted, *file.summary);
      optimized.keep();
    });
  }

  void demand_use(onnx_runtime_options const& wanted, onnx_summary const& summary) const {
    auto const& placed = providers();
    if (wanted.fallback == provider_fallback::allowed) return;
    for (auto const& each : wanted.providers)
      if (each.name != detail::onnx_cpu_provider &&
          std::none_of(placed.begin(), placed.end(), [&](auto const& share) { return share.name == each.name; }))
        throw backend_error(
            errc::provider_unused,
            "expected " + each.name + " to run part of the model, got " +
                (placed.empty() && summary.nodes() != 0 ? "no word of ONNX Runtime's where its nodes are" : "no node"));
  }

  std::shared_ptr<detail::onnx_runtime_model> model_;
  std::shared_ptr<profile> profile_;
};

}  // namespace torchdeploy::inline v0

#endif
