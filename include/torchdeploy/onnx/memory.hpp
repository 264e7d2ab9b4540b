#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/onnx/call.hpp>
#include <torchdeploy/onnx/lowering_table.hpp>
#include <torchdeploy/onnx/running.hpp>
#include <torchdeploy/onnx/symbolic.hpp>
#include <torchdeploy/onnx/views.hpp>

/// What stands for a value of the model in ONNX, which has no memory: what is written in place is another value from then on,
/// under all its names and in all its views.
namespace torchdeploy::inline v0::detail {

class onnx_memory {
 public:
  using values = onnx_results_of_runs;

  bool writes = false;  ///< does anything in the graph write in place?

  onnx_memory(onnx_builder& onnx, onnx_lowerings const& own) : onnx_(onnx), own_(own) {}

  /// What stands for a tensor or number in ONNX.
  onnx_value read(symbol const& value) {
    refresh(value);
    if (value->value) return value->value;
    auto const& seen = value->seen[0];
    if (dependence_of(value) != dependence::none || is_container(seen) || seen.isNone())
      throw export_error(errc::not_exportable, "expected a tensor or number, got " + seen.tagKind());
    if (!seen.isTensor())
      return onnx_.constant(at::scalar_tensor(seen.toScalar(), onnx_call::dtype_of(seen)).reshape({1}));
    auto const tensor = dense(seen.toTensor(), value->name);
    // what is written to later is kept as it is now, once: a mask of all layers would be in the file for each of them
    return value->value = onnx_.constant(writes && !value->is_state ? tensor.clone() : tensor, value->name);
  }

  /// Writes a call in ONNX. One that can't be is kept for later, to find what else can't.
  std::vector<onnx_value> lower(jit::Node* node, std::vector<symbol> const& inputs, values const& results,
                                std::vector<std::vector<bool>> open_results = {}) {
    auto const found = lowering_of(node, own_);
    auto const& name = found.name;
    onnx_call::reader const read_value = [this](symbol const& each) { return read(each); };
    if (found.lower) try {
        return found.lower(onnx_call(onnx_, node, name, inputs, results, read_value, std::move(open_results)));
      } catch (export_error const& refusal) {
        if (refusal.code() != errc::not_exportable) throw;
        refusals_.push_back(std::current_exception());
      }
    else if (std::none_of(missing_.begin(), missing_.end(), [&](auto const& each) { return each.name == name; }))
      missing_.push_back({name, described(node)});
    std::size_t outputs = results[0].size();  // go on, to find what else is missing
    if (outputs == 1 && is_container(results[0][0]))
      outputs = results[0][0].isList() ? results[0][0].toListRef().size() : 1;
    return onnx_.emit_many("missing", {}, std::max<std::size_t>(outputs, 1));
  }

  /// Is it a view? Where nothing writes, nobody can tell.
  void look_at(symbol const& made, jit::Node* node, std::vector<symbol> const& inputs, std::size_t output) {
    if (!writes || !made->seen[0].isTensor() || !made->seen[0].toTensor().defined()) return;
    for (auto const& each : inputs)
      if (each->seen[0].isTensor() && each->seen[0].toTensor().defined() &&
          made->seen[0].toTensor().is_alias_of(each->seen[0].toTensor())) {
        made->view = onnx_view{each, node, inputs, output, root_of(each).version};
        made->is_state = root_of(each).is_state;
        each->is_viewed = true;
        return;
      }
  }

  void refresh_all(symbol const& value) {
    if (value->elements)
      for (auto const& each : *value->elements) refresh_all(each);
    refresh(value);
  }
  /// A view that was read before its base was written to is made again.
  void refresh(symbol const& value) {
    if (!value->view || value->view->version == root_of(value).version) return;
    auto& view = *value->view;
    view.version = root_of(value).version;
    value->value = {};
    if (dependence_of(value) == dependence::none) return;
    values const results{{{value->seen[0]}, {value->seen[1]}}};
    auto const made =
        lower(view.node, view.inputs, list_results(view, results), std::vector(view.output + 1, value->open_axes));
    value->value = made.at(view.output);
  }
  void touch(symbol const& self) {
    auto& root = root_of(self);
    ++root.version;
    for (auto* at = self.get();; at = at->view->base.get()) {
      at->value = {};
      if (!at->view) break;
      at->view->version = root.version;
    }
  }
  void put(symbol const& self, onnx_value made, dependence depends_on) {
    auto& root = root_of(self);
    self->value = made;
    self->depends_on = depends_on;
    if (!self->view) {
      ++root.version;
      return;
    }
    auto const view = *self->view;
    onnx_call::reader const read_value = [this](symbol const& each) { return read(each); };
    values const none{};
    onnx_call const call(onnx_, view.node, operator_name(view.node), view.inputs, none, read_value);
    put(view.base, with_view_replaced(call, view.output, made), depends_on);
    self->view->version = root.version;
  }

  [[nodiscard]] std::vector<missing_operator> const& missing() const { return missing_; }
  [[nodiscard]] std::vector<std::exception_ptr> const& refusals() const { return refusals_; }

 private:
  static at::Tensor dense(at::Tensor const& tensor, std::string const& name) {
    if (tensor.layout() == at::kStrided && !tensor.is_quantized()) return tensor;
    throw export_error(errc::not_exportable, "expected plain dense tensors, got " +
                                                 std::string(tensor.is_quantized() ? "a quantized" : "a sparse") +
                                                 " one" + (name.empty() ? "" : " as '" + name + "'"));
  }

  static values list_results(onnx_view const& view, values const& results) {
    values all;
    for (std::size_t run = 0; run < all.size(); ++run) all[run].assign(view.output + 1, results[run][0]);
    return all;
  }

  onnx_builder& onnx_;
  onnx_lowerings const& own_;
  std::vector<missing_operator> missing_{};
  std::vector<std::exception_ptr> refusals_{};
};

}  // namespace torchdeploy::inline v0::detail

#endif
