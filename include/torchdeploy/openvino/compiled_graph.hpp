#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/op/logical_or.hpp>
#include <openvino/op/maximum.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <openvino/runtime/compiled_model.hpp>
#include <openvino/runtime/properties.hpp>

#include <torchdeploy/openvino/call_shapes.hpp>
#include <torchdeploy/openvino/quantized_arithmetic.hpp>
#include <torchdeploy/openvino/runtime.hpp>

/// A model that OpenVINO compiled, and what must be known to call it safely. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0 {

/// What a layer runs as, after OpenVINO fused and chose its kernels.
struct executed_layer {
  std::string name{};       ///< of the node it was made of; several, joined by commas, where they were fused
  std::string kind{};       ///< "Convolution", "FullyConnected"
  std::string precision{};  ///< "f32", "bf16", "u8"
  std::string kernel{};     ///< "brgemm_avx512_amx_I8"
};

namespace detail {

/// Nothing of a device that does not tell.
inline std::vector<executed_layer> executed_layers(ov::CompiledModel const& model) {
  std::vector<executed_layer> all;
  std::shared_ptr<ov::Model const> executed;
  try {
    executed = model.get_runtime_model();
  } catch (std::exception const&) {
    return all;
  }
  for (auto const& node : executed->get_ordered_ops()) {
    auto const& told = node->get_rt_info();
    auto const text = [&](char const* key) {
      auto const at = told.find(key);
      return at == told.end() ? std::string() : at->second.as<std::string>();
    };
    all.push_back({text("originalLayersNames"), text("layerType"), text("runtimePrecision"), text("primitiveType")});
  }
  return all;
}

/// Two traps of OpenVINO 2026.4 are kept away from here.
///
/// A CPU model with one stream of one thread swallows what `infer()` throws: results are those of the call before, and the
/// failed task stays in the thread's queue, to run again when its request may be gone. `start_async()` and `wait()` throw as
/// they should and take a change of threads, 10 us. So `infer()` is called only where nothing can throw: see `can_not_fail`.
///
/// A call that throws while sizes inside the graph are being worked out leaves some of them behind: later calls throw, or
/// compute with them. Such a graph is `broken`, and compiled again for the next call.
struct compiled_graph {
  explicit compiled_graph(ov::CompiledModel compiled) : model(std::move(compiled)) {
    try {
      streams = model.get_property(ov::num_streams).num;
      hides_failures = streams <= 1 && model.get_property(ov::inference_num_threads) == 1;
    } catch (std::exception const&) {
      hides_failures = true;  // a device that does not say how it runs
    }
    if (hides_failures) looks_at_no_values = all_look_at_no_values();
  }

  /// With sizes that went well before and that nothing but the inputs' sizes decides, in kernels that judge no values.
  [[nodiscard]] bool can_not_fail(call_shapes const& call) const {
    return looks_at_no_values && call.known() && call.succeeded.load(std::memory_order_relaxed) > 0;
  }

  ov::CompiledModel model;
  int streams = 1;
  bool hides_failures = true;
  bool looks_at_no_values = false;
  shape_book shapes{};
  std::atomic<bool> broken = false;
  std::shared_mutex running{};  // one stream is one graph, whose calls take turns anyhow

 private:
  [[nodiscard]] bool all_look_at_no_values() const try {
    static constexpr std::array<std::string_view, 32> kinds{
        "Input",        "Output",          "Const",   "Constant", "Convolution", "Deconvolution", "FullyConnected",
        "MatMul",       "Pooling",         "Eltwise", "Reorder",  "Reshape",     "Concatenation", "Concat",
        "Transpose",    "Softmax",         "MVN",     "Reduce",   "Interpolate", "Split",         "Pad",
        "Subgraph",     "FakeQuantize",    "Convert", "ShapeOf",  "LRN",         "Broadcast",     "Tile",
        "StridedSlice", "AdaptivePooling", "Math",    "Roll"};
    auto const all = executed_layers(model);
    return !all.empty() && std::all_of(all.begin(), all.end(), [](executed_layer const& each) {
      return std::find(kinds.begin(), kinds.end(), each.kind) != kinds.end();
    });
  } catch (std::exception const&) {
    return false;
  }
};

/// Does a result only pass an input on, if in another shape?
inline bool passes_input_on(ov::op::v0::Result const& result) {
  auto from = result.get_input_node_shared_ptr(0);
  while (!ov::as_type_ptr<ov::op::v0::Parameter>(from)) {
    std::string_view const kind = from->get_type_name();
    if (kind != "Convert" && kind != "Reshape" && kind != "Squeeze" && kind != "Unsqueeze" && kind != "Identity" &&
        kind != "Slice" && kind != "StridedSlice" && kind != "Broadcast" && kind != "Transpose" &&
        kind != "ConvertLike" && kind != "Concat" && kind != "Pad" && kind != "Tile")
      return false;
    from = from->get_input_node_shared_ptr(0);
  }
  return true;
}

/// OpenVINO 2026.4 corrupts the heap where a result is an input, or is one after its optimizations: such a result gets an
/// operation of its own, max(x, x).
inline std::shared_ptr<ov::Model const> with_results_of_their_own(std::shared_ptr<ov::Model const> model) {
  auto const passed = [](auto const& each) { return passes_input_on(*each); };
  auto const results = model->get_results();
  if (std::none_of(results.begin(), results.end(), passed)) return model;
  auto copy = model->clone();
  for (auto const& each : copy->get_results()) {
    if (!passes_input_on(*each)) continue;
    auto const value = each->input_value(0);
    auto const names = each->output(0).get_names();
    std::shared_ptr<ov::Node> own;
    if (value.get_element_type() == ov::element::boolean)
      own = std::make_shared<ov::op::v1::LogicalOr>(value, value);
    else
      own = std::make_shared<ov::op::v1::Maximum>(value, value);
    each->input(0).replace_source_output(own);
    each->output(0).set_names(names);
  }
  return copy;
}

/// A model, how to compile it, and what it was compiled to last.
class compiled_source {
 public:
  compiled_source(std::shared_ptr<ov::Model const> read, std::string where, ov::AnyMap how)
      : model_(quantized_arithmetic::kept_right(with_results_of_their_own(std::move(read)))),
        device_(std::move(where)),
        properties_(std::move(how)),
        current_(compiled()) {
    is_dynamic_ = model_->is_dynamic();
    for (auto const& each : model_->get_ops()) is_dynamic_ = is_dynamic_ || each->is_dynamic();
  }

  [[nodiscard]] ov::Model const& model() const { return *model_; }
  /// Are sizes inside the graph worked out by calls?
  [[nodiscard]] bool is_dynamic() const { return is_dynamic_; }

  /// The compiled graph, made anew where a call broke it.
  [[nodiscard]] std::shared_ptr<compiled_graph> graph() {
    std::scoped_lock const alone(mutex_);
    if (current_->broken) current_ = compiled();
    return current_;
  }

 private:
  [[nodiscard]] std::shared_ptr<compiled_graph> compiled() const {
    return translated<backend_error>(errc::compile_failed, "OpenVINO can't compile this model", {}, [&] {
      return std::make_shared<compiled_graph>(openvino_core().compile_model(model_, device_, properties_));
    });
  }

  std::shared_ptr<ov::Model const> model_;
  std::string device_;
  ov::AnyMap properties_;
  bool is_dynamic_ = false;
  std::mutex mutex_;
  std::shared_ptr<compiled_graph> current_;
};

}  // namespace detail

}  // namespace torchdeploy::inline v0
#endif
