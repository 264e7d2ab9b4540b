#pragma once

#include <algorithm>
#include <exception>
#include <vector>

#include <torchdeploy/diagnosis/devices.hpp>
#include <torchdeploy/diagnosis/inspected.hpp>
#include <torchdeploy/diagnosis/precision.hpp>
#include <torchdeploy/diagnosis/tracing.hpp>
#include <torchdeploy/diagnosis/training.hpp>

namespace torchdeploy::inline v0::detail {

/// Before `eval()` is called.
inline std::vector<finding> found_in_flags(jit::Module const& module) {
  std::vector<finding> found;
  find_train_mode_flag(module, found);
  return found;
}

/// The checks that `load` makes of every model: of the graph and the attributes alone, and only what may be wrong. Notes
/// are for who asks: `diagnose`. A check that can't read some model is no reason not to load it.
inline void find_at_load(inspected const& in, std::vector<finding>& found) {
  std::vector<finding> all;
  auto const attempt = [&](auto const& check) {
    try {
      check();
    } catch (std::exception const&) {
    }
  };
  attempt([&] { find_training_constants(in, all); });
  attempt([&] { find_gradients(in, all); });
  attempt([&] { find_baked_states(in, all); });
  attempt([&] { find_baked_devices(in, all); });
  attempt([&] { find_float64(in.module, {in}, all); });
  for (auto& each : all)
    if (each.level != severity::note) found.push_back(std::move(each));
}

}  // namespace torchdeploy::inline v0::detail
