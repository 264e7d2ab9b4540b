#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <memory>
#include <utility>

#include <openvino/frontend/pytorch/extension/conversion.hpp>
#include <openvino/frontend/pytorch/frontend.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convert_promote_types.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/floor.hpp>
#include <openvino/op/floor_mod.hpp>
#include <openvino/op/subtract.hpp>

#include <torchdeploy/core/error.hpp>

/// Rules that OpenVINO's front end for PyTorch lacks. Opt-in: CMake's component OpenVino, or TORCHDEPLOY_WITH_OPENVINO.
namespace torchdeploy::inline v0::detail {

/// float(n): attention scales by the square root of a size.
inline ov::OutputVector to_float(ov::frontend::NodeContext const& context) {
  // not a dynamic_cast: the library keeps the class's type information to itself
  auto const& node = static_cast<ov::frontend::pytorch::NodeContext const&>(context);
  return node.mark_node(std::make_shared<ov::op::v0::Convert>(node.get_input(0), ov::element::f32))->outputs();
}

/// a // b, rounded down. OpenVINO's division of integers rounds toward zero: -7 // 2 = -3, which makes -(-n // 2) wrong too;
/// without its remainder a dividend is divided exactly.
inline ov::OutputVector floor_divide(ov::frontend::NodeContext const& context) {
  auto const& node = static_cast<ov::frontend::pytorch::NodeContext const&>(context);
  auto const made = [&](auto op) { return node.mark_node(std::move(op)); };
  auto const same = made(std::make_shared<ov::op::v14::ConvertPromoteTypes>(node.get_input(0), node.get_input(1), true,
                                                                            true, ov::element::f32));
  auto const a = same->output(0), b = same->output(1);
  if (a.get_element_type().is_real())
    return made(std::make_shared<ov::op::v0::Floor>(made(std::make_shared<ov::op::v1::Divide>(a, b))))->outputs();
  auto const rest = made(std::make_shared<ov::op::v1::FloorMod>(a, b));
  auto const whole = made(std::make_shared<ov::op::v1::Subtract>(a, rest));
  return made(std::make_shared<ov::op::v1::Divide>(whole, b))->outputs();
}

/// A value that no path reads: what stands for the result of a branch that returned before.
inline ov::OutputVector uninitialized(ov::frontend::NodeContext const& context) {
  auto const& node = static_cast<ov::frontend::pytorch::NodeContext const&>(context);
  auto const type = node.get_output_type(0);
  namespace kinds = ov::frontend::type;
  auto element = ov::element::Type(ov::element::f32);
  for (auto const& each : {type.is<kinds::PyScalar>() ? type.as<kinds::PyScalar>().element_type : ov::Any(),
                           type.is<kinds::Tensor>() ? type.as<kinds::Tensor>().element_type : ov::Any()})
    if (each.is<ov::element::Type>() && each.as<ov::element::Type>().is_static())
      element = each.as<ov::element::Type>();
  return node.mark_node(ov::op::v0::Constant::create(element, {}, {0}))->outputs();
}

/// OpenVINO's own rule gives a tensor of no elements.
inline ov::OutputVector refused(ov::frontend::NodeContext const& context) {
  throw backend_error(errc::conversion_failed,
                      "expected operators that OpenVINO converts, got " + context.get_op_type());
}

inline void add_rules(ov::frontend::pytorch::FrontEnd& front_end) {
  using rule = ov::frontend::pytorch::ConversionExtension;
  for (auto const* const name : {"aten::floordiv", "aten::floor_divide"})
    front_end.add_extension(std::make_shared<rule>(name, floor_divide));
  front_end.add_extension(std::make_shared<rule>("aten::gcd", refused));
  front_end.add_extension(std::make_shared<rule>("prim::Uninitialized", uninitialized));
  for (auto const* const name : {"aten::Float", "aten::FloatImplicit"})
    front_end.add_extension(std::make_shared<rule>(name, to_float));
}

}  // namespace torchdeploy::inline v0::detail
#endif
