#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <exception>
#include <memory>
#include <string>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/onnx/export_options.hpp>
#include <torchdeploy/onnx/onnx_export.hpp>
#include <torchdeploy/onnx/open_sizes.hpp>

namespace torchdeploy::inline v0::detail {

/// An export at sizes that suit the model: one that can't run, or be followed, at a second set of sizes may at another.
class sized_onnx_export {
 public:
  /// All must outlive it.
  sized_onnx_export(torch::jit::Module const& module, export_onnx_options const& options, example const& inputs)
      : module_(module), options_(options), inputs_(inputs), graph_(onnx_export::graph_of(module, options.method)) {}
  sized_onnx_export(torch::jit::Module const&, export_onnx_options&&, example const&) = delete;

  /// @throws export_error (901 operators that have no lowering, 902, 903, 904)
  std::unique_ptr<onnx_export> build() {
    std::exception_ptr refusal;
    for (auto const how : second_runs) try {
        calls_of_nodes open_calls;
        auto made = built(how, open_calls);
        if (!is_by_steps(how) && wants_third_ && has_more(open_calls)) {
          made.reset();  // its tensors first
          made = built(how, open_calls);
        }
        if (!third_.empty()) made->note(third_);
        return made;
      } catch (export_error const& failure) {
        if (!refusal) refusal = std::current_exception();
        if ((failure.code() != errc::export_raised && failure.code() != errc::not_exportable) || !has_large_) break;
      }
    std::rethrow_exception(refusal);
  }
  /// What running the model's operators took.
  [[nodiscard]] double evaluation_seconds() const { return evaluation_seconds_; }

 private:
  /// Shapes alone take little: 20 ms for ResNet-18 instead of 160, and each of 495 files was the same, byte by byte. Where they
  /// don't tell, or there is something to refuse, values do.
  std::unique_ptr<onnx_export> built(second_run how, calls_of_nodes& open_calls) {
    try {
      return built(how, open_calls, evaluation::shapes);
    } catch (values_needed const&) {
    } catch (export_error const& failure) {  // what is missing, or was asked for wrongly, is so with values too
      if (failure.code() == errc::operator_missing || failure.code() == errc::export_options_conflict) throw;
    }
    return built(how, open_calls, evaluation::values);
  }
  std::unique_ptr<onnx_export> built(second_run how, calls_of_nodes& open_calls, evaluation of_data) {
    auto made = std::make_unique<onnx_export>(module_, options_, inputs_, graph_, how, of_data);
    // fewer than eight are a batch, of which one is as good as another
    auto const& open = made->open_sizes();
    has_large_ = std::any_of(open.begin(), open.end(), [](auto const& each) { return each.sizes[0] >= 8; });
    wants_third_ = has_large_ || made->has_lengths();
    made->build(open_calls);
    evaluation_seconds_ += made->evaluation_seconds();
    return made;
  }
  /// Does anything differ at a third set of sizes that was the same in two?
  bool has_more(calls_of_nodes& open_calls) {
    auto const known = open_calls.size();
    for (auto const how : {second_run::larger_rounded_up, second_run::smaller, second_run::larger_by_steps}) try {
        built(how, open_calls);
        return open_calls.size() > known;
      } catch (export_error const& failure) {
        if (failure.code() != errc::export_raised && failure.code() != errc::not_exportable) throw;
      }
    third_ = "the model runs at two sets of sizes, and no third was found: what was equal in both is taken as fixed";
    return open_calls.size() > known;
  }

  torch::jit::Module const& module_;
  export_onnx_options const& options_;
  example const& inputs_;
  std::shared_ptr<jit::Graph> graph_;
  bool has_large_ = false, wants_third_ = false;
  std::string third_{};  ///< what there is to say of a third run
  double evaluation_seconds_ = 0;
};

}  // namespace torchdeploy::inline v0::detail

#endif
