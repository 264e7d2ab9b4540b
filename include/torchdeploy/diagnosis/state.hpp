#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/diagnosis/inspected.hpp>

namespace torchdeploy::inline v0::detail {

inline bool writes(c10::FunctionSchema const& schema, std::size_t argument) {
  auto const* const alias = schema.arguments()[argument].alias_info();
  return alias && alias->isWrite();
}

/// What of the model itself a value may be, or be a view of: through branches, loops, lists, dicts and tuples. LibTorch's AliasDb
/// knows less: to it all arguments, attributes and elements of lists may be one tensor.
class attributes_behind {
 public:
  explicit attributes_behind(jit::Graph& graph) : graph_(graph) {}

  /// By name, each once. `value` is written to, so that of what holds others only those of its own kind count.
  [[nodiscard]] std::vector<std::string> operator()(jit::Value* value) {
    sought_ = value->type()->kind();
    seen_.clear();
    found_.clear();
    follow(value);
    return std::move(found_);
  }

 private:
  /// May a value of this type be what is sought, or hold it?
  [[nodiscard]] bool may_hold(c10::TypePtr const& type) const {
    auto const kind = type->kind();
    if (kind == sought_ || kind == c10::TypeKind::ClassType || kind == c10::TypeKind::AnyType ||
        kind == c10::TypeKind::VarType)
      return true;
    auto const inner = type->containedTypes();
    return std::any_of(inner.begin(), inner.end(), [&](auto const& each) { return may_hold(each); });
  }

  void follow(jit::Value* value) {
    if (!may_hold(value->type()) || !seen_.insert(value).second) return;
    if (auto const path = path_of(value)) {
      found_.push_back(joined(*path));
      return;
    }
    auto* const node = value->node();
    auto const at = value->offset();
    auto const kind = node->kind();
    if (kind == c10::prim::Constant) {
      found_.push_back("a constant of " + where(value->uses().front().user));
    } else if (kind == c10::prim::Param) {
      auto* const around = node->owningBlock()->owningNode();
      if (!around || around->kind() != c10::prim::Loop || at == 0) return;  // an argument, or a count
      follow(around->input(at + 1));
      follow(around->blocks()[0]->outputs()[at]);
    } else if (kind == c10::prim::Loop) {
      follow(node->input(at + 2));
      follow(node->blocks()[0]->outputs()[at + 1]);
    } else if (kind == c10::prim::If) {
      for (auto* const each : node->blocks()) follow(each->outputs()[at]);
    } else if (hands_on(node, at)) {
      for (auto* const each : node->inputs()) follow(each);
    }
    if (value->type()->kind() != c10::TypeKind::TensorType) follow_stored(value->type());
  }

  /// May a result be, or hold, one of the inputs?
  [[nodiscard]] static bool hands_on(jit::Node* node, std::size_t result) {
    if (node->kind() == c10::prim::CallMethod || node->kind() == c10::prim::CallFunction) return false;
    auto const* const schema = node->maybeSchema();
    if (!schema) return true;  // makes or takes apart a list, dict or tuple, or reads an attribute of an object
    if (result >= schema->returns().size()) return schema->is_varret();
    // a view: `select(Tensor(a) self, ...) -> Tensor(a)`; in place: `add_(Tensor(a!) self, ...) -> Tensor(a!)`; an element:
    // `__getitem__.Dict_str(Dict(str, t) self, str key) -> t(*)`
    // or what a tuple holds: `TupleIndex(Any tup, int i) -> Any`
    auto const& returned = schema->returns()[result];
    return returned.alias_info() || returned.type()->hasFreeVariables() ||
           returned.type()->kind() == c10::TypeKind::AnyType;
  }

  /// What is put into lists, dicts and objects of a type, whichever they are.
  void follow_stored(c10::TypePtr const& type) {
    if (type->kind() != c10::TypeKind::ListType && type->kind() != c10::TypeKind::DictType &&
        type->kind() != c10::TypeKind::ClassType)
      return;
    for_each_node(graph_, [&](jit::Node* node) {
      auto const* const schema = node->maybeSchema();
      bool const stores =
          node->kind() == c10::prim::SetAttr || (schema && !schema->arguments().empty() && writes(*schema, 0));
      if (!stores || *node->input(0)->type() != *type) return;
      for (auto* const each : node->inputs().slice(1)) follow(each);
    });
  }

  jit::Graph& graph_;
  c10::TypeKind sought_{};
  std::set<jit::Value*> seen_;
  std::vector<std::string> found_;
};

/// What a method writes into the model itself: attributes set anew, and tensors or lists changed in place.
inline std::vector<std::string> written_state(jit::Graph& graph) {
  std::vector<std::string> written;
  attributes_behind behind(graph);
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
        for (auto& each : behind(node->input(i))) add(std::move(each));
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
