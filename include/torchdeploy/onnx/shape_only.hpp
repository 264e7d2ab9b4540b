#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>

/// Running an operator for the sizes, strides and dtypes of what it gives alone.
namespace torchdeploy::inline v0::detail {

/// Zeros that take no memory until they are written to.
inline at::Tensor untouched_zeros(at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType dtype) {
  std::size_t last = 0;  // element
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return at::empty_strided(sizes, strides, at::TensorOptions(dtype));
    last += static_cast<std::size_t>((sizes[i] - 1) * strides[i]);
  }
  auto* const bytes = std::calloc(last + 1, c10::elementSize(dtype));
  if (!bytes) throw export_error(errc::export_raised, "expected memory for a tensor, got none");
  return at::from_blob(
      bytes, sizes, strides, [](void* memory) { std::free(memory); }, at::TensorOptions(dtype));
}

/// Shapes instead of values: an operator is run on LibTorch's `meta` tensors, which have no data. Convolutions, for which
/// LibTorch has this in Python only, are computed here.
class shape_runner {
 public:
  /// What the operator gives, with zeros for all values; or nothing, if it has to be run. What it gives back of its inputs, or
  /// as a view of them, is that.
  std::optional<jit::Stack> operator()(jit::Node const* node, jit::Operation& operation, jit::Stack const& inputs) {
    if (auto convolved = convolution(node, inputs)) return convolved;
    if (needs_data_.contains(node->kind())) return {};
    std::vector<stand_in> known;
    jit::Stack stack;
    for (auto const& each : inputs) {
      auto without_data = meta(each, known);
      if (!without_data) return {};
      stack.push_back(std::move(*without_data));
    }
    if (known.empty()) return {};
    try {
      operation(stack);
    } catch (std::exception const&) {  // no such kernel, or the call is wrong: it is run, and raises again
      needs_data_.insert(node->kind());
      return {};
    }
    for (auto& each : stack) {
      auto zeros = with_data(each, known);
      if (!zeros) return {};
      each = std::move(*zeros);
    }
    return stack;
  }

 private:
  struct stand_in {
    at::Tensor meta, tensor;
  };

  static bool is_plain(at::Tensor const& tensor) {
    return tensor.layout() == at::kStrided && !tensor.is_quantized() && tensor.device().is_cpu();
  }
  static std::optional<c10::IValue> meta(c10::IValue const& value, std::vector<stand_in>& known) {
    if (value.isTensor()) {
      auto const& tensor = value.toTensor();
      if (!tensor.defined()) return value;
      if (!is_plain(tensor)) return {};
      auto made = at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kMeta));
      known.push_back({made, tensor});
      return made;
    }
    if (value.isTuple() || value.isGenericDict() || value.isObject()) return {};
    if (!value.isList() || value.isIntList() || value.isDoubleList() || value.isBoolList()) return value;
    auto made = value.toList().copy();
    for (std::size_t i = 0; i < made.size(); ++i) {
      auto without_data = meta(made.get(i), known);
      if (!without_data) return {};
      made.set(i, std::move(*without_data));
    }
    return made;
  }
  static std::optional<c10::IValue> with_data(c10::IValue const& value, std::vector<stand_in> const& known) {
    if (value.isTensorList()) {
      auto made = value.toTensorList().copy();
      for (std::size_t i = 0; i < made.size(); ++i) {
        auto zeros = with_data(made.get(i), known);
        if (!zeros) return {};
        made.set(i, zeros->toTensor());
      }
      return made;
    }
    if (!value.isTensor()) return {};
    auto const& tensor = value.toTensor();
    if (!tensor.defined()) return value;
    if (!tensor.is_meta() || tensor.layout() != at::kStrided) return {};
    for (auto const& each : known) {
      if (tensor.is_same(each.meta)) return each.tensor;
      if (!tensor.is_alias_of(each.meta)) continue;
      if (tensor.scalar_type() != each.tensor.scalar_type()) return {};
      return each.tensor.as_strided(tensor.sizes(), tensor.strides(),
                                    each.tensor.storage_offset() + tensor.storage_offset());
    }
    return untouched_zeros(tensor.sizes(), tensor.strides(), tensor.scalar_type());
  }

  /// Sizes as in the documentation of torch.nn.Conv2d.
  static std::optional<jit::Stack> convolution(jit::Node const* node, jit::Stack const& inputs) {
    static std::unordered_set<c10::Symbol> const plain = {c10::Symbol::fromQualString("aten::conv1d"),
                                                          c10::Symbol::fromQualString("aten::conv2d"),
                                                          c10::Symbol::fromQualString("aten::conv3d")};
    auto const with_flags = node->kind() == c10::Symbol::fromQualString("aten::_convolution");
    if (!with_flags && !plain.contains(node->kind())) return {};
    constexpr std::size_t stride = 3, padding = 4, dilation = 5, transposed = 6;
    auto const groups = with_flags ? inputs[8] : inputs[6];
    if (!inputs[padding].isIntList() || (with_flags && inputs[transposed].toBool())) return {};
    auto const &input = inputs[0].toTensor(), &weight = inputs[1].toTensor();
    auto const rank = weight.dim();
    if (!is_plain(input) || input.dim() != rank || input.size(1) != weight.size(1) * groups.toInt() ||
        input.scalar_type() != weight.scalar_type() || !is_rows(input) || !is_rows(weight))
      return {};
    std::vector<std::int64_t> sizes = {input.size(0), weight.size(0)};
    for (std::int64_t i = 2; i < rank; ++i) {
      auto const at = [&](std::size_t argument) {
        auto const list = inputs[argument].toIntVector();
        return list[list.size() == 1 ? 0 : static_cast<std::size_t>(i - 2)];
      };
      auto const reach = at(dilation) * (weight.size(i) - 1);
      auto const last = input.size(i) + 2 * at(padding) - reach - 1;
      if (last < 0 || at(stride) <= 0) return {};
      sizes.push_back(last / at(stride) + 1);
    }
    std::vector<std::int64_t> strides(sizes.size(), 1);
    for (auto i = sizes.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * sizes[i];
    return jit::Stack{untouched_zeros(sizes, strides, input.scalar_type())};
  }
  /// Not with its channels last: then so is what it gives.
  static bool is_rows(at::Tensor const& tensor) {
    return tensor.dim() == 3 ? tensor.is_contiguous() : tensor.suggest_memory_format() == at::MemoryFormat::Contiguous;
  }

  std::unordered_set<c10::Symbol> needs_data_{};
};

}  // namespace torchdeploy::inline v0::detail

#endif
