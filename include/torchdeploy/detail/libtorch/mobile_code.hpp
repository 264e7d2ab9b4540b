#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/lstm_check.hpp>
#include <torchdeploy/detail/libtorch/mobile.hpp>

/// Reading a module of the lite interpreter: its methods, operators and weights.
namespace torchdeploy::inline v0::detail {

namespace mobile = torch::jit::mobile;

/// The methods of the module itself. LibTorch's own `find_method` compares last names only, and a file also holds methods
/// of submodules that were called through an interface: it may find *their* `forward`.
inline std::vector<mobile::Function*> methods_of(mobile::Module const& module) {
  std::vector<mobile::Function*> own;
  for (auto const& each : module.compilation_unit().methods())
    if (each->qualname().prefix() == module.name()) own.push_back(each.get());
  return own;
}

inline mobile::Function* find_method(mobile::Module const& module, std::string const& name) {
  for (auto* each : methods_of(module))
    if (each->name() == name) return each;
  return nullptr;
}

inline std::vector<std::string> method_names(mobile::Module const& module) {
  std::vector<std::string> names;
  for (auto const* each : methods_of(module)) names.push_back(each->name());
  return names;
}

/// "aten::add.Tensor", each once, in order.
inline std::vector<std::string> operators_of(mobile::Module const& module) {
  std::vector<std::string> all;
  for (auto const& each : module.compilation_unit().methods())
    for (auto const& operation : each->get_code().op_names_) {
      auto name = c10::toString(operation);
      auto const at = std::lower_bound(all.begin(), all.end(), name);
      if (at == all.end() || *at != name) all.insert(at, std::move(name));
    }
  return all;
}

/// Does one of its methods hold this operator ("aten::lstm"), whatever its overload?
inline bool has_operator(mobile::Module const& module, std::string_view qualified) {
  auto const all = operators_of(module);
  return std::any_of(all.begin(), all.end(),
                     [&](std::string_view each) { return each.substr(0, each.find('.')) == qualified; });
}

/// Visit every object below (and with) this one: the module and its submodules.
template <class Visit>
void for_each_object(c10::intrusive_ptr<c10::ivalue::Object> const& object, Visit const& visit) {
  visit(*object);
  for (auto const& slot : object->slots())
    if (slot.isObject()) for_each_object(slot.toObject(), visit);
}

/// Put the module and its submodules into evaluation mode; was one of them in train mode?
inline bool evaluate(mobile::Module& module) {
  bool trained = false;
  for_each_object(module._ivalue(), [&](c10::ivalue::Object& object) {
    auto const slot = object.type()->findAttributeSlot("training");
    if (!slot || !object.getSlot(*slot).isBool()) return;
    trained = trained || object.getSlot(*slot).toBool();
    object.setSlot(*slot, false);
  });
  return trained;
}

/// Does an operator write to a tensor that it is given (`add_`, `add.out`)?
inline bool writes_tensors(c10::OperatorName const& of) {
  static constexpr std::array in_place = {"aten::__iand__", "aten::__ior__", "aten::__ixor__", "aten::__ilshift__",
                                          "aten::__irshift__"};
  if (of.name.starts_with("aten::__"))  // not `__getitem__`
    return std::find(in_place.begin(), in_place.end(), of.name) != in_place.end();
  return of.name.ends_with('_') || of.overload_name.ends_with("out");
}
/// To a list or dict?
inline bool writes_containers(c10::OperatorName const& of) {
  static constexpr std::array in_place = {"append",  "extend", "insert", "pop",        "popitem", "remove",
                                          "reverse", "clear",  "Delete", "setdefault", "update",  "_set_item"};
  static constexpr std::array sorted = {"int", "float", "Tensor", "bool", "str", "any"};  // others sort tensors
  std::string_view const name = of.name;
  if (name == "aten::add_" || name == "aten::mul_") return of.overload_name == "t";
  if (name == "aten::sort") return std::find(sorted.begin(), sorted.end(), of.overload_name) != sorted.end();
  return name.starts_with("aten::") && std::find(in_place.begin(), in_place.end(), name.substr(6)) != in_place.end();
}

inline bool holds_tensors(c10::IValue const& value) {
  if (value.isTensor()) return true;
  if (value.isTensorList()) return true;
  if (value.isList()) return std::any_of(value.toListRef().begin(), value.toListRef().end(), holds_tensors);
  if (value.isTuple()) {
    auto const& all = value.toTupleRef().elements();
    return std::any_of(all.begin(), all.end(), holds_tensors);
  }
  if (!value.isGenericDict()) return false;
  auto const dict = value.toGenericDict();
  return std::any_of(dict.begin(), dict.end(), [](auto const& each) { return holds_tensors(each.value()); });
}

/// The attributes that a method may write. Bytecode does not tell what an operator in place writes to: where the module
/// still has tensors, lists or dicts of its own (it was not frozen), each that can be meant is taken for written.
inline std::vector<std::string> maybe_written(mobile::Function const& function,
                                              c10::intrusive_ptr<c10::ivalue::Object> const& self) {
  auto const& code = function.get_code();
  std::vector<std::string> written;
  for (auto const& each : code.instructions_)
    if (each.op == torch::jit::SET_ATTR) written = {"an attribute"};
  bool const tensors = std::any_of(code.op_names_.begin(), code.op_names_.end(), writes_tensors);
  bool const containers = std::any_of(code.op_names_.begin(), code.op_names_.end(), writes_containers);
  if (tensors || containers)
    for_each_object(self, [&](c10::ivalue::Object const& object) {
      for (std::size_t i = 0; i < object.slots().size(); ++i) {
        auto const& slot = object.getSlot(i);
        bool const container = slot.isList() || slot.isGenericDict();
        if ((tensors && holds_tensors(slot)) || (containers && container))
          written.push_back(object.type()->getAttributeName(i));
      }
    });
  return written;
}

/// Compare the sizes of what its LSTMs are given before they run, as `with_checked_lstm` does. Its file stays as it is.
inline void check_lstms(mobile::Module const& module) {
  for (auto const& method : module.compilation_unit().methods()) {
    auto& code = method->get_code();
    for (std::size_t i = 0; i < code.op_names_.size() && i < code.operators_.size(); ++i)
      if (code.op_names_[i].name == "aten::lstm" && code.op_names_[i].overload_name == "input")
        code.operators_[i] = [run = std::move(code.operators_[i])](torch::jit::Stack& stack) {
          check_lstm(stack);
          run(stack);
        };
  }
}

/// The schema of a method as TorchScript has it. In bytecode an argument without a default has the default None, so that a
/// call without it would pass the check, and types print as numbers.
inline c10::FunctionSchema schema_of(mobile::Function const& function) {
  auto const plain = [](c10::TypePtr const& type) -> c10::TypePtr {
    auto const dynamic = type->cast<c10::DynamicType>();
    return dynamic ? dynamic->fallback() : type;
  };
  std::vector<c10::Argument> arguments, results;
  for (auto const& each : function.getSchema().arguments()) {
    auto const type = plain(each.type());
    auto value = each.default_value();
    if (value && value->isNone() && type->kind() != c10::TypeKind::OptionalType) value.reset();
    arguments.emplace_back(each.name(), type, each.N(), value);
  }
  for (auto const& each : function.getSchema().returns()) results.emplace_back(each.name(), plain(each.type()));
  return {function.name(), "", std::move(arguments), std::move(results)};
}

}  // namespace torchdeploy::inline v0::detail
