#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <vector>

#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/subtract.hpp>

#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/openvino/types.hpp>

/// Constants of a TorchScript graph as OpenVINO's. Opt-in: CMake's component OpenVino, or TORCHDEPLOY_WITH_OPENVINO.
namespace torchdeploy::inline v0::detail {

/// An int8 tensor as a constant of integers, converted and scaled: the form of weights that OpenVINO has int8 kernels
/// for.
inline ov::OutputVector dequantized_constant(at::Tensor const& tensor) {
  namespace op = ov::op;
  auto const shape_along = [&](std::int64_t axis, std::int64_t size) {
    auto shape = ov::Shape(std::vector<std::size_t>(static_cast<std::size_t>(tensor.dim()), 1));
    *std::next(shape.begin(), axis) = static_cast<std::size_t>(size);
    return shape;
  };
  auto const floats = [](at::Tensor const& values, ov::Shape const& shape) {
    auto const held = values.to(at::kFloat).contiguous();
    return std::make_shared<op::v0::Constant>(ov::element::f32, shape, held.const_data_ptr());
  };
  auto const integers = tensor.int_repr().to(at::kCPU).contiguous();
  auto const type = integers.scalar_type() == at::kChar   ? ov::element::i8
                    : integers.scalar_type() == at::kByte ? ov::element::u8
                                                          : ov::element::i32;
  auto const stored = std::make_shared<op::v0::Constant>(
      type, ov::Shape(integers.sizes().begin(), integers.sizes().end()), integers.const_data_ptr());
  std::shared_ptr<ov::Node> result = std::make_shared<op::v0::Convert>(stored, ov::element::f32);
  bool const by_channel = tensor.qscheme() != at::kPerTensorAffine;
  auto const scales = by_channel ? tensor.q_per_channel_scales() : at::scalar_tensor(tensor.q_scale());
  auto const zeros = by_channel ? tensor.q_per_channel_zero_points() : at::scalar_tensor(tensor.q_zero_point());
  auto const shape = by_channel ? shape_along(tensor.q_per_channel_axis(), scales.numel()) : ov::Shape{};
  if (zeros.count_nonzero().item<std::int64_t>() > 0)
    result = std::make_shared<op::v1::Subtract>(result, floats(zeros, shape));
  return std::make_shared<op::v1::Multiply>(result, floats(scales, shape))->outputs();
}

/// A dense tensor; it shares the tensor's memory, and keeps it. A complex one has its parts in a last dimension of 2.
/// No outputs for what OpenVINO has no constant of: sparse, or of an unknown dtype.
inline ov::OutputVector constant_of(at::Tensor tensor) {
  if (!tensor.defined() || tensor.layout() != at::kStrided) return {};
  if (tensor.is_quantized()) return dequantized_constant(tensor);
  auto const type = element_type(tensor.scalar_type());
  if (type.is_dynamic()) return {};
  tensor = tensor.detach().resolve_conj().resolve_neg();
  if (tensor.is_complex()) tensor = at::view_as_real(tensor);
  auto const kept = std::make_shared<at::Tensor>(tensor.to(at::kCPU).contiguous());
  ov::Shape const shape(kept->sizes().begin(), kept->sizes().end());
  if (kept->numel() == 0) return std::make_shared<ov::op::v0::Constant>(type, shape)->outputs();
  return std::make_shared<ov::op::v0::Constant>(type, shape, kept->const_data_ptr(), kept)->outputs();
}

/// A plain value or a list of such: of rank 0 or 1. None, strings, devices and lists of what is no number have no outputs:
/// the front end asks for their text, or for their elements.
inline ov::OutputVector constant_of(c10::IValue const& value) {
  using ov::op::v0::Constant;
  auto const one = [](ov::element::Type type, auto number) { return Constant::create(type, {}, {number})->outputs(); };
  auto const many = [](ov::element::Type type, auto const& numbers) {
    return Constant::create(type, ov::Shape{numbers.size()}, numbers)->outputs();
  };
  if (value.isTensor()) return constant_of(value.toTensor());
  if (value.isInt()) return one(ov::element::i64, value.toInt());
  if (value.isDouble()) return one(ov::element::f32, static_cast<float>(value.toDouble()));
  if (value.isBool()) return one(ov::element::boolean, value.toBool());
  if (value.isComplexDouble()) {
    auto const z = value.toComplexDouble();
    return many(ov::element::f32, std::vector<float>{static_cast<float>(z.real()), static_cast<float>(z.imag())});
  }
  if (value.isIntList()) return many(ov::element::i64, value.toIntVector());
  if (value.isDoubleList()) {
    auto const numbers = value.toDoubleVector();
    return many(ov::element::f32, std::vector<float>(numbers.begin(), numbers.end()));
  }
  if (value.isBoolList()) {
    auto const flags = value.toBoolList();
    return many(ov::element::boolean, std::vector<std::int32_t>(flags.begin(), flags.end()));
  }
  return {};
}

}  // namespace torchdeploy::inline v0::detail
#endif
