#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>
#include <torchdeploy/detail/libtorch/packed_params.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>

/// The inverse of lowering, operator by operator: LibTorch's int8 operators with packed weights, as a saved int8 model
/// has them, written again with float operators.
namespace torchdeploy::inline v0::detail {

/// What the integers of an int8 tensor stand for: (integer - zero_point) * scale.
struct grid {
  double scale{};
  std::int64_t zero_point{};
  at::ScalarType dtype = at::kQUInt8;

  [[nodiscard]] std::int64_t least() const { return dtype == at::kQUInt8 ? 0 : -128; }
  [[nodiscard]] std::int64_t most() const { return dtype == at::kQUInt8 ? 255 : 127; }
  bool operator==(grid const&) const = default;
};

[[noreturn]] inline void refuse_int8(jit::Node* node, std::string const& why) {
  throw backend_error(errc::conversion_failed, "int8 operator " + std::string(node->kind().toQualString()) + " at '" +
                                                   place_of(node) + "' can't leave LibTorch: " + why);
}

/// A number, or a tensor of one, as traces have them.
inline std::optional<double> constant_number(jit::Value const* value) {
  for (auto const* implicit : {"aten::FloatImplicit", "aten::IntImplicit"})
    if (is_operator(value->node(), implicit)) value = value->node()->input(0);
  auto const constant = jit::toIValue(value);
  if (constant && constant->isScalar()) return constant->toScalar().to<double>();
  if (!constant || !constant->isTensor() || constant->toTensor().numel() != 1) return std::nullopt;
  return constant->toTensor().item<double>();
}

/// The grid that a quantize_per_tensor is told; nothing where it is found at run time.
inline std::optional<grid> stated_grid(jit::Node* node) {
  auto const scale = constant_number(node->input(1)), zero_point = constant_number(node->input(2)),
             dtype = constant_number(node->input(3));
  if (!scale || !zero_point || !dtype) return std::nullopt;
  return grid{*scale, static_cast<std::int64_t>(*zero_point), static_cast<at::ScalarType>(*dtype)};
}

/// The grid of int8 + scalar and int8 * scalar, which LibTorch moves instead of rounding to another, and the scalar as
/// it then is: qadd.cpp and qmul.cpp in aten/src/ATen/native/quantized/cpu.
inline grid grid_with_scalar(grid from, bool adds, double& scalar) {
  if (!adds) {
    if (scalar < 0) from.zero_point = from.most() - (from.zero_point - from.least());
    from.scale = scalar == 0 ? 1.0 : from.scale * std::abs(scalar);
    return from;
  }
  auto const steps = static_cast<std::int64_t>(std::nearbyint(scalar / from.scale));
  auto const span = static_cast<double>(from.most() - from.least());
  auto const shifted = from.zero_point - steps;
  scalar = static_cast<double>(steps) * from.scale;
  from.zero_point = std::clamp(shifted, from.least(), from.most());
  if (shifted < from.least()) from.scale *= static_cast<double>(from.most() - shifted) / span;
  if (shifted > from.most()) from.scale *= static_cast<double>(shifted - from.least()) / span;
  return from;
}

/// A float operator that does what a packed one does, and the grid that its result is then rounded to; none: it stays
/// float.
struct unpacked {
  jit::Value* result{};
  std::optional<grid> rounded_to{};
};

/// Writes the float form of `quantized::...` operators, before the node. `plain` gives an int8 value in float.
template <class Plain>
class unpacker {
  using values = std::vector<jit::NamedValue>;

 public:
  unpacker(jit::Graph& graph, jit::Module const& module, Plain plain)
      : graph_(graph), module_(module), plain_(std::move(plain)) {}

  /// @throws backend_error 608, for an operator without a float form
  unpacked operator()(jit::Node* node, std::optional<grid> const& input) const {
    std::string name = node->kind().toUnqualString();
    auto const drop = [&](std::string_view suffix) {
      bool const has = name.size() > suffix.size() && name.ends_with(suffix);
      if (has) name.resize(name.size() - suffix.size());
      return has;
    };
    bool const dynamic = drop("_dynamic");
    bool const leaky = name == "linear_leaky_relu";
    bool const relu = !leaky && name != "leaky_relu" && drop("_relu");
    bool const tanh = name == "linear_tanh";
    if (auto const scalar = operand(node)) return with_scalar(node, name, *scalar, relu, input);

    auto made = [&]() -> unpacked {
      if (name.starts_with("conv")) return {convolution(node, name), output_grid(node, dynamic)};
      if (leaky || tanh || name == "linear") return {linear(node), output_grid(node, dynamic)};
      if (name == "dropout") return {plain_(node->input(0)), output_grid(node)};
      if (name.starts_with("batch_norm"))
        return {aten("batch_norm", {plain_(node->input(0)), node->input(1), node->input(2), node->input(3),
                                    node->input(4), false, 0.0, node->input(5), false}),
                output_grid(node)};
      if (name == "instance_norm")
        return {aten("instance_norm", {plain_(node->input(0)), node->input(1), node->input(2), c10::IValue(),
                                       c10::IValue(), true, 0.0, node->input(3), false}),
                output_grid(node)};
      return same_name(node, name, input);
    }();
    if (relu) made.result = aten("relu", {made.result});
    if (leaky) made.result = aten("leaky_relu", {made.result, node->inputs().back()});
    if (tanh) made.result = aten("tanh", {made.result});
    return made;
  }

 private:
  jit::Value* aten(std::string const& name, values arguments) const {
    return graph_.insert(c10::Symbol::fromQualString("aten::" + name), arguments);
  }

  /// Where the arguments name the grid of the result: the place of its scale.
  static std::optional<std::size_t> scale_argument(jit::Node* node) {
    auto const& arguments = node->schema().arguments();
    for (std::size_t i = 1; i < arguments.size(); ++i)
      if (arguments[i].name().find("zero_point") != std::string::npos) return i - 1;
    return std::nullopt;
  }

  static std::optional<grid> output_grid(jit::Node* node, bool dynamic = false) {
    auto const at = scale_argument(node);
    if (!at) {
      if (dynamic) return std::nullopt;
      refuse_int8(node, "it names no scale");
    }
    auto const scale = constant_number(node->input(*at)), zero_point = constant_number(node->input(*at + 1));
    if (!scale || !zero_point) refuse_int8(node, "its scale is computed at run time");
    return grid{*scale, static_cast<std::int64_t>(*zero_point)};
  }

  /// The scalar of `add_scalar`, `mul.Scalar`, ..., whose result has a grid of its own.
  static std::optional<double> operand(jit::Node* node) {
    std::string_view const name = node->kind().toUnqualString();
    if (!name.starts_with("add") && !name.starts_with("mul")) return std::nullopt;
    if (scale_argument(node)) return std::nullopt;
    auto const& arguments = node->schema().arguments();
    for (std::size_t i = 0; i < arguments.size() && i < 2; ++i) {
      if (arguments[i].name() != "b") continue;
      auto const value = constant_number(node->input(i));
      if (!value) refuse_int8(node, "its scalar is computed at run time");
      return value;
    }
    refuse_int8(node, "it writes into another tensor");
  }

  unpacked with_scalar(jit::Node* node, std::string const& name, double scalar, bool relu,
                       std::optional<grid> const& input) const {
    if (!input) refuse_int8(node, "the scale of its input is not known");
    bool const adds = name.starts_with("add");
    bool const tensor_first = node->schema().arguments()[0].name() != "b";
    auto* const value = plain_(node->input(tensor_first ? 0 : 1));
    auto const to = grid_with_scalar(*input, adds, scalar);
    auto* const result = adds ? aten("add", {value, scalar, 1}) : aten("mul", {value, scalar});
    return {relu ? aten("relu", {result}) : result, to};
  }

  /// The packed weights, an attribute of the module or a constant of the graph.
  template <class Params>
  c10::intrusive_ptr<Params> packed(jit::Node* node, jit::Value* value) const {
    auto const path = path_of(value);
    auto const stored = path ? std::optional(attribute_at(module_, *path)) : jit::toIValue(value);
    if (!stored || !stored->isCustomClass()) refuse_int8(node, "its weights are computed at run time");
    return stored->template toCustomClass<Params>();
  }

  jit::Value* constant(c10::IValue const& value) const { return graph_.insertConstant(value); }
  jit::Value* weight(at::Tensor const& weight) const {
    return weight.is_quantized() ? aten("dequantize", {constant(weight)}) : constant(weight.to(at::kFloat));
  }
  jit::Value* bias(std::optional<at::Tensor> const& bias) const {
    return bias ? constant(bias->is_quantized() ? bias->dequantize() : bias->detach()) : constant({});
  }

  jit::Value* linear(jit::Node* node) const {
    auto const [weights, offset] = packed<LinearPackedParamsBase>(node, node->input(1))->unpack();
    return aten("linear", {plain_(node->input(0)), weight(weights), bias(offset)});
  }

  jit::Value* convolution(jit::Node* node, std::string const& name) const {
    if (name.ends_with("_add")) refuse_int8(node, "it adds to another tensor");
    if (name.ends_with("3d")) return convolution<3>(node, name);
    return convolution<2>(node, name);
  }
  template <int Dimensions>
  jit::Value* convolution(jit::Node* node, std::string const& name) const {
    auto const parameters = packed<ConvPackedParamsBase<Dimensions>>(node, node->input(1));
    auto [weights, offset] = parameters->unpack();
    std::size_t const dimensions = name.ends_with("1d") ? 1 : Dimensions;
    if (dimensions == 1 && weights.dim() == 4) weights = weights.squeeze(2);  // packed as one row of two dimensions
    auto const last = [&](torch::List<std::int64_t> const& all) {
      auto const sizes = all.vec();
      return std::vector<std::int64_t>(sizes.end() - static_cast<std::ptrdiff_t>(std::min(dimensions, sizes.size())),
                                       sizes.end());
    };
    values arguments{plain_(node->input(0)), weight(weights), bias(offset), last(parameters->stride()),
                     last(parameters->padding())};
    if (!parameters->transpose()) {
      arguments.insert(arguments.end(), {last(parameters->dilation()), parameters->groups()});
      return aten("conv" + std::to_string(dimensions) + "d", arguments);
    }
    arguments.insert(arguments.end(),
                     {last(parameters->output_padding()), parameters->groups(), last(parameters->dilation())});
    return aten("conv_transpose" + std::to_string(dimensions) + "d", arguments);
  }

  /// Operators whose float form has the same name and, but for the grid, the same arguments.
  unpacked same_name(jit::Node* node, std::string const& name, std::optional<grid> const& input) const {
    static constexpr std::array known = {
        "add",        "mul",        "matmul",     "cat",        "celu",  "clamp", "elu",     "hardswish", "layer_norm",
        "group_norm", "leaky_relu", "max_pool1d", "max_pool2d", "prelu", "relu6", "sigmoid", "softmax",   "threshold"};
    if (std::find(known.begin(), known.end(), name) == known.end()) refuse_int8(node, "it has no float form here");
    auto const scale = scale_argument(node);
    values arguments;
    for (std::size_t i = 0; i < node->inputs().size(); ++i) {
      bool const of_the_grid = scale && (i == *scale || i == *scale + 1);
      if (of_the_grid || node->schema().arguments()[i].name() == "inplace") continue;
      arguments.emplace_back(plain_(node->input(i)));
    }
    if (name == "softmax") arguments.emplace_back(c10::IValue());  // of any type
    auto const same_as_input = !scale || node->input(*scale)->mustBeNone();
    return {aten(name, arguments), same_as_input ? input : output_grid(node)};
  }

  jit::Graph& graph_;
  jit::Module const& module_;
  Plain plain_;
};

}  // namespace torchdeploy::inline v0::detail
