#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/core/number_text.hpp>
#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/verification/close.hpp>

/// What a model returns is a tree: tuples, lists and dicts of tensors and plain values.
namespace torchdeploy::inline v0::detail {

inline std::string value_text(c10::IValue const& value, int digits = 6) {
  if (value.isNone()) return "None";
  if (value.isBool()) return value.toBool() ? "true" : "false";
  if (value.isInt()) return std::to_string(value.toInt());
  if (value.isDouble()) return number_text(value.toDouble(), digits);
  if (value.isString()) return "'" + value.toStringRef() + "'";
  if (value.isComplexDouble()) {
    auto const z = value.toComplexDouble();
    auto const imaginary = number_text(z.imag(), digits);
    return number_text(z.real(), digits) + (imaginary.starts_with('-') ? "" : "+") + imaginary + "j";
  }
  return value.tagKind();
}

/// "got 0.31, expected 0.92": with as many digits as it takes to tell the two apart.
inline std::string two_values_text(c10::IValue const& got, c10::IValue const& expected) {
  int digits = 6;
  for (int const more : {9, 17})
    if (value_text(got, digits) == value_text(expected, digits) && value_text(got, 17) != value_text(expected, 17))
      digits = more;
  return "got " + value_text(got, digits) + ", expected " + value_text(expected, digits);
}

inline bool is_sequence(c10::IValue const& value) { return value.isTuple() || value.isList(); }

inline std::vector<c10::IValue> elements_of(c10::IValue const& sequence) {
  if (sequence.isTuple()) {
    auto const& each = sequence.toTupleRef().elements();
    return std::vector<c10::IValue>(each.begin(), each.end());  // braces would make two bools of the pointers
  }
  return sequence.toListRef().vec();
}

/// What a value is, to be read: "float32 [2, 10]", "a tuple of 2", "a dict of 'features', 'logits'".
inline std::string kind_text(c10::IValue const& value) {
  if (value.isTensor()) return tensor_text(value.toTensor());
  if (is_sequence(value))
    return (value.isTuple() ? "a tuple of " : "a list of ") + std::to_string(elements_of(value).size());
  if (value.isGenericDict()) {
    std::string keys;
    for (auto const& item : value.toGenericDict()) keys += (keys.empty() ? "" : ", ") + value_text(item.key());
    return keys.empty() ? "an empty dict" : "a dict of " + keys;
  }
  if (value.isNone()) return "None";
  if (value.isObject() || value.isCapsule()) return "an object of type " + value.type()->str();
  return value.isDouble()   ? "a float"
         : value.isInt()    ? "an int"
         : value.isBool()   ? "a bool"
         : value.isString() ? "a string"
                            : value.tagKind();
}

/// The same place in two outputs: a tensor, or a plain value.
struct leaf {
  std::string name;  ///< "output", "output[1]", "output['logits']"
  c10::IValue got, expected;
};

/// Walk two outputs side by side. The text of the first difference in structure, or an empty one and all leaves.
/// Tuples and lists are both sequences, as in torch.testing; nothing else passes for something else.
inline std::string walk(c10::IValue const& got, c10::IValue const& expected, std::vector<leaf>& leaves,
                        std::string const& name = "output") {
  auto const differs = [&] { return name + ": expected " + kind_text(expected) + ", got " + kind_text(got); };
  if (got.isTensor() && expected.isTensor()) {
    if (auto const text = tensor_difference(got.toTensor(), expected.toTensor()); !text.empty())
      return name + ": " + text;
  } else if (is_sequence(got) && is_sequence(expected)) {
    auto const ours = elements_of(got), theirs = elements_of(expected);
    if (ours.size() != theirs.size()) return differs();
    for (std::size_t i = 0; i < ours.size(); ++i)
      if (auto text = walk(ours[i], theirs[i], leaves, name + "[" + std::to_string(i) + "]"); !text.empty())
        return text;
    return {};
  } else if (got.isGenericDict() && expected.isGenericDict()) {
    auto const ours = got.toGenericDict(), theirs = expected.toGenericDict();
    if (ours.size() != theirs.size()) return differs();
    for (auto const& item : theirs) {
      auto const at = ours.find(item.key());
      if (at == ours.end()) return differs();
      if (auto text = walk(at->value(), item.value(), leaves, name + "[" + value_text(item.key()) + "]"); !text.empty())
        return text;
    }
    return {};
  } else {
    auto const plain_value =
        got.isNone() || got.isBool() || got.isInt() || got.isDouble() || got.isString() || got.isComplexDouble();
    if (!plain_value || got.tagKind() != expected.tagKind()) return differs();
  }
  leaves.push_back({name, got, expected});
  return {};
}

/// Plain values must be equal; floats as float64 tensors are.
inline bool close_values(c10::IValue const& got, c10::IValue const& expected, tolerance const& within) {
  if (!got.isDouble() && !got.isComplexDouble()) return got == expected;
  return close(at::scalar_tensor(got.toScalar(), at::kComplexDouble),
               at::scalar_tensor(expected.toScalar(), at::kComplexDouble), within)
      .passed;
}

/// Bit for bit the same tree?
inline bool identical(c10::IValue const& a, c10::IValue const& b) {
  std::vector<leaf> leaves;
  if (!walk(a, b, leaves).empty()) return false;
  for (auto const& each : leaves) {
    if (!each.got.isTensor()) {
      if (!close_values(each.got, each.expected, {0, 0, true})) return false;
      continue;
    }
    auto const& one = each.got.toTensor();
    auto const& other = each.expected.toTensor();
    if (one.defined() && !one.is_same(other) && !close(one, other, tolerance{0, 0, true}).passed) return false;
  }
  return true;
}
inline bool identical(example const& a, example const& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!identical(a[i], b[i])) return false;
  return true;
}

}  // namespace torchdeploy::inline v0::detail
