#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/method.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/compiler_lock.hpp>
#include <torchdeploy/detail/libtorch/dtype.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/rewriting.hpp>
#include <torchdeploy/diagnosis/state.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/openvino/containers.hpp>
#include <torchdeploy/openvino/definitions.hpp>
#include <torchdeploy/openvino/equivalents.hpp>
#include <torchdeploy/openvino/mutation.hpp>
#include <torchdeploy/openvino/quantized.hpp>
#include <torchdeploy/openvino/simplify.hpp>

/// A method's graph made fit for OpenVINO's front end.
namespace torchdeploy::inline v0::detail {

/// A graph without attributes, tuples and dicts: tensors go in and come out.
struct prepared_graph {
  std::shared_ptr<jit::Graph> graph;
  std::vector<std::string> inputs;   ///< the method's names of its arguments
  std::vector<std::string> outputs;  ///< "output", "output_0", "logits"
};

/// A constant can't ask for gradients, neither can the elements of one.
inline c10::IValue without_gradients(c10::IValue const& value) {
  if (value.isTensor()) return value.toTensor().defined() ? value.toTensor().detach() : value;
  if (!value.isTensorList()) return value;
  c10::List<at::Tensor> plain;
  for (at::Tensor const& each : value.toTensorVector()) plain.push_back(each.detach());
  return plain;
}

/// Attributes become constants, one for each, which share their tensors' memory and have their paths.
inline void freeze_attributes(jit::Graph& graph, jit::Module const& module) {
  std::vector<jit::Node*> read;
  for_each_node(graph, [&](jit::Node* node) {
    if (node->kind() == c10::prim::GetAttr) read.push_back(node);
  });
  std::map<attribute_path, jit::Value*> known;
  jit::WithInsertPoint const first(*graph.block()->nodes().begin());
  for (jit::Node* node : read) {
    auto const path = path_of(node->output());
    if (!path) continue;
    auto& constant = known[*path];
    if (!constant) {
      auto const value = attribute_at(module, *path);
      if (value.isObject()) continue;  // a module; what it holds is replaced
      constant = jit::tryInsertConstant(graph, without_gradients(value)).value_or(nullptr);
      if (!constant) continue;
      set_layer_path(constant->node(), joined(*path));
    }
    node->output()->replaceAllUsesWith(constant);
  }
  jit::EliminateDeadCode(graph.block());
}

/// The dtype that an argument must have: that of the weights it meets, before anything that could change it.
inline std::optional<at::ScalarType> proven_dtype(jit::Value* value) {
  static constexpr std::array moves = {"flatten", "view",    "reshape",    "permute",         "transpose",
                                       "squeeze", "dropout", "contiguous", "constant_pad_nd", "unsqueeze"};
  for (auto const& use : value->uses()) {
    auto const found = layer_at(use.user);
    if (found && found->constant && found->constant != value) {
      if (found->kind == "embedding" || found->kind == "embedding_bag") return at::kLong;
      auto const weight = jit::toIValue(found->constant);
      if (weight && weight->isTensor()) return weight->toTensor().scalar_type();
    }
    if (std::find(moves.begin(), moves.end(), operator_name(use.user)) != moves.end() && use.offset == 0)
      if (auto const dtype = proven_dtype(use.user->output())) return dtype;
  }
  return std::nullopt;
}

/// What the examples, or else the graph, tell of an argument that is a tensor.
inline c10::TypePtr argument_type(jit::Value* input, std::string const& name, std::size_t index,
                                  std::span<example const> examples) {
  std::optional<at::ScalarType> dtype;
  std::optional<std::size_t> rank;
  bool first = true;
  for (auto const& each : examples) {
    if (index >= each.size() || !each[index].isTensor() || !each[index].toTensor().defined()) continue;
    auto const& tensor = each[index].toTensor();
    auto const dim = static_cast<std::size_t>(tensor.dim());
    if (!first && dtype != tensor.scalar_type())
      throw backend_error(errc::conversion_failed,
                          "expected examples of one dtype for '" + name + "', got " + dtype_name(*dtype) + " and " +
                              dtype_name(tensor.scalar_type()),
                          "OpenVINO compiles a model for one dtype");
    rank = first || rank == dim ? std::optional(dim) : std::nullopt;
    dtype = tensor.scalar_type();
    first = false;
  }
  if (auto const known = input->type()->cast<c10::TensorType>(); known && first) {
    dtype = known->scalarType();
    rank = known->dim();
    if (!dtype) dtype = proven_dtype(input);
  }
  return c10::TensorType::create(dtype, c10::Device(c10::kCPU), rank, std::nullopt);
}

/// What is no constant by now is an object of a C++ class, or a module that is not known before a call.
inline void refuse_attributes(jit::Graph& graph) {
  for (auto const& use : graph.inputs()[0]->uses()) {
    bool const read = use.user->kind() == c10::prim::GetAttr;
    auto const name = read ? use.user->s(c10::attr::name) : std::string("self");
    throw backend_error(errc::conversion_failed,
                        "expected attributes that are tensors or plain values, got '" + name + "' of type " +
                            (read ? use.user->output() : graph.inputs()[0])->type()->annotation_str());
  }
}

/// Arguments that are no tensors take their defaults; what has none is refused by its name.
inline std::vector<std::string> settle_arguments(jit::Graph& graph, c10::FunctionSchema const& schema,
                                                 std::span<example const> examples) {
  std::vector<std::string> names;
  auto const& arguments = schema.arguments();
  std::vector<std::size_t> settled_at;
  for (std::size_t i = 1; i < graph.inputs().size(); ++i) {
    auto* const input = graph.inputs()[i];
    auto const& argument = arguments.at(i);
    bool const given = std::any_of(examples.begin(), examples.end(), [&](example const& each) {
      return i - 1 < each.size() && each[i - 1].isTensor() && each[i - 1].toTensor().defined();
    });
    auto const* const optional = argument.type()->castRaw<c10::OptionalType>();
    bool const may_be_tensor = optional && optional->getElementType()->kind() == c10::TypeKind::TensorType;
    if (argument.type()->kind() == c10::TypeKind::TensorType || (may_be_tensor && given)) {
      input->setType(argument_type(input, argument.name(), i - 1, examples));
      names.push_back(argument.name());
      continue;
    }
    if (!argument.default_value() && !optional)
      throw backend_error(errc::conversion_failed,
                          "expected arguments that are tensors or have a default, got '" + argument.name() +
                              "' of type " + argument.type()->annotation_str(),
                          "give it a default, which OpenVINO then takes");
    jit::WithInsertPoint const first(graph.block()->nodes().front());
    input->replaceAllUsesWith(graph.insertConstant(argument.default_value().value_or(c10::IValue())));
    settled_at.push_back(i);
  }
  for (auto i = settled_at.rbegin(); i != settled_at.rend(); ++i) graph.eraseInput(*i);
  refuse_attributes(graph);
  graph.eraseInput(0);
  return names;
}

/// An error that depends on what is in a tensor is part of what a model does; OpenVINO would leave it out.
inline void refuse_raising(jit::Graph& graph) {
  for_each_node(graph, [](jit::Node* node) {
    if (is_operator(node, "prim::RaiseException"))
      throw backend_error(
          errc::conversion_failed,
          "expected a model that does not judge its data, got prim::RaiseException (" + where(node) + ")",
          "check the data before the model");
  });
}

/// What `prepare` does, under the lock of LibTorch's compiler.
inline prepared_graph prepare_alone(jit::Module const& module, std::string const& method,
                                    std::span<example const> examples) {
  auto graph = settled_graph(module, method);
  if (auto const written = written_state(*graph); !written.empty())
    throw backend_error(errc::conversion_failed,
                        "expected a model without state, got one that writes '" + written.front() + "'",
                        "run it on LibTorch, or take the state as an argument and return it");
  name_layers(*graph);
  freeze_attributes(*graph, module);
  jit::ConstantPropagation(graph);
  prepare_quantized(*graph, module);
  auto inputs = settle_arguments(*graph, module.get_method(method).function().getSchema(), examples);
  define_operators(*graph, in_place_operators::left);
  own_arguments(*graph);
  refuse_written_constants(graph);
  mark_promotions(*graph);
  simplify(graph);
  keep_dtypes(*graph);
  if (define_operators(*graph, in_place_operators::as_copies)) simplify(graph);
  rewrite(*graph);
  refuse_raising(*graph);
  refuse_shared_writes(graph);
  unfold_constants(*graph);
  jit::LowerSimpleTuples(graph);
  auto outputs = flatten_outputs(*graph);
  return {std::move(graph), std::move(inputs), std::move(outputs)};
}

/// The graph of `method`, inlined, its attributes constants, its arguments and results tensors.
/// @throws backend_error (601 no such method, 608 what OpenVINO can't be told)
inline prepared_graph prepare(jit::Module const& module, std::string const& method, std::span<example const> examples) {
  compiler_lock const alone;
  if (!module.find_method(method)) {
    std::vector<std::string> known;
    for (auto const& each : module.get_methods()) known.push_back(each.name());
    refuse_method(method, known);
  }
  return translated<backend_error>(errc::conversion_failed, "LibTorch can't write this model's graph anew", {},
                                   [&] { return prepare_alone(module, method, examples); });
}

}  // namespace torchdeploy::inline v0::detail
