// A call as one writes it by hand against each runtime's own API: LibTorch's tensors go in and come out.
#pragma once

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>
#include <torch/csrc/jit/serialization/import.h>

using tensors = std::vector<at::Tensor>;

template <class Backend>
class by_hand;

inline tensors all_of(c10::IValue const& result) {
  if (result.isTensor()) return {result.toTensor()};
  tensors all;
  for (auto const& each : result.toTupleRef().elements()) all.push_back(each.toTensor());
  return all;
}

/// A file, frozen where it is not yet.
template <>
class by_hand<torchdeploy::LibTorch> {
 public:
  by_hand(std::filesystem::path const& file, bool freeze) : module_(torch::jit::load(file.string())) {
    module_.eval();
    if (freeze) module_ = torch::jit::freeze(module_);
  }
  tensors operator()(at::Tensor const& x) {
    c10::InferenceMode const guard;
    return all_of(module_.forward({x}));
  }

 private:
  torch::jit::Module module_;
};

/// A .ptl file.
template <>
class by_hand<torchdeploy::MobileRuntime> {
 public:
  explicit by_hand(std::filesystem::path const& file) : module_(torch::jit::_load_for_mobile(file.string())) {}
  tensors operator()(at::Tensor const& x) {
    c10::InferenceMode const guard;
    return all_of(module_.forward({x}));
  }

 private:
  torch::jit::mobile::Module module_;
};

#ifdef TORCHDEPLOY_WITH_OPENVINO
/// A request of a compiled model, which is the session's own: OpenVINO reads no TorchScript file.
template <>
class by_hand<torchdeploy::OpenVino> {
 public:
  explicit by_hand(ov::CompiledModel model)
      : outputs_(model.outputs().size()), request_(model.create_infer_request()) {}

  tensors operator()(at::Tensor const& x) {
    auto const type = x.scalar_type() == at::kLong ? ov::element::i64 : ov::element::f32;
    request_.set_input_tensor(ov::Tensor(type, {x.sizes().begin(), x.sizes().end()}, x.data_ptr()));
    request_.infer();
    tensors results;
    for (std::size_t i = 0; i < outputs_; ++i) {
      auto const made = request_.get_output_tensor(i);
      auto const& shape = made.get_shape();
      auto& result = results.emplace_back(at::empty(std::vector<std::int64_t>(shape.begin(), shape.end()), at::kFloat));
      std::memcpy(result.data_ptr(), made.data(), made.get_byte_size());
    }
    return results;
  }

 private:
  std::size_t outputs_;
  ov::InferRequest request_;
};
#endif

#ifdef TORCHDEPLOY_WITH_ONNXRUNTIME
/// A file, on one thread.
template <>
class by_hand<torchdeploy::OnnxRuntime> {
 public:
  explicit by_hand(std::filesystem::path const& file) {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1).SetLogSeverityLevel(ORT_LOGGING_LEVEL_ERROR);
    session_ = Ort::Session(environment_, file.c_str(), options);
    Ort::AllocatorWithDefaultOptions memory;
    input_ = session_.GetInputNameAllocated(0, memory).get();
    for (std::size_t i = 0; i < session_.GetOutputCount(); ++i)
      outputs_.push_back(session_.GetOutputNameAllocated(i, memory).get());
    for (auto const& each : outputs_) names_.push_back(each.c_str());
  }
  tensors operator()(at::Tensor const& x) {
    auto const type =
        x.scalar_type() == at::kLong ? ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    auto const taken =
        Ort::Value::CreateTensor(memory_, x.data_ptr(), x.nbytes(), x.sizes().data(), x.sizes().size(), type);
    auto const* const name = input_.c_str();
    auto made = session_.Run(run_options_, &name, &taken, 1, names_.data(), names_.size());
    tensors results;
    for (auto& each : made) {
      auto const shape = each.GetTensorTypeAndShapeInfo().GetShape();
      auto& result = results.emplace_back(at::empty(shape, at::kFloat));
      std::memcpy(result.data_ptr(), each.GetTensorRawData(), result.nbytes());
    }
    return results;
  }

 private:
  Ort::Env environment_{ORT_LOGGING_LEVEL_ERROR};
  Ort::Session session_{nullptr};
  Ort::RunOptions run_options_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  std::string input_;
  std::vector<std::string> outputs_;
  std::vector<char const*> names_;
};
#endif
