#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/results.hpp>
#include <torchdeploy/detail/libtorch/tensor_ops.hpp>
#include <torchdeploy/verification/outputs.hpp>

/// TorchScript answers with a tree, other runtimes with a list of tensors by name: the same leaves, by name or by order, are
/// the same structure.
namespace torchdeploy::inline v0::detail {

/// The names of an answer's tensors where it is a list; none where it is a tree.
struct answer_names {
  std::vector<std::string> got{}, expected{};
};

/// The leaves of an answer: tensors and numbers by name. False where there is another thing among them.
inline bool collect_leaves(c10::IValue const& value, std::vector<std::pair<std::string, c10::IValue>>& into,
                           std::string const& name = "output") {
  if (value.isNone()) return true;  // an Optional that is not there: a list leaves it out
  if (value.isTensor() || value.isInt() || value.isDouble() || value.isBool()) {
    into.emplace_back(name, value);
    return true;
  }
  if (is_sequence(value)) {
    auto const elements = elements_of(value);
    for (std::size_t i = 0; i < elements.size(); ++i)
      if (!collect_leaves(elements[i], into, name_below(name, static_cast<std::int64_t>(i)))) return false;
    return true;
  }
  if (!value.isGenericDict()) return false;
  for (auto const& item : value.toGenericDict())
    if ((!item.key().isString() && !item.key().isInt()) ||
        !collect_leaves(item.value(), into, name_below(name, item.key())))
      return false;
  return true;
}

/// A tree with other leaves, taken in order.
inline c10::IValue with_leaves(c10::IValue const& tree, std::vector<c10::IValue>::const_iterator& next) {
  if (tree.isNone()) return tree;
  if (is_sequence(tree)) {
    std::vector<c10::IValue> elements;
    for (auto const& each : elements_of(tree)) elements.push_back(with_leaves(each, next));
    return c10::ivalue::Tuple::create(std::move(elements));
  }
  if (tree.isGenericDict()) {
    auto const dict = tree.toGenericDict();
    c10::impl::GenericDict made(dict.keyType(), c10::AnyType::get());
    for (auto const& item : dict) made.insert(item.key(), with_leaves(item.value(), next));
    return made;
  }
  return *next++;
}

/// For each leaf of `tree`, which one of the `list` it is: by name where both have the same names, else by order.
inline std::optional<std::vector<std::size_t>> paired_leaves(std::vector<std::string> const& tree,
                                                             std::vector<std::string> const& list) {
  if (tree.size() != list.size()) return std::nullopt;
  std::vector<std::size_t> by_name, by_order;
  bool same_places = true;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    auto const at = static_cast<std::size_t>(std::find(list.begin(), list.end(), tree[i]) - list.begin());
    bool const again = std::find(by_name.begin(), by_name.end(), at) != by_name.end();
    if (at < list.size() && !again) by_name.push_back(at);
    same_places = same_places && (at == i || at == list.size());
    by_order.push_back(i);
  }
  if (by_name.size() == tree.size()) return by_name;
  // a name that both have, in another place, forbids to go by order
  return same_places ? std::optional(by_order) : std::nullopt;
}

/// Give an answer that is a list the structure of the other one. The text of what differs, or an empty one: then `walk` has
/// two trees.
inline std::string align(c10::IValue& got, c10::IValue& expected, answer_names const& names) {
  if (names.got.empty() && names.expected.empty()) return {};
  // where both are lists, the reference's is the tree
  bool const got_is_list = !names.got.empty();
  auto& tree = got_is_list ? expected : got;
  auto& list = got_is_list ? got : expected;
  auto const& list_names = got_is_list ? names.got : names.expected;
  auto const& tree_names = got_is_list ? names.expected : names.got;

  std::vector<std::pair<std::string, c10::IValue>> wanted, given;
  if (!collect_leaves(tree, wanted) || !collect_leaves(list, given) || given.size() != list_names.size())
    return "output: expected " + kind_text(expected) + ", got " + kind_text(got) + ", and only tensors have names";
  std::vector<std::string> wanted_names;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    wanted_names.push_back(tree_names.size() == wanted.size() ? tree_names[i] : wanted[i].first);
  auto const pairs = paired_leaves(wanted_names, list_names);
  if (!pairs) {
    auto const described = [](std::vector<std::string> const& all) {
      std::string text = std::to_string(all.size()) + (all.size() == 1 ? " tensor (" : " tensors (");
      for (std::size_t i = 0; i < all.size(); ++i) text += (i ? ", " : "") + all[i];
      return text + ")";
    };
    return "output: expected " + described(got_is_list ? wanted_names : list_names) + ", got " +
           described(got_is_list ? list_names : wanted_names);
  }
  std::vector<c10::IValue> ours, theirs;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto const& tensor = given[(*pairs)[i]].second;
    auto leaf = wanted[i].second;
    // a number is a tensor of one element in a list; its dtype is the runtime's choice
    if (!leaf.isTensor()) {
      auto const& one = tensor.toTensor();
      leaf = at::scalar_tensor(leaf.toScalar(), one.scalar_type());
      if (one.numel() == 1) leaf = leaf.toTensor().reshape(one.sizes());
    }
    theirs.push_back(std::move(leaf));
    ours.push_back(tensor);
  }
  auto const shape = tree;
  auto next = theirs.cbegin();
  tree = with_leaves(shape, next);
  next = ours.cbegin();
  list = with_leaves(shape, next);
  return {};
}

}  // namespace torchdeploy::inline v0::detail
