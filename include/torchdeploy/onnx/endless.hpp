#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <limits>
#include <string_view>

#include <torchdeploy/onnx/node.hpp>
#include <torchdeploy/onnx/wire.hpp>

/// A Loop that never ends holds the thread that calls it forever: no runtime can be told to stop.
namespace torchdeploy::inline v0::detail {

/// Is a TensorProto one that lets a Loop go on: true as its condition, or the largest number as its trip count, which is how
/// PyTorch's exporter writes `while`?
inline bool onnx_goes_on(std::string_view tensor) {
  constexpr std::int64_t boolean = 9, int64 = 7;
  std::int64_t type = 0, elements = 1;
  std::uint64_t value = 0;
  for (auto at = onnx_reader(tensor); at.next();) switch (at.tag()) {
      case onnx_tensor::dims:
        for_each_integer(at, [&](std::int64_t size) { elements = size == 1 ? elements : 0; });
        break;
      case onnx_tensor::data_type:
        type = at.get_int64();
        break;
      case onnx_tensor::int32_data:
      case onnx_tensor::int64_data:
        for_each_integer(at, [&](std::int64_t each) { value = static_cast<std::uint64_t>(each); });
        break;
      case onnx_tensor::raw_data: {
        unsigned shift = 0;
        for (auto const byte : view_of(at.get_view()).substr(0, 8)) {
          value |= static_cast<std::uint64_t>(static_cast<unsigned char>(byte)) << shift;  // little-endian
          shift += 8;
        }
        break;
      }
      default:
        at.skip();
    }
  return elements == 1 && ((type == boolean && value != 0) ||
                           (type == int64 && value == std::uint64_t{std::numeric_limits<std::int64_t>::max()}));
}

/// Of a Constant's attributes: its `value`.
inline std::string_view onnx_constant(onnx_node_view const& node) {
  std::string_view tensor;
  for (auto const& bytes : node.attributes)
    for (auto at = onnx_reader(bytes); at.next();)
      if (at.tag() == onnx_attribute::t)
        tensor = view_of(at.get_view());
      else
        at.skip();
  return tensor;
}

/// What a node makes goes on as well, when it is such a constant or only passes one on.
inline bool onnx_goes_on(onnx_node_view const& node, onnx_scope const& scope) {
  if (!node.domain.empty() || node.outputs.size() != 1) return false;
  if (node.type == "Constant") return onnx_goes_on(onnx_constant(node));
  return node.type == "Identity" && node.inputs.size() == 1 && scope.goes_on(node.inputs[0]);
}

/// Neither a trip count nor the condition that it begins with can end it.
inline bool onnx_begins_endless(onnx_node_view const& loop, onnx_scope const& scope) {
  auto const goes_on = [&](std::size_t i) {
    return i >= loop.inputs.size() || loop.inputs[i].empty() || scope.goes_on(loop.inputs[i]);
  };
  return goes_on(0) && goes_on(1);
}

}  // namespace torchdeploy::inline v0::detail

#endif
