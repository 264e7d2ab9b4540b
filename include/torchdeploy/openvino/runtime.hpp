#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
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

/// "HETERO:GPU,CPU": what is named, and what spreads the work over it. "AUTO" alone takes all there are.
struct named_devices {
  std::string through{};  ///< empty for a device itself
  std::vector<std::string> each{};
};

inline named_devices devices_of(std::string const& wanted) {
  if (wanted == "AUTO") return {wanted, openvino_core().get_available_devices()};
  auto const colon = wanted.find(':');
  named_devices named;
  if (colon != wanted.npos) named.through = wanted.substr(0, colon);
  auto const list = colon == wanted.npos ? wanted : wanted.substr(colon + 1);
  for (std::size_t begin = 0; begin <= list.size();) {
    auto const end = std::min(list.find(',', begin), list.size());
    auto device = list.substr(begin, end - begin);
    if (named.through == "BATCH") device.erase(std::min(device.find('('), device.size()));  // BATCH:GPU(4)
    named.each.push_back(std::move(device));
    begin = end + 1;
  }
  return named;
}

/// "CPU", "GPU.1", "HETERO:GPU,CPU": each device that is named must be there.
inline void demand_device(std::string const& wanted) {
  auto const known = openvino_core().get_available_devices();
  std::string all;
  for (auto const& each : known) all += (all.empty() ? "" : ", ") + each;
  auto const named = devices_of(wanted);
  static constexpr std::array<std::string_view, 4> spreading{"AUTO", "HETERO", "MULTI", "BATCH"};
  if (wanted.find(':') != wanted.npos &&
      std::find(spreading.begin(), spreading.end(), named.through) == spreading.end())
    throw backend_error(errc::runtime_unusable,
                        "expected AUTO, HETERO, MULTI or BATCH before ':', got '" + named.through + "'",
                        "such as HETERO:GPU,CPU");
  for (auto const& device : named.each) {
    auto const is_it = [&](std::string const& each) { return each == device || each.starts_with(device + "."); };
    if (device.empty() || std::none_of(known.begin(), known.end(), is_it))
      throw backend_error(errc::runtime_unusable,
                          "expected a device of OpenVINO, got '" + device + "'; it has: " + all);
  }
}

/// Properties that this device has and that may be set. AUTO and HETERO hand on what their devices have, and tell only their own;
/// what neither has they would take in silence.
inline void demand_properties(std::string const& device, ov::AnyMap const& wanted) {
  if (wanted.empty()) return;
  std::vector<std::string> names;
  auto const add = [&](std::string const& one) {
    auto const known = translated<backend_error>(errc::runtime_unusable, "OpenVINO can't use " + one, {}, [&] {
      return openvino_core().get_property(one, ov::supported_properties);
    });
    for (auto const& each : known)
      if (each.is_mutable()) names.push_back(each);
    if (one == "CPU") names.emplace_back("CPU_RUNTIME_CACHE_CAPACITY");  // which it has, and does not tell
  };
  auto const named = devices_of(device);
  if (!named.through.empty()) add(named.through);
  for (auto const& each : named.each) add(each);
  for (auto const& [name, value] : wanted)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw backend_error(errc::setting_out_of_range,
                          "expected a property that can be set for " + device + ", got '" + name + "'",
                          did_you_mean(name, names));
}

/// Are they CPUs alone, behind what passes on what it does not know itself?
inline bool is_on_cpu(std::string const& device) {
  auto const named = devices_of(device);
  return named.through != "BATCH" &&
         std::all_of(named.each.begin(), named.each.end(), [](auto const& each) { return each == "CPU"; });
}

/// @throws backend_error 608
inline std::shared_ptr<ov::Model> read_onnx(Onnx::handle const& model) {
  if (model.text().size() + model.summary->external_bytes > std::numeric_limits<std::int32_t>::max())
    throw backend_error(errc::conversion_failed, "OpenVINO reads 2 GB of ONNX from memory, the model has more",
                        "deploy<OpenVino>() takes the TorchScript artifact itself");
  auto const bytes = model.has_external_data() ? with_data_inside(model.text(), model.data, *model.summary)
                                               : std::string(model.text());
  return translated<backend_error>(errc::conversion_failed, "OpenVINO can't read this model", {},
                                   [&] { return openvino_core().read_model(bytes, ov::Tensor()); });
}

}  // namespace torchdeploy::inline v0::detail
#endif
