#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/diagnosis/inspected.hpp>

namespace torchdeploy::inline v0::detail {

inline bool writes(c10::FunctionSchema const& schema, std::size_t argument) {
  auto const* const alias = schema.arguments()[argument].alias_info();
  return alias && alias->isWrite();
}

/// The attribute that a value is, or is a view of, or is after it was written to.
inline std::optional<attribute_path> aliased_attribute(jit::Value const* value) {
  for (;;) {
    if (auto path = path_of(value)) return path;
    auto const* const node = value->node();
    auto const* const schema = node->maybeSchema();
    if (!schema || node->inputs().empty() || schema->arguments().empty() || schema->returns().empty())
      return std::nullopt;
    // a view: `select(Tensor(a) self, ...) -> Tensor(a)`; in place: `add_(Tensor(a!) self, ...) -> Tensor(a!)`
    if (!schema->arguments()[0].alias_info() || !schema->returns()[0].alias_info()) return std::nullopt;
    value = node->input(0);
  }
}

/// What a method writes into the model itself: attributes set anew, and tensors or lists changed in place.
inline std::vector<std::string> written_state(jit::Graph& graph) {
  std::vector<std::string> written;
  auto const add = [&](std::string name) {
    if (std::find(written.begin(), written.end(), name) == written.end()) written.push_back(std::move(name));
  };
  for_each_node(graph, [&](jit::Node* node) {
    if (node->kind() == c10::prim::SetAttr) {
      if (node->input(0)->node()->kind() == c10::prim::CreateObject) return;  // its own, as no_grad() makes one
      auto path = path_of(node->input(0)).value_or(attribute_path{});
      path.push_back(node->s(c10::attr::name));
      return add(joined(path));
    }
    auto const* const schema = node->maybeSchema();
    if (!schema) return;
    for (std::size_t i = 0; i < std::min(node->inputs().size(), schema->arguments().size()); ++i)
      if (writes(*schema, i))
        if (auto const path = aliased_attribute(node->input(i))) add(joined(*path));
  });
  return written;
}

inline void find_state(inspected const& in, std::vector<finding>& found) {
  if (auto const written = written_state(*in.graph); !written.empty())
    found.push_back({"mutable-state", severity::note, first_of(written),
                     in.method + " writes " + std::to_string(written.size()) +
                         " attribute(s) of the model: a call depends on those before it",
                     "a session for each stream and thread, of model.clone()"});
}

/// Does an operator draw random numbers in evaluation mode too?
inline bool draws_random_numbers(jit::Node const* node) {
  static constexpr std::array random = {
      "rand",      "randn",     "randint",     "rand_like",   "randn_like",
      "randperm",  "bernoulli", "normal",      "multinomial", "randint_like",
      "uniform",   "random",    "exponential", "poisson",     "fractional_max_pool2d",
      "geometric", "cauchy",    "log_normal",  "binomial",    "fractional_max_pool3d"};
  return is_aten(node) && std::find(random.begin(), random.end(), operator_name(node)) != random.end();
}

inline void find_random(inspected const& in, std::vector<finding>& found) {
  std::vector<jit::Node*> drawing;
  for_each_node(*in.graph, [&](jit::Node* node) {
    if (draws_random_numbers(node)) drawing.push_back(node);
  });
  if (!drawing.empty())
    found.push_back({"random-operator", severity::note, where(drawing.front()),
                     std::to_string(drawing.size()) + " operator(s) draw random numbers in evaluation mode",
                     "take the noise as an input, so that a call can be repeated"});
}

}  // namespace torchdeploy::inline v0::detail
