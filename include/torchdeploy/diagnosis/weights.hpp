#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/core/report_text.hpp>
#include <torchdeploy/diagnosis/inspected.hpp>

namespace torchdeploy::inline v0::detail {

inline void const* storage_of(at::Tensor const& tensor) {
  return tensor.has_storage() ? tensor.storage().unsafeGetStorageImpl() : nullptr;
}

/// Equal values in storages of their own. What shares a storage costs nothing. Small tensors, and those that are one
/// number all over (as new biases are), say nothing.
inline void find_duplicates(jit::Module const& module, std::vector<inspected> const& methods,
                            std::vector<finding>& found) {
  constexpr std::size_t least_bytes = 1024;
  auto const tensors = carried_tensors(module, methods);
  std::map<std::string_view, std::size_t> seen;  // bytes, in `tensors`
  std::set<void const*> storages;
  std::vector<std::string> copies;
  std::size_t wasted = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    auto const& [name, tensor] = tensors[i];
    if (!tensor.device().is_cpu() || tensor.layout() != at::kStrided || !tensor.is_contiguous() ||
        !tensor.has_storage() || tensor.nbytes() < least_bytes || !storages.insert(storage_of(tensor)).second)
      continue;
    auto const* const data = static_cast<char const*>(tensor.const_data_ptr());
    auto const step = static_cast<std::size_t>(tensor.element_size());
    if (std::memcmp(data, data + step, tensor.nbytes() - step) == 0) continue;
    auto const first = seen.try_emplace({data, tensor.nbytes()}, i).first->second;
    if (first == i) continue;
    copies.push_back(name + " (as " + tensors[first].name + ")");
    wasted += tensor.nbytes();
  }
  if (!copies.empty())
    found.push_back(
        {"duplicated-weights", severity::note, copies.front(),
         std::to_string(copies.size()) + " tensor(s) hold the same values as another: " + in_bytes(wasted) + " twice",
         "tie them in Python (b.weight = a.weight) before exporting; what is shared is stored once"});
}

/// Storages of all tensors in a value.
inline void collect_storages(c10::IValue const& value, std::set<void const*>& storages) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) storages.insert(storage_of(value.toTensor()));
  } else if (value.isList()) {
    for (auto const& each : value.toListRef()) collect_storages(each, storages);
  } else if (value.isTuple()) {
    for (auto const& each : value.toTupleRef().elements()) collect_storages(each, storages);
  } else if (value.isGenericDict()) {
    for (auto const& each : value.toGenericDict()) collect_storages(each.value(), storages);
  }
}

/// Parameters that no method reads. In a trace they are what is left of a branch that the example did not take.
inline void find_unused(jit::Module const& module, std::vector<inspected> const& methods, std::vector<finding>& found) {
  std::set<void const*> read;
  bool undecided = false;
  for (auto const& method : methods)
    for_each_node(*method.graph, [&](jit::Node* node) {
      if (node->kind() == c10::prim::CallMethod) undecided = true;  // through an interface: whose is not known
      if (node->kind() != c10::prim::GetAttr || node->output()->type()->is_module()) return;
      auto const path = path_of(node->output());
      if (!path)
        undecided = undecided || node->output()->type()->kind() == c10::TypeKind::TensorType;
      else
        collect_storages(attribute_at(module, *path), read);
    });
  if (undecided) return;
  std::vector<std::string> unread;
  std::size_t bytes = 0;
  for (auto const& each : module.named_parameters(true))
    if (each.value.defined() && !read.contains(storage_of(each.value))) {
      unread.push_back(each.name);
      bytes += each.value.nbytes();
    }
  if (unread.empty()) return;
  auto const what = std::to_string(unread.size()) + " parameter(s), " + in_bytes(bytes) + ", are never read";
  if (std::any_of(methods.begin(), methods.end(), [](inspected const& each) { return is_traced(each); }))
    found.push_back({"lost-control-flow", severity::warning, first_of(unread),
                     what + " by this trace: left of a branch that its example did not take, or of unused layers",
                     "torch.jit.script what has branches; or delete the layers that it does not use"});
  else
    found.push_back({"unused-weights", severity::note, first_of(unread), what + " in evaluation mode",
                     "delete the layers that only training uses before exporting"});
}

}  // namespace torchdeploy::inline v0::detail
