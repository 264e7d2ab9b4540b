#pragma once

#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/tensor_check.hpp>
#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/detail/libtorch/empty.hpp>
#include <torchdeploy/detail/shared_bytes.hpp>
#include <torchdeploy/onnx/data_type.hpp>
#include <torchdeploy/onnx/onnx_summary.hpp>
#include <torchdeploy/onnx_runtime/api.hpp>

/// A model in a session of ONNX Runtime, called with LibTorch's tensors.
namespace torchdeploy::inline v0::detail {

/// What of an output is known before a call: each size, or the dimension of an input that has the same name.
struct onnx_output_plan {
  struct size {
    std::int64_t fixed = -1;
    std::size_t input = 0, dimension = 0;
  };
  std::optional<std::vector<size>> shape{};

  /// Empty where it can't be told.
  [[nodiscard]] std::optional<c10::SmallVector<std::int64_t, 6>> sizes(std::span<at::Tensor const* const> given) const {
    if (!shape) return {};
    c10::SmallVector<std::int64_t, 6> all;
    for (auto const& each : *shape)
      all.push_back(each.fixed >= 0 ? each.fixed : given[each.input]->sizes()[each.dimension]);
    return all;
  }
};

/// Calls may come from several threads.
class onnx_runtime_model : public std::enable_shared_from_this<onnx_runtime_model> {
  std::shared_ptr<Ort::Env> environment_ = onnx_runtime_environment();  // first: it checks the library

 public:
  using tensors = std::span<at::Tensor const* const>;

  onnx_runtime_log log{};  // before the session, which writes to it
  shared_bytes weights{};  // before the session, which reads them
  Ort::Session session{nullptr};
  std::vector<tensor_info> inputs{}, outputs{};

  /// @throws backend_error 609
  void open(std::span<std::byte const> bytes, Ort::SessionOptions const& options, onnx_summary const& summary) {
    for (auto const& each : summary.inputs) demand_declared_numbers(each, "takes");
    for (auto const& each : summary.outputs) demand_declared_numbers(each, "gives");
    session = Ort::Session(*environment_, bytes.data(), bytes.size(), options);
    log.compiling = false;
    std::vector<std::vector<std::string>> symbols;  // of the inputs
    for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
      auto const type = session.GetInputTypeInfo(i);
      auto const name = session.GetInputNameAllocated(i, allocator_);
      inputs.push_back(info_of(name.get(), type, summary.inputs, "takes"));
      input_types_.push_back(type.GetTensorTypeAndShapeInfo().GetElementType());
      symbols.push_back(symbols_of(type));
    }
    for (std::size_t o = 0; o < session.GetOutputCount(); ++o) {
      auto const type = session.GetOutputTypeInfo(o);
      auto const name = session.GetOutputNameAllocated(o, allocator_);
      outputs.push_back(info_of(name.get(), type, summary.outputs, "gives"));
      output_types_.push_back(type.GetTensorTypeAndShapeInfo().GetElementType());
      plans_.push_back(planned(outputs.back(), symbols_of(type), symbols));
    }
    for (auto const& each : inputs) input_names_.push_back(each.name.c_str());
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      auto const same =
          std::find_if(inputs.begin(), inputs.end(), [&](auto const& i) { return i.name == outputs[o].name; });
      if (same != inputs.end()) {
        handed_through_.emplace_back(o, same - inputs.begin());
      } else {
        asked_.push_back(o);
        asked_names_.push_back(outputs[o].name.c_str());
      }
    }
  }

  void run(tensors given, std::span<at::Tensor> results) {
    refuse_overlap(given, results);
    for (auto const& [o, i] : handed_through_)
      if (results[o].defined()) refuse_sizes(o, results[o], given[i]->sizes());
    if (!asked_.empty()) compute(given, results);
    // an output that is an input: ONNX Runtime gives the input's own memory, or writes nothing into ours
    for (auto const& [o, i] : handed_through_)
      if (results[o].defined())
        results[o].copy_(*given[i]);
      else
        results[o] = given[i]->clone();
  }

 private:
  using values = c10::SmallVector<Ort::Value, 4>;

  void compute(tensors given, std::span<at::Tensor> results) {
    values made;
    c10::SmallVector<at::Tensor, 2> fresh;
    bool const plan = shapes_hold_.load(std::memory_order_relaxed);
    for (auto const o : asked_) {
      auto const sizes = plan ? plans_[o].sizes(given) : std::nullopt;
      if (results[o].defined()) {
        if (sizes && results[o].sizes() != at::IntArrayRef(*sizes)) return run_again(given, results);
        made.push_back(wrapped(results[o], output_types_[o]));
        fresh.emplace_back();
      } else if (sizes) {
        made.push_back(wrapped(fresh.emplace_back(at::detail::empty_cpu(*sizes, *outputs[o].dtype)), output_types_[o]));
      } else {
        made.emplace_back(nullptr);
        fresh.emplace_back();
      }
    }
    try {
      call(given, made);
    } catch (Ort::Exception const&) {
      return run_again(given, results);
    }
    for (std::size_t i = 0; i < asked_.size(); ++i)
      if (auto& result = results[asked_[i]]; !result.defined())
        result = fresh[i].defined() ? std::move(fresh[i]) : adopted(given, asked_[i], std::move(made[i]));
  }

  static std::vector<std::string> symbols_of(Ort::TypeInfo const& type) {
    auto const info = type.GetTensorTypeAndShapeInfo();
    std::vector<char const*> names(info.GetDimensionsCount());
    info.GetSymbolicDimensions(names.data(), names.size());
    return {names.begin(), names.end()};
  }

  // What a file says no rank of, ONNX Runtime gives rank 0, as a scalar.
  tensor_info info_of(char const* name, Ort::TypeInfo const& type, std::vector<tensor_info> const& declared,
                      std::string const& direction) const {
    auto const at = std::find_if(declared.begin(), declared.end(), [&](auto const& each) { return each.name == name; });
    tensor_info info{.name = name};
    if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
      auto const tensor = type.GetTensorTypeAndShapeInfo();
      auto const* const known = data_type_of(tensor.GetElementType());
      if (known && known->dtype && holds(tensor.GetElementType())) info.dtype = known->dtype;
      if (auto shape = tensor.GetShape(); !shape.empty() || (at != declared.end() && at->shape))
        info.shape = std::move(shape);
    }
    demand_numbers(info, direction);
    return info;
  }

  // A file may leave the type of an output open; ONNX Runtime finds it.
  static void demand_declared_numbers(tensor_info const& info, std::string const& direction) {
    if (info.dtype || info.type != "Tensor") demand_numbers(info, direction);
  }

  static void demand_numbers(tensor_info const& info, std::string const& direction) {
    if (info.dtype && !at::isComplexType(*info.dtype)) return;
    throw backend_error(
        errc::compile_failed,
        "expected a model that takes and gives tensors of numbers, got one that " + direction + " " + to_text(info),
        "let the model work on real numbers, and convert outside of it");
  }

  [[nodiscard]] bool holds(ONNXTensorElementDataType type) const {
    try {
      std::int64_t const none = 0;
      (void)Ort::Value::CreateTensor(memory_, nullptr, 0, &none, 1, type);
      return true;
    } catch (Ort::Exception const&) {
      return false;
    }
  }

  static onnx_output_plan planned(tensor_info const& info, std::vector<std::string> const& names,
                                  std::vector<std::vector<std::string>> const& inputs) {
    if (!info.shape) return {};
    std::vector<onnx_output_plan::size> shape;
    for (std::size_t d = 0; d < info.shape->size(); ++d) {
      onnx_output_plan::size size{.fixed = (*info.shape)[d]};
      bool found = size.fixed >= 0;
      for (std::size_t i = 0; i < inputs.size() && !found && !names[d].empty(); ++i)
        if (auto const at = std::find(inputs[i].begin(), inputs[i].end(), names[d]); at != inputs[i].end()) {
          size = {-1, i, static_cast<std::size_t>(at - inputs[i].begin())};
          found = true;
        }
      if (!found) return {};
      shape.push_back(size);
    }
    return {std::move(shape)};
  }

  [[nodiscard]] Ort::Value wrapped(at::Tensor const& tensor, ONNXTensorElementDataType type) const {
    return Ort::Value::CreateTensor(memory_, const_cast<void*>(tensor.const_data_ptr()), tensor.nbytes(),
                                    tensor.sizes().data(), tensor.sizes().size(), type);
  }

  void call(tensors given, values& results) {
    values taken;
    for (std::size_t i = 0; i < given.size(); ++i) taken.push_back(wrapped(*given[i], input_types_[i]));
    session.Run(run_options_, input_names_.data(), taken.data(), taken.size(), asked_names_.data(), results.data(),
                results.size());
  }

  /// A call failed, or would. Is the shape of a result to blame, which the model or the caller is wrong about? Then this
  /// call, which leaves all shapes to ONNX Runtime, goes well, and tells who.
  void run_again(tensors given, std::span<at::Tensor> results) {
    values made;
    for (std::size_t i = 0; i < asked_.size(); ++i) made.emplace_back(nullptr);
    of_onnx_runtime(errc::call_raised, "ONNX Runtime raised", {}, [&] { call(given, made); });
    std::vector<at::Tensor> right;
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      right.push_back(adopted(given, asked_[i], std::move(made[i])));
      if (auto const& result = results[asked_[i]]; result.defined())
        refuse_sizes(asked_[i], result, right.back().sizes());
    }
    for (std::size_t i = 0; i < asked_.size(); ++i)
      if (auto& result = results[asked_[i]]; result.defined())
        result.copy_(right[i]);
      else
        result = std::move(right[i]);
    shapes_hold_ = false;
  }

  /// A tensor whose memory is the session's, which it keeps.
  [[nodiscard]] at::Tensor adopted(tensors given, std::size_t output, Ort::Value value) const {
    auto const shape = value.GetTensorTypeAndShapeInfo().GetShape();
    auto const dtype = *outputs[output].dtype;
    auto* const data = static_cast<std::byte*>(value.GetTensorMutableRawData());
    auto held = std::make_shared<std::pair<std::shared_ptr<onnx_runtime_model const>, Ort::Value>>(shared_from_this(),
                                                                                                   std::move(value));
    auto result = at::from_blob(
        data, shape, [held](void*) mutable { held.reset(); }, dtype);
    bool const alias =
        std::any_of(given.begin(), given.end(), [&](auto const* each) { return overlap(*each, result); });
    return alias ? result.clone() : result;
  }

  static bool overlap(at::Tensor const& a, at::Tensor const& b) {
    auto const* const begin = static_cast<std::byte const*>(a.const_data_ptr());
    auto const* const other = static_cast<std::byte const*>(b.const_data_ptr());
    return std::less<>()(begin, other + b.nbytes()) && std::less<>()(other, begin + a.nbytes());
  }

  void refuse_overlap(tensors given, std::span<at::Tensor> results) const {
    for (std::size_t o = 0; o < results.size(); ++o) {
      if (!results[o].defined()) continue;
      auto const bad = [&](at::Tensor const& other) { return other.defined() && overlap(results[o], other); };
      if (std::any_of(given.begin(), given.end(), [&](auto const* each) { return bad(*each); }) ||
          std::any_of(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(o), bad))
        throw backend_error(errc::wrong_arguments, "expected memory of its own for output " + outputs[o].name +
                                                       ", got that of another tensor");
    }
  }

  void refuse_sizes(std::size_t output, at::Tensor const& result, at::IntArrayRef sizes) const {
    if (result.sizes() == sizes) return;
    auto wanted = outputs[output];
    wanted.shape = sizes.vec();
    refuse_tensor("output", wanted, result);
  }

  Ort::AllocatorWithDefaultOptions allocator_{};
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  Ort::RunOptions run_options_{};
  std::vector<ONNXTensorElementDataType> input_types_{}, output_types_{};
  std::vector<onnx_output_plan> plans_{};
  std::vector<std::pair<std::size_t, std::size_t>> handed_through_{};  // output, input
  std::vector<std::size_t> asked_{};  // the other outputs
  std::vector<char const*> input_names_{}, asked_names_{};
  std::atomic<bool> shapes_hold_ = true;  // some models say of their outputs what isn't so
};

}  // namespace torchdeploy::inline v0::detail

#endif
