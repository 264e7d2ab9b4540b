#pragma once

#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <algorithm>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openvino/core/model.hpp>
#include <openvino/frontend/pytorch/frontend.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/util/framework_node.hpp>
#include <openvino/op/util/multi_subgraph_base.hpp>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/diagnosis/inspected.hpp>
#include <torchdeploy/openvino/decoder.hpp>
#include <torchdeploy/openvino/prepare.hpp>
#include <torchdeploy/openvino/rules.hpp>

/// TorchScript as an OpenVINO model, in memory. Opt-in: CMake's component OpenVino, or TORCHDEPLOY_WITH_OPENVINO.
namespace torchdeploy::inline v0::detail {

/// Inputs are the method's arguments, in order and by name, also those that nothing reads; outputs by their place.
inline void name_ports(ov::Model& model, prepared_graph const& prepared) {
  auto const parameters = model.get_parameters();
  std::vector<std::shared_ptr<ov::op::v0::Parameter>> ordered;
  for (std::size_t i = 0; i < prepared.inputs.size(); ++i) {
    auto* const input = prepared.graph->inputs()[i];
    auto const id = std::to_string(input->unique());
    auto const at = std::find_if(parameters.begin(), parameters.end(),
                                 [&](auto const& each) { return each->get_friendly_name() == id; });
    auto parameter = at != parameters.end() ? *at : nullptr;
    if (!parameter) {
      auto const dtype = input->type()->expectRef<c10::TensorType>().scalarType();
      parameter = std::make_shared<ov::op::v0::Parameter>(
          dtype ? element_type(*dtype) : ov::element::Type(ov::element::dynamic), shape_of(*input->type()));
    } else {
      model.remove_parameter(parameter);
    }
    parameter->set_friendly_name(prepared.inputs[i]);
    parameter->output(0).set_names({prepared.inputs[i]});
    ordered.push_back(std::move(parameter));
  }
  model.add_parameters(ordered);
  ov::OutputVector sources;
  for (std::size_t i = 0; i < prepared.outputs.size(); ++i) {
    auto const& result = model.get_results().at(i);
    auto const source = result->input_value(0);
    bool const taken = std::find(sources.begin(), sources.end(), source) != sources.end();
    if (taken || ov::as_type<ov::op::v0::Parameter>(source.get_node())) {
      // an argument that is returned as it is, or a tensor twice: one tensor would have both names
      result->input(0).replace_source_output(std::make_shared<ov::op::v0::Convert>(source, source.get_element_type()));
      result->validate_and_infer_types();
    }
    sources.push_back(source);
    result->set_friendly_name(prepared.outputs[i]);
    result->output(0).set_names({prepared.outputs[i]});
  }
}

/// The operators that the front end left as they are, bodies of branches and loops included: "encoder/aten::stft".
inline void collect_unconverted(ov::Model const& model, std::vector<std::string>& names) {
  for (auto const& node : model.get_ordered_ops()) {
    if (ov::as_type_ptr<ov::op::util::FrameworkNode>(node)) names.push_back(node->get_friendly_name());
    if (auto const inner = ov::as_type_ptr<ov::op::util::MultiSubGraphOp>(node))
      for (auto const& body : inner->get_functions()) collect_unconverted(*body, names);
  }
}

/// "aten::stft (encoder.stft, net.py:20)" for each kind of operator of the graph that has no rule.
inline std::string unconverted_text(ov::Model const& model, jit::Graph& graph) {
  std::vector<std::string> names;
  collect_unconverted(model, names);
  std::vector<std::string> kinds;
  std::string text, helpers;
  for_each_node(graph, [&](jit::Node* node) {
    std::string const kind = node->kind().toQualString();
    bool const left = std::any_of(names.begin(), names.end(), [&](std::string const& name) {
      auto const at = name.rfind(kind);
      return at != name.npos && (at == 0 || name[at - 1] == '/') &&
             name.find_first_not_of("_0123456789", at + kind.size()) == name.npos;
    });
    if (!left || std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return;
    kinds.push_back(kind);
    auto& to = kind.starts_with("prim::") ? helpers : text;  // constants and lists are left because their reader is
    auto place = layer_path(node);
    if (auto const from = origin_of(node); from && !from->line.empty())
      place += (place.empty() ? "" : ", ") + from->line;
    to += (to.empty() ? "" : ", ") + kind + (place.empty() ? "" : " (" + place + ")");
  });
  return text.empty() ? helpers : text;
}

/// OpenVINO's reports begin with where in its own source they come from; what they come to is said last.
inline std::string last_words(std::exception const& thrown) {
  std::string_view text = thrown.what();
  text = text.substr(0, text.find_last_not_of("\n ") + 1);
  return std::string(text.substr(text.rfind('\n') + 1));
}

/// Read a method of a module with OpenVINO's front end for PyTorch.
///
/// `module`: evaluating, frozen or not. Inputs have the dtype and rank that the examples have and sizes that stay open;
/// without examples what the graph tells. Constants share the module's memory. Several threads may convert at once.
/// @throws backend_error (601 no such method, 608 what has no rule, by name)
inline std::shared_ptr<ov::Model> to_openvino(jit::Module const& module, std::string const& method,
                                              std::span<example const> examples) {
  auto const prepared = prepare(module, method, examples);
  auto const graph = std::make_shared<decoded_graph const>(prepared.graph);
  std::shared_ptr<ov::frontend::IDecoder> const decoder =
      std::make_shared<graph_decoder>(graph, prepared.graph->block());
  ov::frontend::pytorch::FrontEnd front_end;
  add_rules(front_end);
  try {
    auto const model = front_end.convert(front_end.load(decoder));
    name_ports(*model, prepared);
    return model;
  } catch (std::exception const& thrown) {
    auto const unknown = translated<backend_error>(errc::conversion_failed, "OpenVINO can't read this model", {}, [&] {
      return unconverted_text(*front_end.convert_partially(front_end.load(decoder)), *prepared.graph);
    });
    std::throw_with_nested(backend_error(
        errc::conversion_failed, unknown.empty() ? "OpenVINO can't convert this model: " + last_words(thrown)
                                                 : "expected operators that OpenVINO converts, got " + unknown));
  }
}

}  // namespace torchdeploy::inline v0::detail
#endif
