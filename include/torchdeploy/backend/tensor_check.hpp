#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/names.hpp>

/// What callers give, judged before a runtime sees it.
namespace torchdeploy::inline v0::detail {

/// Does a tensor fit, as it is?
inline bool fits(at::Tensor const& tensor, tensor_info const& wanted) {
  if (!tensor.defined() || (wanted.dtype && tensor.scalar_type() != *wanted.dtype) || !tensor.device().is_cpu() ||
      tensor.layout() != at::kStrided || tensor.is_nested())
    return false;
  if (!wanted.shape) return true;
  auto const sizes = tensor.sizes();
  return sizes.size() == wanted.shape->size() &&
         std::equal(sizes.begin(), sizes.end(), wanted.shape->begin(),
                    [](auto is, auto asked) { return asked < 0 || is == asked; });
}

/// "float32 [2, 3]", or what else it is.
inline std::string kind_of(at::Tensor const& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  if (tensor.is_nested()) return "a nested tensor";
  auto text = to_text(tensor_info{.dtype = tensor.scalar_type(), .shape = tensor.sizes().vec()}).substr(2);
  if (tensor.layout() != at::kStrided) text += " with layout " + c10::str(tensor.layout());
  if (tensor.is_neg() || tensor.is_conj() || tensor._is_zerotensor()) text += " that is yet to be worked out";
  if (!tensor.device().is_cpu()) text += " on " + tensor.device().str();
  return text;
}

inline tensor_info info_of(named_tensor const& of) {
  return {.name = of.name, .dtype = of.tensor.scalar_type(), .shape = of.tensor.sizes().vec()};
}

[[noreturn]] inline void refuse_tensor(std::string_view what, tensor_info const& wanted, at::Tensor const& got) {
  auto const place = wanted.name == what ? std::string() : std::string(what) + " ";  // not "input input: float32"
  throw backend_error(errc::wrong_arguments, "expected " + place + to_text(wanted) + ", got " + kind_of(got));
}

[[noreturn]] inline void refuse_count(std::string_view what, std::vector<tensor_info> const& wanted, std::size_t got) {
  std::string all;
  for (auto const& each : wanted) all += (all.empty() ? ": " : ", ") + each.name;
  throw backend_error(errc::wrong_arguments, "expected " + std::to_string(wanted.size()) + " " + std::string(what) +
                                                 all + ", got " + std::to_string(got));
}

/// The place of a name among what a model takes.
inline std::size_t place_of(std::string const& name, std::vector<tensor_info> const& known, std::string_view what) {
  auto const at = std::find_if(known.begin(), known.end(), [&](auto const& each) { return each.name == name; });
  if (at != known.end()) return static_cast<std::size_t>(at - known.begin());
  std::vector<std::string> names;
  std::string all;
  for (auto const& each : known) {
    names.push_back(each.name);
    all += (all.empty() ? "" : ", ") + each.name;
  }
  throw backend_error(errc::name_unknown, "expected an " + std::string(what) + " of: " + all + "; got '" + name + "'",
                      did_you_mean(name, names));
}

/// Named tensors in the model's order; null where there is none.
inline std::vector<at::Tensor const*> in_order(std::span<named_tensor const> given,
                                               std::vector<tensor_info> const& known) {
  std::vector<at::Tensor const*> ordered(known.size());
  for (auto const& each : given) {
    auto& place = ordered[place_of(each.name, known, "input")];
    if (place) throw backend_error(errc::name_unknown, "expected each input once, got '" + each.name + "' twice");
    place = &each.tensor;
  }
  return ordered;
}

}  // namespace torchdeploy::inline v0::detail
