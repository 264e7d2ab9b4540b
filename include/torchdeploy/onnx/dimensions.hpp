#pragma once

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <torchdeploy/onnx/proto.hpp>
#include <torchdeploy/onnx/wire.hpp>

namespace torchdeploy::inline v0::detail {

/// Visits each message that stands at the end of this way of fields.
template <class Visit>
void onnx_each(std::string_view message, Visit const& visit, std::uint32_t field, auto... further) {
  for (auto at = onnx_reader(message); at.next();)
    if (at.tag() != field)
      at.skip();
    else if constexpr (sizeof...(further) != 0)
      onnx_each(view_of(at.get_view()), visit, further...);
    else
      visit(view_of(at.get_view()));
}

/// The names of the dynamic dimensions among what a model takes, of a file that was checked.
inline std::set<std::string> named_dimensions(std::string_view model) {
  std::set<std::string> names;
  onnx_each(
      model, [&](std::string_view name) { names.emplace(name); }, onnx_model::graph, onnx_graph::input,
      onnx_value_info::type, onnx_type::tensor_type, onnx_type_tensor::shape, onnx_tensor_shape::dim,
      onnx_tensor_shape_dimension::dim_param);
  return names;
}

}  // namespace torchdeploy::inline v0::detail

#endif
