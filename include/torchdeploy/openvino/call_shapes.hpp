#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>

/// What follows from the sizes of a model's inputs. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0::detail {

using tensor_sizes = std::vector<std::int64_t>;

/// What is known of calls with inputs of certain sizes.
struct call_shapes {
  enum how : char {
    unknown,
    follow,      ///< all sizes inside the model follow from those of its inputs: `outputs` has them
    from_values  ///< some depend on what the inputs hold
  };
  std::atomic<how> sizes = unknown;
  std::atomic<int> succeeded = 0;
  std::vector<tensor_sizes> outputs{};

  [[nodiscard]] bool known() const { return sizes.load(std::memory_order_acquire) == follow; }
};

/// Of calls by the sizes of all inputs.
class shape_book {
 public:
  std::shared_ptr<call_shapes> of(std::vector<tensor_sizes> const& inputs) {
    std::scoped_lock const alone(mutex_);
    auto const at = known_.find(inputs);
    if (at != known_.end()) return at->second;
    if (known_.size() == most) known_.clear();  // those in use stay with who uses them
    return known_.emplace(inputs, std::make_shared<call_shapes>()).first->second;
  }

  /// Find out what follows from these sizes.
  void work_out(ov::Model const& model, std::vector<tensor_sizes> const& inputs, call_shapes& shapes) {
    std::scoped_lock const alone(mutex_);
    if (shapes.sizes == call_shapes::unknown) tell(model, inputs, shapes);
  }

 private:
  /// By a copy of the model with these sizes.
  static void tell(ov::Model const& model, std::vector<tensor_sizes> const& inputs, call_shapes& to) try {
    auto const copy = model.clone();
    std::map<std::size_t, ov::PartialShape> shapes;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      shapes[i] = ov::PartialShape(std::vector<ov::Dimension>(inputs[i].begin(), inputs[i].end()));
    if (model.is_dynamic()) copy->reshape(shapes);
    auto const is_open = [](std::shared_ptr<ov::Node> const& node) {
      return node->is_dynamic() || ov::as_type_ptr<ov::op::util::MultiSubGraphOp>(node) != nullptr;
    };
    auto const nodes = copy->get_ops();
    if (std::any_of(nodes.begin(), nodes.end(), is_open)) {
      to.sizes = call_shapes::from_values;
      return;
    }
    to.outputs.clear();
    for (auto const& each : copy->outputs()) {
      auto const shape = each.get_shape();
      to.outputs.emplace_back(shape.begin(), shape.end());
    }
    to.sizes.store(call_shapes::follow, std::memory_order_release);
  } catch (std::exception const&) {
    to.sizes = call_shapes::from_values;  // OpenVINO can't tell, so nobody can
  }

  static constexpr std::size_t most = 256;

  std::mutex mutex_;
  std::map<std::vector<tensor_sizes>, std::shared_ptr<call_shapes>> known_;
};

}  // namespace torchdeploy::inline v0::detail
#endif
