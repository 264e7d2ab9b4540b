#pragma once

#include <torchdeploy/onnx/lowering/family.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Convolutions of every rank, as scripts (conv2d, conv_transpose1d) and traces (_convolution) have them.
namespace torchdeploy::inline v0::detail {

struct onnx_convolution {
  bool transposed = false;
  std::vector<std::int64_t> strides{}, dilations{}, output_padding{};
  std::vector<std::int64_t> begins{}, ends{};  ///< padding
  std::int64_t groups = 1;
};

/// How many dimensions a kernel has: those of the weight but for channels out and channels in.
inline std::size_t onnx_kernel_rank(onnx_call const& call) { return static_cast<std::size_t>(call.rank("weight")) - 2; }

inline std::vector<std::int64_t> onnx_kernel(onnx_call const& call) {
  auto const sizes = call.shown("weight").sizes();
  return {sizes.begin() + 2, sizes.end()};
}

inline onnx_results write_convolution(onnx_call const& call, onnx_convolution const& how) {
  auto& onnx = call.onnx;
  auto const rank = static_cast<std::int64_t>(onnx_kernel_rank(call));
  bool const single = call.rank(0) == rank + 1;  // without a batch
  auto pads = how.begins;
  pads.insert(pads.end(), how.ends.begin(), how.ends.end());
  std::vector<onnx_node_attribute> attributes{{"dilations", how.dilations},
                                              {"group", how.groups},
                                              {"kernel_shape", onnx_kernel(call)},
                                              {"pads", pads},
                                              {"strides", how.strides}};
  if (how.transposed) attributes.push_back({"output_padding", how.output_padding});
  auto const x = single ? onnx.unsqueeze(call.tensor(0), {0}) : call.tensor(0);
  auto const result = onnx.emit(how.transposed ? "ConvTranspose" : "Conv",
                                {x, call.tensor("weight"), call.tensor("bias")}, std::move(attributes));
  return {single ? onnx.squeeze(result, {0}) : result};
}

/// What a script says as 'same' is half of what the kernel lacks before, the rest behind; it has no stride then.
inline void set_padding(onnx_call const& call, onnx_convolution& how) {
  auto const rank = onnx_kernel_rank(call);
  auto const& given = call.constant("padding");
  if (!given.isString()) {
    how.begins = how.ends = call.integers("padding", rank);
    return;
  }
  how.begins = how.ends = std::vector<std::int64_t>(rank, 0);
  if (given.toStringRef() == "valid") return;
  auto const kernel = onnx_kernel(call);
  for (std::size_t i = 0; i < rank; ++i) {
    auto const total = how.dilations[i] * (kernel[i] - 1);
    how.begins[i] = total / 2;
    how.ends[i] = total - total / 2;
  }
}

/// conv1d, conv2d, conv3d, and `_convolution_mode`, whose padding is a word.
inline onnx_results lower_convolution_of_script(onnx_call const& call) {
  auto const rank = onnx_kernel_rank(call);
  onnx_convolution how{.strides = call.integers("stride", rank),
                       .dilations = call.integers("dilation", rank),
                       .groups = call.integer("groups")};
  set_padding(call, how);
  return write_convolution(call, how);
}

inline onnx_results lower_transposed_convolution(onnx_call const& call) {
  auto const rank = onnx_kernel_rank(call);
  auto const padding = call.integers("padding", rank);
  return write_convolution(call, {.transposed = true,
                                  .strides = call.integers("stride", rank),
                                  .dilations = call.integers("dilation", rank),
                                  .output_padding = call.integers("output_padding", rank),
                                  .begins = padding,
                                  .ends = padding,
                                  .groups = call.integer("groups")});
}

/// Of a trace: both kinds in one.
inline onnx_results lower_convolution_of_trace(onnx_call const& call) {
  if (call.flag("transposed")) return lower_transposed_convolution(call);
  return lower_convolution_of_script(call);
}

/// conv_tbc: [time, batch, channels], the weight [kernel, in, out].
inline onnx_results lower_conv_tbc(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const pad = call.integer("pad");
  auto const x = onnx.transpose(call.tensor("self"), {1, 2, 0});
  auto const weight = onnx.transpose(call.tensor("weight"), {2, 1, 0});
  std::vector<onnx_node_attribute> attributes{{"pads", std::vector<std::int64_t>{pad, pad}}};
  auto const result = onnx.emit("Conv", {x, weight, call.tensor("bias")}, std::move(attributes));
  return {onnx.transpose(result, {2, 0, 1})};
}

inline constexpr onnx_operator onnx_convolutions[] = {
    {"aten::conv1d", &lower_convolution_of_script},
    {"aten::conv2d", &lower_convolution_of_script},
    {"aten::conv3d", &lower_convolution_of_script},
    {"aten::_convolution_mode", &lower_convolution_of_script},
    {"aten::conv_transpose1d", &lower_transposed_convolution},
    {"aten::conv_transpose2d", &lower_transposed_convolution},
    {"aten::conv_transpose3d", &lower_transposed_convolution},
    {"aten::_convolution", &lower_convolution_of_trace},
    {"aten::convolution", &lower_convolution_of_trace},
    {"aten::conv_tbc", &lower_conv_tbc},
};

}  // namespace torchdeploy::inline v0::detail

#endif
