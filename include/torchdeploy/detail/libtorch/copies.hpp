#pragma once

#include <unordered_set>

#include <torchdeploy/detail/libtorch/module.hpp>

/// `IValue::deepcopy` throws for some values, wherever they stand: an undefined tensor, a complex number, a future. None of
/// these can be written to, so a copy shares them; what a model thinks of them it says when it runs.
namespace torchdeploy::inline v0::detail {

using copies_made = c10::IValue::HashIdentityIValueMap;

/// Note the values that copies share.
inline void share_what_cannot_be_copied(c10::IValue const& value, copies_made& made) {
  std::unordered_set<void const*> seen;  // objects may hold each other
  value.visit([&](c10::IValue const& each) {
    bool const undefined = each.isTensor() && !each.toTensor().defined();
    if (undefined || each.isComplexDouble() || each.isFuture() || each.isGenerator() || each.isStorage() ||
        each.isQuantizer() || each.isRRef()) {
      made.emplace(each, each);
      return true;  // no further down
    }
    return each.isObject() && !seen.insert(each.toObject().get()).second;
  });
}

inline c10::IValue copy_of(c10::IValue const& value) {
  copies_made made;
  share_what_cannot_be_copied(value, made);
  return value.deepcopy(made);
}

/// The same code on data of its own.
inline torch::jit::Module copy_of_data(torch::jit::Module const& module) {
  copies_made made;
  share_what_cannot_be_copied(module._ivalue(), made);
  return torch::jit::Module(module._ivalue()->deepcopy(made));
}

}  // namespace torchdeploy::inline v0::detail
