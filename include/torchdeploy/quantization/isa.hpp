#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torchdeploy/core/report.hpp>
#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/libtorch/cpu.hpp>
#include <torchdeploy/detail/libtorch/without_warnings.hpp>
#include <torchdeploy/quantization/engine.hpp>

namespace torchdeploy::inline v0 {

/// What a CPU multiplies int8 numbers with, as far as it decides on the range of activations. Without VNNI ("vector
/// neural network instructions") two u8 x s8 products are added in 16 bits, which saturate at full range.
enum class isa {
  avx2,         ///< x86 since 2013
  avx512,       ///< Skylake-X, Cascade Lake's predecessor: wider, but without VNNI
  avx_vnni,     ///< Alder Lake and later clients: VNNI of 256 bits, which oneDNN uses and FBGEMM does not
  avx512_vnni,  ///< Cascade Lake, Ice Lake, Zen 4 and later; all CPUs with AMX
  arm,          ///< 64-bit ARM
};

constexpr std::string_view to_text(isa which) {
  constexpr std::array<std::string_view, 5> names = {"avx2", "avx512", "avx_vnni", "avx512_vnni", "arm"};
  auto const index = static_cast<std::size_t>(which);
  return index < names.size() ? names[index] : "unknown";
}

/// Extra files inside a saved int8 model, beside `engine_file`: the bits of its activations ("full": 8, "reduced": 7), and
/// the instructions for which they were chosen.
inline constexpr auto range_file = "torchdeploy.range";
inline constexpr auto target_file = "torchdeploy.target";

namespace detail {

/// Would the engine's kernels saturate at full range on such a CPU? FBGEMM's use VNNI of 512 bits only, and X86 takes
/// FBGEMM's for linear layers everywhere. QNNPACK's widen the numbers before they multiply. Unknown pairs: yes, since a
/// reduced range costs 6 dB at most and is right everywhere.
constexpr bool saturates(at::QEngine engine, isa target) {
  if (engine == at::QEngine::QNNPACK) return false;
  return target != isa::avx512_vnni && !(engine == at::QEngine::ONEDNN && target == isa::avx_vnni);
}

/// 255 * 127 + 255 * 127 + ...: which share of it do the engine's kernels for linear layers and convolutions compute?
inline bool probe_saturates(at::QEngine engine) {
  constexpr std::int64_t terms = 64;
  constexpr double sum = 255.0 * 127.0 * terms;
  constexpr double step = sum / 250;  // of the result: exact is 250, and 126 is what saturated pairs add up to
  auto const call = [](char const* name, char const* overload, std::vector<c10::IValue> stack) {
    c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).callBoxed(stack);
    return std::move(stack.at(0));
  };
  auto const is_short = [](c10::IValue const& result) {
    return result.toTensor().dequantize().max().item<double>() < 0.9 * sum;
  };
  engine_scope const scope(engine);
  auto const weights = [&](at::IntArrayRef shape) {
    return at::quantize_per_channel(at::full(shape, 127.0f), at::ones({shape[0]}), at::zeros({shape[0]}, at::kLong), 0,
                                    at::kQInt8);
  };
  auto const inputs = [](at::IntArrayRef shape) {
    return at::quantize_per_tensor(at::full(shape, 255.0f), 1, 0, at::kQUInt8);
  };
  using ints = std::vector<std::int64_t>;
  c10::IValue const none;
  auto linear = call("quantized::linear_prepack", "", {weights({16, terms}), none});
  if (is_short(call("quantized::linear", "", {inputs({2, terms}), std::move(linear), step, std::int64_t{0}})))
    return true;
  auto conv = call("quantized::conv2d_prepack", "",
                   {weights({16, terms, 1, 1}), none, ints{1, 1}, ints{0, 0}, ints{1, 1}, std::int64_t{1}});
  return is_short(call("quantized::conv2d", "new", {inputs({1, terms, 4, 4}), std::move(conv), step, std::int64_t{0}}));
}

/// Do the engine's kernels saturate here? They are asked, once in a process (0.1 to 4 ms): what counts is the kernels that run, and these
/// depend on the CPU, on ONEDNN_MAX_CPU_ISA, FBGEMM_ENABLE_INSTRUCTIONS and the like, and on the engine's own choice.
/// Linear layers and convolutions: X86 has them from two libraries.
inline bool saturates_here(at::QEngine engine) {
  static std::array<std::optional<bool>, 16> known;  // LibTorch has 5 engines
  compiler_lock const alone;  // the probe takes it too: a mutex of its own would wait for who holds this and asks here
  auto& answer = known.at(static_cast<std::size_t>(engine));
  if (answer) return *answer;
  without_warnings const silence;
  c10::InferenceMode const inference;
  answer = true;
  try {
    answer = probe_saturates(engine);
  } catch (std::exception const&) {  // an engine without one of these kernels
  }
  return *answer;
}

/// The instructions of this CPU, to be named: nothing is decided by them.
inline std::string this_isa() {
  auto const all = at::cpu::get_cpu_capabilities();
  auto const has = [&](char const* name) {
    auto const at = all.find(name);
    return at != all.end() && at->second.isBool() && at->second.toBool();
  };
  struct entry {
    char const* flag;
    isa which;
  };
  static constexpr entry table[] = {{"avx512_vnni", isa::avx512_vnni},
                                    {"avx_vnni", isa::avx_vnni},
                                    {"avx512_f", isa::avx512},
                                    {"avx2", isa::avx2},
                                    {"neon", isa::arm}};
  for (auto const& [flag, which] : table)
    if (has(flag)) return std::string(to_text(which));
  return "unknown";
}

/// What is to be said of a model at full range where its engine saturates.
inline finding int8_saturates(std::string_view engine, std::string_view target) {
  return {"int8-saturates", severity::warning, "forward",
          "activations have 8 bits, made for " + std::string(target) + ", but here the sums of engine " +
              std::string(engine) + " are of 16 bits and saturate: expect wrong numbers",
          "quantize it again with {.reduce_range = true}, or with .target for the oldest CPU it will run on"};
}

/// What the stamps of a file say, for the report of who loads it; and a finding where it is int8 and saturates here.
inline void tell_stamps(std::unordered_map<std::string, std::string> const& files, bool int8, stage_report& entry) {
  auto const stamp = [&](std::string const& file, char const* detail) -> std::string {
    auto const at = files.find(file);
    if (at == files.end()) return {};
    entry.details.emplace_back(detail, at->second);
    return at->second;
  };
  auto const engine = stamp(engine_file, "engine");
  auto const range = stamp(range_file, "range");
  auto const target = stamp(target_file, "target");
  if (int8 && !engine.empty() && range == "full" && saturates_here(engine_named(engine)))
    entry.findings.push_back(int8_saturates(engine, target));
}

}  // namespace detail

}  // namespace torchdeploy::inline v0
