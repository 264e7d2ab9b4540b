#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include <torchdeploy/format/samples.hpp>
#include <torchdeploy/verification/comparison.hpp>
#include <torchdeploy/verification/outputs.hpp>

/// Callables that answer samples.
namespace torchdeploy::inline v0::detail {

// Tensor first, and `example` only where no tensors are taken: to ask whether a generic lambda takes an `example` would
// compile its body with one.
template <class F, class... Tensors>
concept callable_on = std::invocable<F&, Tensors const&...> &&
                      std::constructible_from<c10::IValue, std::invoke_result_t<F&, Tensors const&...>>;
template <class F>
concept takes_tensors = callable_on<F, at::Tensor> || callable_on<F, at::Tensor, at::Tensor> ||
                        callable_on<F, at::Tensor, at::Tensor, at::Tensor> ||
                        callable_on<F, at::Tensor, at::Tensor, at::Tensor, at::Tensor>;
/// Ask a callable: with the sample's tensors, or with the sample.
template <class F>
c10::IValue ask(F& function, example inputs) {
  if constexpr (takes_tensors<F>) {
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (!inputs[i].isTensor())
        throw verification_error(
            errc::options_conflict,
            "expected tensors for the reference, got " + kind_text(inputs[i]) + " as argument " + std::to_string(i),
            "let it take the whole sample: (td::example const&)");
    auto const tensor = [&](std::size_t i) -> at::Tensor const& { return inputs[i].toTensor(); };
    if constexpr (callable_on<F, at::Tensor>)
      if (inputs.size() == 1) return function(tensor(0));
    if constexpr (callable_on<F, at::Tensor, at::Tensor>)
      if (inputs.size() == 2) return function(tensor(0), tensor(1));
    if constexpr (callable_on<F, at::Tensor, at::Tensor, at::Tensor>)
      if (inputs.size() == 3) return function(tensor(0), tensor(1), tensor(2));
    if constexpr (callable_on<F, at::Tensor, at::Tensor, at::Tensor, at::Tensor>)
      if (inputs.size() == 4) return function(tensor(0), tensor(1), tensor(2), tensor(3));
    throw verification_error(errc::options_conflict,
                             "expected a reference that takes " + std::to_string(inputs.size()) +
                                 " tensor(s), got one that takes another number",
                             "let it take the whole sample: (td::example const&)");
  } else {
    return function(std::as_const(inputs));
  }
}

}  // namespace torchdeploy::inline v0::detail
