#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/names.hpp>
#include <torchdeploy/onnx/export_options.hpp>
#include <torchdeploy/onnx/model_writer.hpp>
#include <torchdeploy/onnx/open_sizes.hpp>

/// Names of an exported model's outputs, and of their sizes.
namespace torchdeploy::inline v0::detail {

/// @throws export_error 904
inline void refuse_same_names(std::vector<std::string> const& names, std::string const& of) {
  for (auto each = names.begin(); each != names.end(); ++each)
    if (std::find(names.begin(), each, *each) != each)
      throw export_error(errc::export_options_conflict,
                         "expected names of " + of + " that differ, got '" + *each + "' twice");
}

/// @throws export_error 902, 904
inline void name_outputs(onnx_model_text& text, export_onnx_options const& options) {
  if (!options.outputs.empty()) {
    if (options.outputs.size() != text.outputs.size())
      throw export_error(errc::export_options_conflict, "expected " + std::to_string(text.outputs.size()) +
                                                            " names of outputs, got " +
                                                            std::to_string(options.outputs.size()));
    refuse_same_names(options.outputs, "outputs");
    for (std::size_t i = 0; i < text.outputs.size(); ++i) {
      auto& name = text.outputs[i].name = options.outputs[i];
      if (std::any_of(text.inputs.begin(), text.inputs.end(), [&](auto const& input) { return input.name == name; }))
        throw export_error(errc::export_options_conflict, "expected a name that no input has, got '" + name + "'");
    }
  }
  if (text.outputs.empty()) throw export_error(errc::not_exportable, "expected a model that returns tensors, got none");
  std::set<std::string> taken;
  for (auto const& each : text.inputs) taken.insert(each.name);
  for (auto& each : text.outputs)
    while (!taken.insert(each.name).second) each.name += "_out";
}

/// Names that a user gives to sizes of outputs, as PyTorch's exporter takes them too.
/// @throws export_error 904
inline void name_output_sizes(onnx_model_text& text, export_onnx_options const& options,
                              std::vector<open_size> const& open_inputs, std::vector<std::string>& notes) {
  if (!options.dynamic_axes.are_given()) return;
  for (auto const& [name, axes] : options.dynamic_axes.given()) {
    auto const is_named = [&, &wanted = name](auto const& each) { return each.name == wanted; };
    if (std::any_of(text.inputs.begin(), text.inputs.end(), is_named)) continue;
    auto const found = std::find_if(text.outputs.begin(), text.outputs.end(), is_named);
    if (found == text.outputs.end()) {
      std::vector<std::string> known;
      for (auto const* ports : {&text.inputs, &text.outputs})
        for (auto const& each : *ports) known.push_back(each.name);
      throw export_error(errc::export_options_conflict,
                         "expected the name of an input or output in .dynamic_axes, got '" + name + "'",
                         did_you_mean(name, known));
    }
    auto const rank = static_cast<std::int64_t>(found->sizes.size());
    for (auto const& [axis, open] : axes) {
      auto const from_front = axis < 0 ? axis + rank : axis;
      if (from_front < 0 || from_front >= rank)
        throw export_error(errc::export_options_conflict, "expected an axis of '" + name + "' below " +
                                                              std::to_string(rank) + ", got " + std::to_string(axis));
      auto& size = found->sizes[static_cast<std::size_t>(from_front)].second;
      bool const is_of_inputs = std::any_of(open_inputs.begin(), open_inputs.end(),
                                            [&, &wanted = open](auto const& each) { return each.name == wanted; });
      if (size == open) continue;
      auto const place = "axis " + std::to_string(axis) + " of '" + name + "'";
      if (size.empty())
        notes.push_back(place + " has a fixed size: it is not '" + open + "'");
      else if (is_of_inputs)
        throw export_error(errc::export_options_conflict,
                           "expected another name than '" + open + "', a size of the inputs, for " + place);
      else
        size = open;
    }
  }
}

}  // namespace torchdeploy::inline v0::detail

#endif
