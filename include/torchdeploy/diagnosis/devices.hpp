#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/diagnosis/inspected.hpp>

namespace torchdeploy::inline v0::detail {

/// The device in a constant, or in `torch.device('cuda', 0)`, which LibTorch folds only where there is no index.
inline std::optional<c10::Device> device_of(jit::Value const* value) {
  if (auto const constant = jit::toIValue(value))
    return constant->isDevice() ? std::optional(constant->toDevice()) : std::nullopt;
  auto const* const node = value->node();
  if (!is_operator(node, "aten::device") || node->inputs().size() != 2) return std::nullopt;
  auto const type = jit::toIValue(node->input(0)), index = jit::toIValue(node->input(1));
  if (!type || !index || !type->isString() || !index->isInt()) return std::nullopt;
  return c10::Device(c10::Device(type->toStringRef()).type(), static_cast<c10::DeviceIndex>(index->toInt()));
}

/// The device that an operator puts its result on whatever it is given: a constant, or the name of the operator itself.
inline std::optional<c10::Device> baked_device(jit::Node const* node) {
  bool const makes_tensor = std::any_of(node->outputs().begin(), node->outputs().end(), [](jit::Value const* output) {
    return output->type()->kind() == c10::TypeKind::TensorType;
  });
  if (!is_aten(node) || !makes_tensor) return std::nullopt;  // x.device == torch.device('cuda:0') only asks
  if (is_operator(node, "aten::cuda")) return c10::Device(c10::kCUDA);  // x.cpu() hands over a result on purpose
  for (auto const* input : node->inputs())
    if (auto const device = device_of(input)) return device;
  return std::nullopt;
}

/// Operators that are told a device by a constant: it is where their result goes, wherever the weights have moved to.
inline void find_baked_devices(inspected const& in, std::vector<finding>& found) {
  std::vector<std::pair<c10::Device, std::vector<jit::Node*>>> users;
  for_each_node(*in.graph, [&](jit::Node* node) {
    auto const device = baked_device(node);
    if (!device) return;
    auto const at = std::find_if(users.begin(), users.end(), [&](auto const& each) { return each.first == *device; });
    if (at == users.end())
      users.push_back({*device, {node}});
    else
      at->second.push_back(node);
  });
  for (auto const& [device, nodes] : users)
    found.push_back(
        {"baked-device", device.is_cpu() ? severity::note : severity::warning, where(nodes.front()),
         std::to_string(nodes.size()) + " operator(s) put their result on " + device.str() +
             ", wherever the weights are",
         std::all_of(nodes.begin(), nodes.end(), [](jit::Node const* each) { return is_operator(each, "aten::cuda"); })
             ? "write .to(x.device) in place of .cuda()"
             : "write device=x.device, and trace on the device that will serve"});
}

}  // namespace torchdeploy::inline v0::detail
