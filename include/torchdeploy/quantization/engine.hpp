#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/libtorch/module.hpp>

namespace torchdeploy::inline v0 {

/// An engine is the library of int8 kernels that a quantized model runs on.
struct X86 {
  static constexpr std::string_view name = "x86";  ///< FBGEMM and oneDNN, whichever is faster for a layer
  static constexpr at::QEngine id = at::QEngine::X86;
  static constexpr bool per_channel_weights = true;  ///< a scale for each output channel, not one for the whole weight
  static constexpr bool transposed_convolution =
      false;  ///< oneDNN's gives wrong numbers: 0.2 dB, where FBGEMM's gives 32
};
/// FBGEMM's kernels, for x86.
struct Fbgemm {
  static constexpr std::string_view name = "fbgemm";
  static constexpr at::QEngine id = at::QEngine::FBGEMM;
  static constexpr bool per_channel_weights = true;
  static constexpr bool transposed_convolution = true;
};
/// oneDNN's kernels, for x86.
struct Onednn {
  static constexpr std::string_view name = "onednn";
  static constexpr at::QEngine id = at::QEngine::ONEDNN;
  static constexpr bool per_channel_weights = true;
  static constexpr bool transposed_convolution = false;
};
/// The engine of phones and other ARM devices; it runs on x86, too, so that accuracy can be measured before. One scale for a
/// whole weight: where channels differ much (depthwise convolutions) that costs accuracy. A few operators (quantized::add,
/// hardtanh) ask for the process's engine when they run: for a device's very bits, at::globalContext().setQEngine.
struct Qnnpack {
  static constexpr std::string_view name = "qnnpack";
  static constexpr at::QEngine id = at::QEngine::QNNPACK;
  static constexpr bool per_channel_weights = false;
  static constexpr bool transposed_convolution = true;
};

/// What stands for kernels of LibTorch: its number and name there, and what they can.
template <class E>
concept engine = requires {
  { E::name } -> std::convertible_to<std::string_view>;
  { E::id } -> std::convertible_to<at::QEngine>;
  { E::per_channel_weights } -> std::convertible_to<bool>;
  { E::transposed_convolution } -> std::convertible_to<bool>;
};

/// The extra file inside a saved int8 model that names its engine: LibTorch packs the weights of a model for the engine
/// that is set when it is *loaded*, so `load` sets this one.
inline constexpr auto engine_file = "torchdeploy.engine";

namespace detail {

inline at::QEngine engine_named(std::string_view name) {
  for (auto const each : at::globalContext().supportedQEngines())
    if (at::toString(each) == name) return each;
  throw quantization_error(
      errc::engine_unavailable,
      "expected engine " + std::string(name) + ", for which the model was quantized, but this LibTorch has none",
      "quantize it again for an engine of this machine");
}

/// LibTorch's engine is a process-wide setting: set it for as long as weights are packed, then put it back. Other threads
/// that pack wait; a user's code (samples) must not run meanwhile.
class engine_scope {
 public:
  explicit engine_scope(at::QEngine wanted) : before_(at::globalContext().qEngine()) {
    operators_ran = true;
    auto const& built_in = at::globalContext().supportedQEngines();
    if (std::find(built_in.begin(), built_in.end(), wanted) == built_in.end())
      throw quantization_error(errc::engine_unavailable,
                               "expected engine " + at::toString(wanted) + ", but this LibTorch was built without it",
                               "use another engine: quantize<Int8, Onednn>(...)");
    at::globalContext().setQEngine(wanted);
  }
  engine_scope(engine_scope const&) = delete;
  engine_scope& operator=(engine_scope const&) = delete;
  ~engine_scope() { at::globalContext().setQEngine(before_); }

 private:
  compiler_lock alone_;
  at::QEngine before_;
};

}  // namespace detail

}  // namespace torchdeploy::inline v0
