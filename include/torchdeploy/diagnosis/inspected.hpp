#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/report.hpp>
#include <torchdeploy/detail/libtorch/layers.hpp>
#include <torchdeploy/detail/libtorch/model_graph.hpp>

/// What the checks of `diagnose` look at, and what they ask of it.
namespace torchdeploy::inline v0::detail {

/// A model and one of its methods, as it will run.
struct inspected {
  jit::Module const& module;
  std::string method;
  std::shared_ptr<jit::Graph> graph;  ///< settled
};

inline inspected inspect(jit::Module const& module, std::string const& method = "forward") {
  return {module, method, settled_graph(module, method)};
}

inline bool is_aten(jit::Node const* node) { return std::string_view(node->kind().ns().toUnqualString()) == "aten"; }

/// The line of Python that a node comes from.
struct origin {
  bool traced{};       ///< a trace records its call stack, a script the text of its source
  std::string line{};  ///< "net.py:20", the innermost that is not torch's own; may be empty
};

/// "net.py:20" of "/home/ann/net.py(20): forward"; nothing for other text.
inline std::optional<std::string> stack_line(std::string_view text) {
  auto const end = text.find("): ");
  if (end == text.npos) return std::nullopt;
  auto const begin = text.substr(0, end).rfind('(');
  if (begin == text.npos || begin + 1 == end) return std::nullopt;
  auto const number = text.substr(begin + 1, end - begin - 1);
  if (number.find_first_not_of("0123456789") != number.npos) return std::nullopt;
  auto const file = text.substr(0, begin);
  return std::string(file.substr(file.rfind('/') + 1)) + ":" + std::string(number);
}

/// `torch.jit.save` writes beside the code where each operator comes from. Of a script that is a range inside the source
/// of a function; of a trace it is a whole call stack, since a trace has no source. Nothing where those records are
/// missing.
inline std::optional<origin> origin_of(jit::Node const* node) {
  auto range = node->sourceRange();
  if (!range.source()) return std::nullopt;
  if (auto written = range.source()->findSourceRangeThatGenerated(range)) range = *written;
  auto const place = range.file_line_col();
  if (!place) return origin{false, ""};  // source that was given as a string
  if (range.start() == 0) {
    std::string const stack = range.source()->text_str().str();
    if (stack_line(std::string_view(stack).substr(0, stack.find('\n')))) {
      for (std::string_view rest = stack; !rest.empty();) {
        auto const line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        auto own = stack_line(line);
        if (own && line.find("/torch/") == line.npos) return origin{true, std::move(*own)};
      }
      return origin{true, ""};
    }
  }
  auto const& file = std::get<0>(*place);
  if (file.starts_with("code/__torch__")) return std::nullopt;  // the serialized code itself: nothing is recorded
  if (file.find("/torch/") != file.npos || file.starts_with('<')) return origin{false, ""};  // "<string>"
  return origin{false, file.substr(file.rfind('/') + 1) + ":" + std::to_string(std::get<1>(*place))};
}

inline bool is_traced(jit::Node const* node) {
  auto const from = origin_of(node);
  return from && from->traced;
}

/// Was any of it traced? (A script may call traced modules, and a trace scripted ones.) Where no origin is recorded: only
/// a trace turns a size into a tensor and back, and only scripted layers keep their settings (`in_features`) as constants
/// of their class, or branch.
inline bool is_traced(inspected const& in) {
  bool recorded = false, traced = false, sized = false, scripted = false;
  for_each_node(*in.graph, [&](jit::Node* node) {
    if (traced) return;
    if (is_aten(node)) {
      auto const from = origin_of(node);
      recorded = recorded || from;
      traced = from && from->traced;
    }
    scripted = scripted || node->kind() == c10::prim::If || node->kind() == c10::prim::Loop;
    if (node->kind() == c10::prim::GetAttr)
      if (auto const* const type = node->output()->type()->castRaw<c10::ClassType>())
        scripted = scripted || type->numConstants() > 0;
    sized = sized || (node->kind() == c10::prim::NumToTensor && is_operator(node->input(0)->node(), "aten::size"));
  });
  if (recorded || traced || sized) return traced || sized;
  return !scripted;
}

/// "layer1.conv2d (net.py:20)"
inline std::string where(jit::Node* node) {
  auto place = place_of(node);
  if (auto const from = origin_of(node); from && !from->line.empty()) place += " (" + from->line + ")";
  return place;
}

/// The constant given for a named argument of an operator.
inline std::optional<c10::IValue> constant_argument(jit::Node const* node, std::string_view name) {
  auto const* const schema = node->maybeSchema();
  if (!schema) return std::nullopt;
  auto const index = schema->argumentIndexWithName(std::string(name));
  if (!index || static_cast<std::size_t>(*index) >= node->inputs().size()) return std::nullopt;
  return jit::toIValue(node->input(static_cast<std::size_t>(*index)));
}

/// One tensor that a model carries: an attribute, or a constant of a graph (then of a frozen model).
struct carried {
  std::string name;
  at::Tensor tensor;
};

inline std::vector<carried> carried_tensors(jit::Module const& module, std::vector<inspected> const& methods) {
  std::vector<carried> all;
  for (auto const& each : module.named_attributes(true))
    if (each.value.isTensor() && each.value.toTensor().defined()) all.push_back({each.name, each.value.toTensor()});
  for (auto const& method : methods)
    for_each_node(*method.graph, [&](jit::Node* node) {
      if (node->kind() != c10::prim::Constant || !node->hasAttribute(c10::attr::value)) return;
      if (node->kindOf(c10::attr::value) != jit::AttributeKind::t || !node->hasUses()) return;
      all.push_back({"a constant of " + where(node->output()->uses().front().user), node->t(c10::attr::value)});
    });
  return all;
}

/// "conv1.weight and 3 more"
inline std::string first_of(std::vector<std::string> const& names) {
  return names.front() + (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : "");
}

}  // namespace torchdeploy::inline v0::detail
