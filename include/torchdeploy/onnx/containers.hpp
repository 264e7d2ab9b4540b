#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/onnx/call.hpp>
#include <torchdeploy/onnx/running.hpp>
#include <torchdeploy/onnx/symbolic.hpp>

/// Lists, tuples and dicts, of which ONNX knows nothing: what their elements are stays known, and so they need not be written.
namespace torchdeploy::inline v0::detail {

inline std::int64_t constant_integer(jit::Node* node, symbol const& value) {
  if (dependence_of(value) != dependence::none) refuse_call(node, "expected a count that depends on no input");
  return value->seen[0].toInt();
}

inline bool constant_flag(jit::Node* node, symbol const& value) {
  if (dependence_of(value) != dependence::none) refuse_call(node, "expected a condition that depends on no input");
  return value->seen[0].toBool();
}

/// One operator on a container. What changes a list runs on the lists of both runs, and on what is known of its elements.
class container_operator {
 public:
  using evaluation = std::function<onnx_results_of_runs()>;

  container_operator(jit::Node* node, std::vector<symbol> const& inputs, evaluation evaluate)
      : node_(node),
        kind_(node->kind()),
        name_(kind_.toQualString()),
        inputs_(inputs),
        evaluate_(std::move(evaluate)) {}

  /// What its outputs are; nothing: it is no operator on a container, or its result is a constant like any other.
  std::optional<std::vector<symbol>> results() {
    if (kind_ == c10::prim::ListConstruct || kind_ == c10::prim::TupleConstruct || kind_ == c10::prim::DictConstruct)
      return {{constructed()}};
    if (inputs_.empty() || !is_container(inputs_[0]->seen[0])) return std::nullopt;
    if (kind_ == c10::prim::ListUnpack || kind_ == c10::prim::TupleUnpack) return unpacked();
    if (name_ == "aten::__getitem__" || kind_ == c10::prim::TupleIndex ||
        (name_ == "aten::get" && key() < elements().size()))
      return {{element(key())}};
    if (auto changed = changed_in_place()) return changed;
    return made_anew();
  }

 private:
  [[nodiscard]] std::vector<symbol>& elements() const { return elements_of(inputs_[0]); }

  std::vector<symbol> unpacked() const {
    if (elements().size() != node_->outputs().size())
      refuse_call(node_, "expected " + std::to_string(node_->outputs().size()) + " elements, got " +
                             std::to_string(elements().size()));
    return elements();
  }
  [[nodiscard]] symbol element(std::size_t place) const {
    if (place >= elements().size()) refuse_call(node_, "expected an element that is there");
    return elements()[place];
  }
  /// The place that an argument says, counted from the front.
  [[nodiscard]] std::size_t place(std::size_t argument) const {
    auto const at = constant_integer(node_, inputs_.at(argument));
    auto const size = static_cast<std::int64_t>(elements().size());
    return static_cast<std::size_t>(std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size));
  }
  /// The place of what is asked for in a list, or in the values of a dict; behind the last: it is not there.
  [[nodiscard]] std::size_t key() const {
    if (!inputs_[0]->seen[0].isGenericDict()) return place(1);
    if (dependence_of(inputs_[1]) != dependence::none) refuse_call(node_, "expected a key that depends on no input");
    std::size_t at = 0;
    for (auto const& item : inputs_[0]->seen[0].toGenericDict()) {
      if (same_value(item.key(), inputs_[1]->seen[0])) break;
      ++at;
    }
    return at;
  }

  std::optional<std::vector<symbol>> changed_in_place() {
    auto& all = elements();
    auto const from = [&](std::size_t at) { return all.begin() + static_cast<std::ptrdiff_t>(at); };
    if (name_ == "aten::append") {
      evaluate_();
      all.push_back(inputs_[1]);
    } else if (name_ == "aten::_set_item") {
      auto const at = key();
      evaluate_();
      if (at == all.size())
        all.push_back(inputs_[2]);
      else
        all[at] = inputs_[2];
    } else if (name_ == "aten::insert") {
      auto const at = place(1);
      evaluate_();
      all.insert(from(at), inputs_[2]);
    } else if (name_ == "aten::extend" || (name_ == "aten::add_" && is_container(inputs_[1]->seen[0]))) {
      auto const more = elements_of(inputs_[1]);
      evaluate_();
      all.insert(all.end(), more.begin(), more.end());
    } else if (name_ == "aten::pop" && inputs_[0]->seen[0].isList()) {
      auto const at = place(1);
      auto taken = element(at);
      evaluate_();
      all.erase(from(at));
      return {{std::move(taken)}};
    } else if (name_ == "aten::clear") {
      evaluate_();
      all.clear();
    } else if (name_ == "aten::reverse") {
      evaluate_();
      std::reverse(all.begin(), all.end());
    } else if ((name_ == "aten::Delete" || name_ == "aten::__delitem__") && key() < all.size()) {
      auto const at = key();
      evaluate_();
      all.erase(from(at));
    } else if (is_writing(node_)) {  // sort, remove, update...: of constants their new order can be read
      auto const is_constant = [](symbol const& each) { return dependence_of(each) == dependence::none; };
      if (!std::all_of(inputs_.begin(), inputs_.end(), is_constant))
        refuse_call(node_, "it changes a list or dict that holds what depends on the inputs");
      auto const made = evaluate_();
      inputs_[0]->elements.reset();
      inputs_[0]->depends_on = dependence::none;
      if (node_->outputs().empty()) return std::vector<symbol>();
      auto result = constant_symbol(made[0].at(0), made[1].at(0));
      if (is_container(result->seen[0]) && result->seen[0].is(inputs_[0]->seen[0])) return {{inputs_[0]}};
      return {{std::move(result)}};
    } else {
      return std::nullopt;
    }
    return std::vector<symbol>(node_->outputs().size(), inputs_[0]);
  }

  std::optional<std::vector<symbol>> made_anew() {
    auto const is_constant = [](symbol const& each) { return dependence_of(each) == dependence::none; };
    if (std::all_of(inputs_.begin(), inputs_.end(), is_constant)) return std::nullopt;
    auto const& all = elements();
    std::vector<symbol> parts;
    if (name_ == "aten::add" && inputs_.size() == 2 && is_container(inputs_[1]->seen[0])) {
      parts = all;
      auto const& more = elements_of(inputs_[1]);
      parts.insert(parts.end(), more.begin(), more.end());
    } else if (name_ == "aten::mul" && inputs_.size() == 2) {
      for (std::int64_t i = 0; i < constant_integer(node_, inputs_[1]); ++i)
        parts.insert(parts.end(), all.begin(), all.end());
    } else if (kind_ == c10::prim::TupleSlice) {
      parts.assign(all.begin() + node_->i(c10::attr::beg), all.begin() + node_->i(c10::attr::end));
    } else if (name_ == "aten::slice") {
      for (auto const each : sliced_places()) parts.push_back(all[each]);
    } else if (name_ == "aten::items" && inputs_[0]->seen[0].isGenericDict()) {
      return items();
    } else if (name_ == "aten::list" || name_ == "aten::copy" || name_ == "aten::values") {
      parts = all;
    } else {
      return std::nullopt;
    }
    return {{held(evaluate_(), std::move(parts))}};
  }

  /// The places that a slice takes, by the rules of Python.
  [[nodiscard]] std::vector<std::size_t> sliced_places() const {
    auto const size = static_cast<std::int64_t>(elements().size());
    auto const step = constant_integer(node_, inputs_[3]);
    if (step == 0) refuse_call(node_, "expected a step that is not 0");
    auto const lowest = step < 0 ? std::int64_t{-1} : 0, highest = step < 0 ? size - 1 : size;
    auto const bound = [&](std::size_t argument, std::int64_t otherwise) {
      if (inputs_[argument]->seen[0].isNone()) return otherwise;
      auto const at = constant_integer(node_, inputs_[argument]);
      return at < 0 ? std::max(at + size, lowest) : std::min(at, highest);
    };
    auto const begin = bound(1, step < 0 ? highest : lowest), end = bound(2, step < 0 ? lowest : highest);
    std::vector<std::size_t> places;
    for (auto i = begin; step < 0 ? i > end : i < end; i += step) places.push_back(static_cast<std::size_t>(i));
    return places;
  }
  /// Of a dict, its keys and values as tuples.
  [[nodiscard]] std::vector<symbol> items() {
    auto const made = evaluate_();
    std::vector<symbol> pairs;
    for (std::size_t i = 0; i < elements().size(); ++i) {
      std::array<c10::IValue, 2> const each{made[0].at(0).toList().get(i), made[1].at(0).toList().get(i)};
      auto pair = constant_symbol(each[0], each[1]);
      auto const key = each[0].toTupleRef().elements()[0];
      pair->elements = {constant_symbol(key, key), elements()[i]};
      pairs.push_back(std::move(pair));
    }
    return {held(made, std::move(pairs))};
  }

  symbol held(onnx_results_of_runs const& made, std::vector<symbol> parts) const {
    auto const& shown = made[0].at(0);
    bool const fits = shown.isList() ? shown.toListRef().size() == parts.size() : true;
    if (!fits) refuse_call(node_, "expected a list of " + std::to_string(parts.size()) + " elements");
    auto container = constant_symbol(made[0].at(0), made[1].at(0));
    container->elements = std::move(parts);
    return container;
  }

  [[nodiscard]] symbol constructed() const {
    onnx_results_of_runs made;
    for (std::size_t run = 0; run < made.size(); ++run) made[run].push_back(constructed(run));
    auto parts = inputs_;
    if (kind_ == c10::prim::DictConstruct) {
      parts.clear();
      for (std::size_t i = 1; i < inputs_.size(); i += 2) parts.push_back(inputs_[i]);
      if (made[0][0].toGenericDict().size() != parts.size()) refuse_call(node_, "expected a dict whose keys differ");
    }
    return held(made, std::move(parts));
  }
  [[nodiscard]] c10::IValue constructed(std::size_t run) const {
    auto const& type = node_->output()->type();
    if (kind_ == c10::prim::TupleConstruct) {
      std::vector<c10::IValue> parts;
      for (auto const& each : inputs_) parts.push_back(each->seen[run]);
      return c10::ivalue::Tuple::create(std::move(parts));
    }
    if (kind_ == c10::prim::ListConstruct) {
      c10::impl::GenericList list(type->expectRef<c10::ListType>().getElementType());
      for (auto const& each : inputs_) list.push_back(each->seen[run]);
      return list;
    }
    auto const& of = type->expectRef<c10::DictType>();
    c10::impl::GenericDict dict(of.getKeyType(), of.getValueType());
    for (std::size_t i = 0; i + 1 < inputs_.size(); i += 2)
      dict.insert(inputs_[i]->seen[run], inputs_[i + 1]->seen[run]);
    return dict;
  }

  jit::Node* node_;
  c10::Symbol kind_;
  std::string_view name_;
  std::vector<symbol> const& inputs_;
  evaluation evaluate_;
};

}  // namespace torchdeploy::inline v0::detail

#endif
