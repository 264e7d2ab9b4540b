#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/diagnosis/inspected.hpp>

namespace torchdeploy::inline v0::detail {

/// Operators that are told a device by a constant: it is where their result goes, wherever the weights have moved to.
inline void find_baked_devices(inspected const& in, std::vector<finding>& found) {
  std::vector<std::pair<c10::Device, std::vector<jit::Node*>>> users;
  for_each_node(*in.graph, [&](jit::Node* node) {
    if (!is_aten(node)) return;
    for (auto const* input : node->inputs()) {
      auto const value = jit::toIValue(input);
      if (!value || !value->isDevice()) continue;
      auto const device = value->toDevice();
      auto at = std::find_if(users.begin(), users.end(), [&](auto const& each) { return each.first == device; });
      if (at == users.end()) at = users.insert(users.end(), {device, {}});
      at->second.push_back(node);
    }
  });
  for (auto const& [device, nodes] : users)
    found.push_back({"baked-device", device.is_cpu() ? severity::note : severity::warning, where(nodes.front()),
                     std::to_string(nodes.size()) + " operator(s) put their result on " + device.str() +
                         ", wherever the weights are",
                     "write device=x.device, and trace on the device that will serve"});
}

}  // namespace torchdeploy::inline v0::detail
