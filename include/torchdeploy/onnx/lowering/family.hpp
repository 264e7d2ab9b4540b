#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

#include <torchdeploy/onnx/call.hpp>

namespace torchdeploy::inline v0::detail {

using onnx_results = std::vector<onnx_value>;

/// A row of a family's table: an operator of LibTorch's and the function that writes a call of it in ONNX.
struct onnx_operator {
  using function = onnx_results (*)(onnx_call const&);
  std::string_view name;
  function lower;
  bool sized_by_data = false;  ///< see onnx_lowering_options
};

/// The name of an operator of ONNX's, as an argument of a template.
template <std::size_t Size>
struct onnx_kind {
  char text[Size]{};
  constexpr onnx_kind(char const (&name)[Size]) { std::copy_n(name, Size, text); }
};

/// An operator with one input, in the dtype that LibTorch's gives: ints become floats where they do.
template <onnx_kind Kind>
onnx_results lower_unary(onnx_call const& call) {
  return {call.onnx.emit(Kind.text, {call.tensor(0, call.result_dtype())})};
}

/// What changes nothing: `dropout` outside of training, `contiguous`, `detach`.
inline onnx_results lower_identity(onnx_call const& call) { return {call.tensor(0)}; }

}  // namespace torchdeploy::inline v0::detail

#endif
