#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include <openvino/core/model.hpp>
#include <openvino/core/node.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>

#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

/// OpenVINO computes 64-bit integers as int32: it cuts inputs to their lower half and constants to the range, without an
/// error. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0::detail {

inline bool is_wide(ov::element::Type const& type) { return type == ov::element::i64 || type == ov::element::u64; }

inline bool becomes_real(ov::Input<ov::Node> const& use) {
  std::string_view const kind = use.get_node()->get_type_name();
  return (kind == "Convert" || kind == "ConvertLike") && use.get_node()->get_output_element_type(0).is_real();
}
/// Is all of an input's numbers seen, which the first reader cuts?
inline bool keeps_wide(ov::Output<ov::Node> const& input) {
  auto const readers = input.get_target_inputs();
  return std::all_of(readers.begin(), readers.end(), [](auto const& use) {
    return becomes_real(use) || std::string_view(use.get_node()->get_type_name()) == "ShapeOf";
  });
}
/// Is the end of int32 as good as a constant beyond it?
inline bool bears_wide(ov::Input<ov::Node> const& use) {
  std::string_view const kind = use.get_node()->get_type_name();
  bool const cuts = kind == "Slice" || kind == "StridedSlice";
  return becomes_real(use) || (cuts && use.get_index() > 0) || kind.starts_with("Less") || kind.starts_with("Greater");
}

/// Throws where a number of a constant would become another. The ends of int64 stand for "no end", also after they are cut.
/// @throws backend_error 608
inline void refuse_wide_constants(ov::Model const& model) {
  using limits = std::numeric_limits<std::int32_t>;
  using ends = std::numeric_limits<std::int64_t>;
  for (auto const& node : model.get_ordered_ops()) {
    if (auto const outer = ov::as_type_ptr<ov::op::util::MultiSubGraphOp>(node))
      for (auto const& body : outer->get_functions()) refuse_wide_constants(*body);
    auto const constant = ov::as_type_ptr<ov::op::v0::Constant>(node);
    if (!constant || !is_wide(constant->get_element_type())) continue;
    for (auto const value : constant->cast_vector<std::int64_t>()) {
      bool const fits = value >= limits::min() && value <= limits::max();
      if (fits || value == ends::min() || value == ends::max()) continue;
      auto const readers = constant->output(0).get_target_inputs();
      auto const use = std::find_if(readers.begin(), readers.end(), [](auto const& each) { return !bears_wide(each); });
      if (use == readers.end()) break;
      throw backend_error(errc::conversion_failed,
                          "expected int64 constants within the range of int32, in which OpenVINO computes them, got " +
                              std::to_string(value) + " in '" + use->get_node()->get_friendly_name() + "'",
                          "run it on LibTorch or ONNX Runtime");
    }
  }
}

/// @throws backend_error 602
inline void refuse_wide_values(tensor_info const& input, at::Tensor const& tensor) {
  auto const* const begin = static_cast<std::int64_t const*>(tensor.const_data_ptr());
  auto const* const end = begin + tensor.numel();
  constexpr auto least = std::int64_t{1} << 31;  // brings what fits to 0 to 2^32 - 1, also of uint64
  auto const shifted = [&](std::int64_t value) { return static_cast<std::uint64_t>(value) + least; };
  std::uint64_t bits = 0;
  for (auto const* each = begin; each != end; ++each) bits |= shifted(*each);
  if (bits >> 32 == 0) return;
  auto const wide = std::find_if(begin, end, [&](std::int64_t value) { return shifted(value) >> 32 != 0; });
  throw backend_error(errc::wrong_arguments,
                      "expected numbers within the range of int32 as input '" + input.name +
                          "', since OpenVINO computes int64 as int32, got " +
                          (tensor.scalar_type() == at::kUInt64 ? std::to_string(static_cast<std::uint64_t>(*wide))
                                                               : std::to_string(*wide)),
                      "run it on LibTorch or ONNX Runtime");
}

}  // namespace torchdeploy::inline v0::detail
#endif
