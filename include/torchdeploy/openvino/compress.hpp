#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/core/rt_info.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>

/// Weights in half the bytes. Opt-in: needs OpenVINO.
namespace torchdeploy::inline v0::detail {

/// Weights of float32 become float16, each with a conversion back, which OpenVINO folds or fuses when it compiles. Those that
/// float16 can't hold, or that are a few numbers, stay. Source: OpenVINO's CompressFloatConstants.
inline std::shared_ptr<ov::Model> with_half_weights(std::shared_ptr<ov::Model> const& model) {
  constexpr float largest = 65504.0F;
  constexpr std::size_t few = 16;
  auto copy = model->clone();
  for (auto const& node : copy->get_ordered_ops()) {
    auto const weight = ov::as_type_ptr<ov::op::v0::Constant>(node);
    if (!weight || weight->get_element_type() != ov::element::f32 || ov::shape_size(weight->get_shape()) < few)
      continue;
    auto const values = weight->cast_vector<float>();
    bool const fits = std::all_of(values.begin(), values.end(), [](float each) { return std::abs(each) <= largest; });
    if (!fits) continue;
    auto const targets = weight->output(0).get_target_inputs();
    auto const half = std::make_shared<ov::op::v0::Constant>(ov::element::f16, weight->get_shape(),
                                                             std::vector<ov::float16>(values.begin(), values.end()));
    auto const back = std::make_shared<ov::op::v0::Convert>(half, ov::element::f32);
    half->set_friendly_name(weight->get_friendly_name());
    back->set_friendly_name(weight->get_friendly_name() + "/float32");
    back->get_rt_info()["decompression"] = true;
    for (auto target : targets) target.replace_source_output(back);
  }
  copy->validate_nodes_and_infer_types();
  return copy;
}

}  // namespace torchdeploy::inline v0::detail
#endif
