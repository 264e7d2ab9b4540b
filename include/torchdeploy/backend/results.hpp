#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/core/error.hpp>

/// TorchScript gives a tree, other runtimes a list of tensors by name. The tree's leaves have the names, the same in every
/// runtime: "output", "output_1" of a tuple or list, the key of a dict.
namespace torchdeploy::inline v0::detail {

inline std::string name_below(std::string const& parent, c10::IValue const& key) {
  auto const text = key.isString() ? key.toStringRef() : std::to_string(key.toInt());
  return parent == "output" && key.isString() ? text : parent + "_" + text;
}

/// @throws backend_error 603: something in it is not a tensor
inline void flatten(c10::IValue const& value, std::vector<named_tensor>& into, std::string const& name = "output") {
  if (value.isTensor()) {
    into.push_back({name, value.toTensor()});
  } else if (value.isTuple() || value.isList()) {
    auto const each = [&](auto const& elements) {
      for (std::size_t i = 0; i < elements.size(); ++i)
        flatten(elements[i], into, name_below(name, static_cast<std::int64_t>(i)));
    };
    if (value.isTuple())
      each(value.toTupleRef().elements());
    else
      each(value.toListRef());
  } else if (value.isGenericDict()) {
    for (auto const& item : value.toGenericDict()) {
      if (!item.key().isString() && !item.key().isInt())
        throw backend_error(errc::not_one_tensor, "expected a dict by strings or ints, got " + item.key().tagKind());
      flatten(item.value(), into, name_below(name, item.key()));
    }
  } else {
    throw backend_error(errc::not_one_tensor, "expected tensors from the model, got " + value.tagKind() + " as " + name,
                        "session.run({args...}) gives whatever it is");
  }
}

/// What a type tells of the same leaves before a call: a list or a dict is one entry.
inline void describe_results(c10::Type const& type, std::vector<tensor_info>& into,
                             std::string const& name = "output") {
  if (type.kind() != c10::TypeKind::TupleType) {
    into.push_back({.name = name, .type = type.annotation_str()});
    return;
  }
  auto const elements = type.containedTypes();
  for (std::size_t i = 0; i < elements.size(); ++i)
    describe_results(*elements[i], into, name_below(name, static_cast<std::int64_t>(i)));
}

}  // namespace torchdeploy::inline v0::detail
