#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/results.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/openvino/mutation.hpp>

/// Lists, tuples and dicts, of which OpenVINO's front end knows little.
namespace torchdeploy::inline v0::detail {

/// A list whose elements are no numbers is made of them, and an Optional is what it holds: what the front end can read.
inline void unfold_constants(jit::Graph& graph) {
  std::vector<jit::Node*> constants;
  for_each_node(graph, [&](jit::Node* node) {
    if (node->kind() == c10::prim::Constant && node->hasUses()) constants.push_back(node);
  });
  auto const insert = [&](auto const& self, c10::IValue const& value) -> jit::Value* {
    bool const of_numbers = value.isIntList() || value.isDoubleList() || value.isBoolList();
    if ((!value.isList() || of_numbers) && !value.isTuple()) return graph.insertConstant(value);
    std::vector<jit::Value*> elements;
    if (value.isTuple()) {
      for (auto const& each : value.toTupleRef().elements()) elements.push_back(self(self, each));
      return graph.insertNode(graph.createTuple(elements))->output();
    }
    for (auto const& each : value.toListRef()) elements.push_back(self(self, each));
    auto const type = value.type()->expectRef<c10::ListType>().getElementType();
    return graph.insertNode(graph.createList(type, elements))->output();
  };
  for (jit::Node* node : constants) {
    auto const value = jit::toIValue(node->output());
    if (!value) continue;
    auto const kind = node->output()->type()->kind();
    bool const of_numbers = value->isIntList() || value->isDoubleList() || value->isBoolList();
    if (kind != c10::TypeKind::OptionalType && (!value->isList() || of_numbers) && !value->isTuple()) continue;
    jit::WithInsertPoint const before(node);
    auto* const unfolded = insert(insert, *value);
    node->output()->replaceAllUsesWith(unfolded);
  }
  jit::EliminateDeadCode(graph.block());
}

/// Keys and values alternate among the inputs of a dict.
inline std::vector<jit::Value*> every_second(std::vector<jit::Value*> const& items, std::size_t first) {
  std::vector<jit::Value*> picked;
  for (auto i = first; i < items.size(); i += 2) picked.push_back(items[i]);
  return picked;
}

/// `d = {}; d["logits"] = x` is `d = {"logits": x}`, as far as each key is set before anything reads the dict.
inline void fold_dict_writes(jit::Graph& graph) {
  std::vector<jit::Node*> dicts;
  for_each_node(graph, [&](jit::Node* node) {
    if (node->kind() == c10::prim::DictConstruct) dicts.push_back(node);
  });
  for (jit::Node* dict : dicts)
    while (dict->hasUses()) {
      auto const& uses = dict->output()->uses();
      auto* const first =
          std::min_element(uses.begin(), uses.end(), [](auto& a, auto& b) { return a.user->isBefore(b.user); })->user;
      bool const reads = is_operator(first, "aten::__getitem__"), sets = is_operator(first, "aten::_set_item");
      if ((!reads && !sets) || first->owningBlock() != dict->owningBlock() || first->input(0) != dict->output()) break;
      auto const key = jit::toIValue(first->input(1));
      if (!key) break;
      std::vector<jit::Value*> items(dict->inputs().begin(), dict->inputs().end());
      auto at = std::size_t{0};
      auto const known = [&] { return jit::toIValue(items[at]); };
      while (at < items.size() && known() && *known() != *key) at += 2;
      if (at < items.size() ? !known() : reads) break;
      if (reads) {
        first->output()->replaceAllUsesWith(items[at + 1]);
        first->destroy();
        continue;
      }
      if (at == items.size()) items.insert(items.end(), {first->input(1), first->input(2)});
      items[at + 1] = first->input(2);
      auto const& type = dict->output()->type()->expectRef<c10::DictType>();
      jit::WithInsertPoint const before(first);
      auto* const whole = graph.insertNode(
          graph.createDict(type.getKeyType(), type.getValueType(), every_second(items, 0), every_second(items, 1)));
      first->destroy();
      dict->output()->replaceAllUsesWith(whole->output());
      dict->destroy();
      dict = whole;
    }
}

/// Does a node write into this list or dict?
inline bool is_written(jit::Value* container) {
  return std::any_of(container->uses().begin(), container->uses().end(), [](jit::Use const& use) {
    auto const* const schema = use.user->maybeSchema();
    return schema && use.offset < schema->arguments().size() && writes(*schema, use.offset);
  });
}

/// Tuples, lists and dicts that a method returns become outputs of their own, named by their place or key.
inline std::vector<std::string> flatten_outputs(jit::Graph& graph) {
  std::vector<std::pair<std::string, jit::Value*>> leaves;
  auto const flatten = [&](auto const& self, jit::Value* value, std::string const& name) -> void {
    auto* const made = value->node();
    auto const kind = value->type()->kind();
    if (kind != c10::TypeKind::TensorType && is_written(value))
      throw backend_error(errc::conversion_failed,
                          "expected " + name + " to be made at once, got " + value->type()->annotation_str() +
                              " that is filled step by step",
                          "return a tuple, or stack the tensors");
    if (made->kind() == c10::prim::TupleConstruct || made->kind() == c10::prim::ListConstruct) {
      for (std::size_t i = 0; i < made->inputs().size(); ++i)
        self(self, made->input(i), name_below(name, static_cast<std::int64_t>(i)));
    } else if (made->kind() == c10::prim::DictConstruct) {
      for (std::size_t i = 0; i + 1 < made->inputs().size(); i += 2) {
        auto const key = jit::toIValue(made->input(i));
        if (!key || !(key->isString() || key->isInt()))
          throw backend_error(errc::conversion_failed, "expected constant keys in " + name + ", which is a dict");
        self(self, made->input(i + 1), name_below(name, *key));
      }
    } else if (kind == c10::TypeKind::NoneType) {
      return;
    } else if (kind == c10::TypeKind::TensorType || kind == c10::TypeKind::IntType ||
               kind == c10::TypeKind::FloatType || kind == c10::TypeKind::BoolType) {
      leaves.emplace_back(name, value);
    } else {
      throw backend_error(errc::conversion_failed, "expected outputs that are tensors, got " + name + " of type " +
                                                       value->type()->annotation_str());
    }
  };
  flatten(flatten, graph.outputs()[0], "output");
  graph.eraseOutput(0);
  std::vector<std::string> names;
  for (auto const& [name, value] : leaves) {
    graph.registerOutput(value);
    names.push_back(name);
  }
  jit::EliminateDeadCode(graph.block());
  return names;
}

}  // namespace torchdeploy::inline v0::detail
