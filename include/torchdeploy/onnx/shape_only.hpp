#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/empty.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>

/// Running an operator for the sizes, strides and dtypes of what it gives alone.
namespace torchdeploy::inline v0::detail {

/// Zeros that take no memory until they are written to.
inline at::Tensor untouched_zeros(at::IntArrayRef sizes, at::IntArrayRef strides, at::ScalarType dtype) {
  std::size_t bytes = c10::elementSize(dtype);  // up to the last element
  bool fits = true;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return at::empty_strided(sizes, strides, at::TensorOptions(dtype));
    std::size_t step = 0;
    fits = !__builtin_mul_overflow(static_cast<std::size_t>(sizes[i] - 1) * c10::elementSize(dtype),
                                   static_cast<std::size_t>(strides[i]), &step) &&
           !__builtin_add_overflow(bytes, step, &bytes) && fits;
  }
  if (!fits) throw export_error(errc::export_raised, "expected tensors that fit into memory");
  constexpr std::size_t few = 1U << 16U;
  if (bytes <= few) return at::empty_strided(sizes, strides, at::TensorOptions(dtype)).zero_();
  // not calloc, which fills memory that was in use before
  auto* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw export_error(errc::export_raised, "expected memory for " + std::to_string(bytes) + " bytes, got none");
  return at::from_blob(
      memory, sizes, strides, [bytes](void* begin) { ::munmap(begin, bytes); }, at::TensorOptions(dtype));
}
inline at::Tensor untouched_zeros(at::IntArrayRef sizes, at::ScalarType dtype) {
  return untouched_zeros(sizes, c10::contiguous_strides(sizes), dtype);
}
/// Shapes instead of values: an operator is run on LibTorch's `meta` tensors, which have no data. Of those for which LibTorch
/// has this in Python only, the ones that take long are here.
class shape_runner {
 public:
  /// What the operator gives, with zeros for all values; or nothing, if it has to be run. What it gives back of its inputs, or
  /// as a view of them, is that.
  std::optional<jit::Stack> operator()(jit::Node const* node, jit::Operation& operation, jit::Stack const& inputs) {
    if (auto made = known_shape(node, inputs)) return jit::Stack{std::move(*made)};
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

  static std::optional<at::Tensor> known_shape(jit::Node const* node, jit::Stack const& inputs) {
    using shape = std::optional<at::Tensor> (*)(jit::Stack const&);
    static std::unordered_map<std::string_view, shape> const known = {
        {"aten::conv1d", convolution},    {"aten::conv2d", convolution},
        {"aten::conv3d", convolution},    {"aten::_convolution", convolution},
        {"aten::batch_norm", batch_norm}, {"aten::scaled_dot_product_attention", attention},
    };
    auto const found = known.find(node->kind().toQualString());
    return found == known.end() ? std::nullopt : found->second(inputs);
  }

  /// Sizes as in the documentation of torch.nn.Conv2d.
  static std::optional<at::Tensor> convolution(jit::Stack const& inputs) {
    constexpr std::size_t stride = 3, padding = 4, dilation = 5, transposed = 6;
    bool const is_general = inputs.size() > 7;  // "_convolution"
    if (!inputs[padding].isIntList() || (is_general && inputs[transposed].toBool())) return {};
    auto const groups = inputs[is_general ? 8 : 6].toInt();
    auto const &input = inputs[0].toTensor(), &weight = inputs[1].toTensor();
    auto const rank = weight.dim();
    if (!is_plain(input) || input.dim() != rank || input.size(1) != weight.size(1) * groups ||
        input.scalar_type() != weight.scalar_type() || !is_rows(input) || !is_rows(weight))
      return {};
    std::vector<std::int64_t> sizes = {input.size(0), weight.size(0)};
    for (std::int64_t i = 2; i < rank; ++i) {
      auto const at = [&](std::size_t argument) {
        auto const list = inputs[argument].toIntVector();
        return list[list.size() == 1 ? 0 : static_cast<std::size_t>(i - 2)];
      };
      auto const last = input.size(i) + 2 * at(padding) - at(dilation) * (weight.size(i) - 1) - 1;
      if (last < 0 || at(stride) <= 0) return {};
      sizes.push_back(last / at(stride) + 1);
    }
    return untouched_zeros(sizes, input.scalar_type());
  }
  /// Not with its channels last: then so is what it gives.
  static bool is_rows(at::Tensor const& tensor) {
    return tensor.dim() == 3 ? tensor.is_contiguous() : tensor.suggest_memory_format() == at::MemoryFormat::Contiguous;
  }
  static std::optional<at::Tensor> batch_norm(jit::Stack const& inputs) {
    constexpr std::size_t mean = 3, training = 5;
    auto const& input = inputs[0].toTensor();
    if (inputs[training].toBool() || !inputs[mean].isTensor() || !is_plain(input) || !input.is_contiguous() ||
        input.dim() < 2 || inputs[mean].toTensor().numel() != input.size(1))
      return {};
    return untouched_zeros(input.sizes(), input.scalar_type());
  }
  /// With its strides in the order of the query's, as LibTorch's own kernel has it.
  static std::optional<at::Tensor> attention(jit::Stack const& inputs) {
    auto const &query = inputs[0].toTensor(), &key = inputs[1].toTensor(), &value = inputs[2].toTensor();
    if (query.dim() != 4 || key.sizes() != value.sizes() || key.dim() != 4 || !is_plain(query) ||
        query.sizes().slice(0, 2) != key.sizes().slice(0, 2) || query.size(3) != key.size(3) ||
        query.scalar_type() != value.scalar_type())
      return {};
    auto const like =
        at::empty_like(at::empty_strided(query.sizes(), query.strides(), query.options().device(at::kMeta)));
    return untouched_zeros(query.sizes(), like.strides(), query.scalar_type());
  }

  std::unordered_set<c10::Symbol> needs_data_{};
};

}  // namespace torchdeploy::inline v0::detail

#endif
