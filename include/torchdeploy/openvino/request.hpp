#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <utility>
#include <vector>

#include <openvino/runtime/infer_request.hpp>

#include <torchdeploy/backend/tensor_check.hpp>
#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/empty.hpp>
#include <torchdeploy/openvino/compiled_graph.hpp>
#include <torchdeploy/openvino/types.hpp>
#include <torchdeploy/openvino/wide_integers.hpp>

/// A call of a compiled model. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0::detail {

/// What a model takes and gives, as both sides call it.
struct model_ports {
  std::vector<tensor_info> inputs{}, outputs{};
  std::vector<ov::element::Type> input_types{}, output_types{};
  std::vector<bool> narrowed{};  ///< inputs of 64-bit integers that are computed as int32
};

inline bool overlap(at::Tensor const& a, at::Tensor const& b) {
  auto const* const first = static_cast<std::byte const*>(a.const_data_ptr());
  auto const* const second = static_cast<std::byte const*>(b.const_data_ptr());
  std::less<std::byte const*> const before;
  return before(first, second + b.nbytes()) && before(second, first + a.nbytes());
}

/// To bind other memory takes OpenVINO as long as to copy 64 to 128 KiB: 14,000 instructions.
inline constexpr std::size_t copied_bytes = 64 * 1024;

/// A request, and the memory that it has bound: who calls with the same tensors again binds nothing, and small tensors are
/// copied into and out of memory of its own.
class bound_request {
 public:
  bound_request(std::shared_ptr<compiled_graph> graph, model_ports const& ports)
      : graph_(std::move(graph)),
        request_(graph_->model.create_infer_request()),
        ports_(&ports),
        sizes_(ports.inputs.size()),
        given_(ports.inputs.size()),
        taken_(ports.outputs.size()),
        copies_(ports.inputs.size()) {
    for (std::size_t i = 0; i < ports.outputs.size(); ++i) own_.push_back(request_.get_output_tensor(i));
  }

  [[nodiscard]] compiled_graph& graph() { return *graph_; }
  [[nodiscard]] ov::InferRequest& request() { return request_; }

  /// False: the graph is broken, and nothing was done. Throws what OpenVINO throws.
  bool run(compiled_source& source, std::span<at::Tensor const* const> inputs, std::span<at::Tensor> outputs) {
    try {
      for (std::size_t i = 0; i < inputs.size(); ++i) give(i, *inputs[i]);
      if (!shapes_) shapes_ = graph_->shapes.of(sizes_);
      if (shapes_->sizes == call_shapes::unknown && (shapes_->succeeded > 1 || !source.is_dynamic()))
        graph_->shapes.work_out(source.model(), sizes_, *shapes_);  // not for sizes that come but once: it takes time
      known_ = shapes_->known();  // another thread may find out meanwhile
      for (std::size_t i = 0; i < outputs.size(); ++i) take(i, inputs, outputs);
      if (!call(source.is_dynamic())) return false;
    } catch (...) {  // what is bound is not known: the next call binds all anew, also OpenVINO's own memory
      shapes_.reset();
      given_.assign(given_.size(), {});
      taken_.assign(taken_.size(), {.data = this});
      throw;
    }
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (!taken_[i].data) copy_out(i, outputs[i]);
    if (!shapes_->known() || shapes_->succeeded.load(std::memory_order_relaxed) == 0) ++shapes_->succeeded;
    return true;
  }

 private:
  struct binding {
    void const* data{};  ///< null: OpenVINO's own memory
    tensor_sizes sizes{};
  };

  static void* place(at::Tensor const& tensor) {
    static char nothing;  // OpenVINO refuses null, which an empty tensor has
    return tensor.numel() == 0 ? &nothing : const_cast<void*>(tensor.const_data_ptr());
  }
  static bool is_small(at::Tensor const& tensor) { return tensor.numel() > 0 && tensor.nbytes() <= copied_bytes; }
  static ov::Tensor seen(at::Tensor const& tensor, ov::element::Type const& type) {
    return {type, ov::Shape(tensor.sizes().begin(), tensor.sizes().end()), place(tensor)};
  }

  void give(std::size_t i, at::Tensor const& input) {
    if (ports_->narrowed[i]) refuse_wide_values(ports_->inputs[i], input);
    auto& bound = given_[i];
    bool const same = bound.data && input.sizes().equals(sizes_[i]), copied = is_small(input);
    if (!same) {
      shapes_.reset();
      sizes_[i].assign(input.sizes().begin(), input.sizes().end());
    }
    if (copied) {
      if (!same) copies_[i] = {ports_->input_types[i], ov::Shape(input.sizes().begin(), input.sizes().end())};
      std::memcpy(copies_[i].data(), input.const_data_ptr(), input.nbytes());
    }
    auto* const data = copied ? copies_[i].data() : place(input);
    if (same && bound.data == data) return;
    bound.data = nullptr;
    request_.set_input_tensor(i, copied ? copies_[i] : seen(input, ports_->input_types[i]));
    bound.data = data;
  }

  /// Where a result goes: straight into its tensor where its sizes are known, else through memory of OpenVINO's.
  void take(std::size_t i, std::span<at::Tensor const* const> inputs, std::span<at::Tensor> outputs) {
    auto& result = outputs[i];
    bool straight = known_;
    if (result.defined()) {
      if (straight && !result.sizes().equals(shapes_->outputs[i])) refuse_sizes(i, shapes_->outputs[i], result);
      for (std::size_t other = 0; other < i; ++other)
        if (outputs[other].defined() && overlap(result, outputs[other]))
          throw backend_error(errc::wrong_arguments, "expected outputs in memory of their own, got '" +
                                                         ports_->outputs[i].name + "' and '" +
                                                         ports_->outputs[other].name + "' in the same");
      for (auto const* const input : inputs) straight = straight && !overlap(result, *input);
    } else if (straight) {
      result = at::detail::empty_cpu(shapes_->outputs[i], *ports_->outputs[i].dtype);
    }
    auto& bound = taken_[i];
    if (!straight || result.numel() == 0 || is_small(result)) {
      if (bound.data) {  // a caller's of before: not to be written again
        bound = {};
        request_.set_output_tensor(i, own_[i]);
      }
    } else if (bound.data != result.const_data_ptr() || !result.sizes().equals(bound.sizes)) {
      bound = {};
      request_.set_output_tensor(i, seen(result, ports_->output_types[i]));
      bound = {result.const_data_ptr(), result.sizes().vec()};
    }
  }

  bool call(bool breaks) {
    auto const run = [&] {
      if (graph_->broken.load(std::memory_order_relaxed)) return false;
      try {
        if (!graph_->hides_failures || graph_->can_not_fail(*shapes_)) {
          request_.infer();
        } else {
          request_.start_async();
          request_.wait();
        }
      } catch (...) {
        graph_->broken = breaks;
        throw;
      }
      return true;
    };
    // Nobody may be in a graph that another call breaks, and a call with sizes that went well breaks none.
    if (graph_->streams > 1 && (!breaks || (shapes_->known() && shapes_->succeeded > 0))) {
      std::shared_lock const together(graph_->running);
      return run();
    }
    std::unique_lock const alone(graph_->running);
    return run();
  }

  void copy_out(std::size_t i, at::Tensor& result) {
    auto const made = request_.get_output_tensor(i);
    if (!known_) {  // else `take` saw to the sizes
      auto const shape = made.get_shape();
      tensor_sizes const sizes(shape.begin(), shape.end());
      if (!result.defined())
        result = at::detail::empty_cpu(sizes, *ports_->outputs[i].dtype);
      else if (!result.sizes().equals(sizes))
        refuse_sizes(i, sizes, result);
    }
    if (result.numel() > 0) std::memcpy(result.mutable_data_ptr(), made.data(), result.nbytes());
  }

  [[noreturn]] void refuse_sizes(std::size_t i, tensor_sizes const& sizes, at::Tensor const& got) const {
    auto wanted = ports_->outputs[i];
    wanted.shape = sizes;
    refuse_tensor("output", wanted, got);
  }

  std::shared_ptr<compiled_graph> graph_;
  ov::InferRequest request_;
  model_ports const* ports_;
  std::vector<tensor_sizes> sizes_;
  std::vector<binding> given_, taken_;
  std::vector<ov::Tensor> copies_;  // of small inputs
  std::shared_ptr<call_shapes> shapes_;
  bool known_ = false;  // which sizes the outputs of this call have
  std::vector<ov::Tensor> own_;
};

}  // namespace torchdeploy::inline v0::detail
#endif
