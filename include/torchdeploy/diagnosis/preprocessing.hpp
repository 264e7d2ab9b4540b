#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/diagnosis/tracing.hpp>

namespace torchdeploy::inline v0::detail {

/// Is the attribute a parameter, and not a buffer?
inline bool is_parameter(jit::Module const& module, attribute_path const& path) {
  auto const owner = attribute_at(module, attribute_path(path.begin(), path.end() - 1));
  auto const type = owner.toObjectRef().type();
  return type->is_parameter(type->getAttributeSlot(path.back()));
}

/// A number, or one for each channel (at most four): given as a constant or kept in an attribute. A larger tensor is
/// learned, or a position encoding.
inline std::optional<std::string> constant_text(jit::Module const& module, jit::Value const* value) {
  while (is_operator(value->node(), "aten::detach") || is_operator(value->node(), "aten::to") ||
         is_operator(value->node(), "aten::view") || is_operator(value->node(), "aten::unsqueeze") ||
         is_operator(value->node(), "aten::reshape"))
    value = value->node()->input(0);
  if (auto const number = number_of(value)) return number_text(*number);
  std::optional<c10::IValue> constant = jit::toIValue(value);
  if (auto const path = path_of(value); !constant && path && !is_parameter(module, *path))
    constant = attribute_at(module, *path);
  if (!constant || !constant->isTensor() || !constant->toTensor().defined()) return std::nullopt;
  auto const& tensor = constant->toTensor();
  constexpr std::int64_t channels = 4;
  if (tensor.numel() == 0 || tensor.numel() > channels) return std::nullopt;
  return std::to_string(tensor.numel()) + " constant(s)";
}

/// From [N, H, W, C] or [H, W, C] to channels first.
inline bool moves_channels(jit::Node const* permute) {
  auto const order = constant_sizes(permute->input(1));
  return order == std::vector<std::int64_t>{0, 3, 1, 2} || order == std::vector<std::int64_t>{2, 0, 1};
}

/// What is done to an input before anything else: "divides by 255", "resizes", ...
inline std::vector<std::string> preprocessing_of(jit::Module const& module, jit::Value* input) {
  std::vector<std::string> steps;
  bool reaches_more = false;
  for (auto* value = input; !reaches_more;) {
    jit::Node* next = nullptr;
    for (auto const& use : value->uses()) {
      auto const kind = operator_name(use.user);
      if (kind == "size" || kind == "dim" || kind == "dtype" || kind == "device" || kind == "RaiseException" ||
          !use.user->hasUses() || use.user->kind() == c10::prim::If)
        continue;
      if (next) return steps;  // it goes two ways: that is the model's own work
      next = use.user;
    }
    if (!next || next->outputs().size() != 1 || next->inputs().empty() || next->kind() == c10::prim::Return) return {};
    auto const kind = operator_name(next);
    auto const with = [&](std::string const& verb) {
      auto const* const other = next->input(next->input(0) == value ? 1 : 0);
      auto const text = constant_text(module, other);
      if (text) steps.push_back(verb + " " + *text);
      return text.has_value();
    };
    if (kind == "div" || kind == "true_divide")
      reaches_more = !with("divides by");
    else if (kind == "mul")
      reaches_more = !with("multiplies by");
    else if (kind == "sub")
      reaches_more = !with("subtracts");
    else if (kind == "add")
      reaches_more = !with("adds");
    else if (kind.starts_with("upsample_") || kind.starts_with("_upsample_") || kind == "interpolate")
      steps.emplace_back("resizes");
    else if (kind == "permute" && moves_channels(next))
      steps.emplace_back("moves the channels to the front");
    else if (kind == "flip")
      steps.emplace_back("flips");
    else if (kind != "to" && kind != "contiguous" && kind != "float" && kind != "unsqueeze" && kind != "clone" &&
             kind != "detach" && kind != "quantize_per_tensor" && kind != "dequantize" && kind != "type_as" &&
             kind != "clamp")
      reaches_more = true;
    value = next->output();
  }
  return steps;
}

/// Only in front of layers: arithmetic that is the whole model prepares nothing.
inline void find_preprocessing(inspected const& in, std::vector<finding>& found) {
  if (layers_of(*in.graph).empty()) return;
  for (auto* input : in.graph->inputs().slice(1)) {
    if (input->type()->kind() != c10::TypeKind::TensorType) continue;
    auto const steps = preprocessing_of(in.module, input);
    if (steps.empty()) continue;
    std::string text = "the model prepares '" + input->debugNameBase() + "' itself: it ";
    for (std::size_t i = 0; i < steps.size(); ++i) text += (i ? ", " : "") + steps[i];
    found.push_back({"preprocessing-inside", severity::note, in.method, text,
                     "give it raw inputs: prepared twice, they are wrong without any error"});
  }
}

}  // namespace torchdeploy::inline v0::detail
