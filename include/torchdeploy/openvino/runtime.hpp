#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <string>
#include <vector>

#include <openvino/runtime/core.hpp>
#include <openvino/runtime/properties.hpp>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/names.hpp>
#include <torchdeploy/format/onnx.hpp>

/// OpenVINO itself: one for the process. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0::detail {

/// @throws backend_error 610: its plugins are not beside its library
inline ov::Core& openvino_core() {
  return translated<backend_error>(errc::runtime_unusable, "OpenVINO can't start", {}, []() -> ov::Core& {
    static ov::Core core;
    return core;
  });
}

/// "CPU", "GPU.1", "HETERO:GPU,CPU": each device that is named must be there.
inline void demand_device(std::string const& wanted) {
  auto const known = openvino_core().get_available_devices();
  std::string all;
  for (auto const& each : known) all += (all.empty() ? "" : ", ") + each;
  auto const list = wanted.find(':') == wanted.npos ? wanted : wanted.substr(wanted.find(':') + 1);
  for (std::size_t begin = 0; begin <= list.size();) {
    auto const end = std::min(list.find(',', begin), list.size());
    auto const device = list.substr(begin, end - begin);
    auto const is_it = [&](std::string const& each) { return each == device || each.starts_with(device + "."); };
    if (device != "AUTO" && (device.empty() || std::none_of(known.begin(), known.end(), is_it)))
      throw backend_error(errc::runtime_unusable,
                          "expected a device of OpenVINO, got '" + device + "'; it has: " + all);
    begin = end + 1;
  }
}

/// Properties that this device has and that may be set.
inline void demand_properties(std::string const& device, ov::AnyMap const& wanted) {
  if (wanted.empty()) return;
  auto const known = openvino_core().get_property(device.substr(0, device.find(':')), ov::supported_properties);
  std::vector<std::string> names;
  for (auto const& each : known)
    if (each.is_mutable()) names.push_back(each);
  if (device == "CPU") names.emplace_back("CPU_RUNTIME_CACHE_CAPACITY");  // which it has, and does not tell
  for (auto const& [name, value] : wanted)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw backend_error(errc::setting_out_of_range,
                          "expected a property that can be set for " + device + ", got '" + name + "'",
                          did_you_mean(name, names));
}

/// @throws backend_error 608
inline std::shared_ptr<ov::Model> read_onnx(Onnx::handle const& model) {
  auto const bytes = model.has_external_data() ? with_data_inside(model.text(), model.data, *model.summary)
                                               : std::string(model.text());
  return translated<backend_error>(errc::conversion_failed, "OpenVINO can't read this model", {},
                                   [&] { return openvino_core().read_model(bytes, ov::Tensor()); });
}

}  // namespace torchdeploy::inline v0::detail
#endif
