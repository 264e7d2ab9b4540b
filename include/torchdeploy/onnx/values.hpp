#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/onnx/data_type.hpp>
#include <torchdeploy/onnx/tensor.hpp>
#include <torchdeploy/onnx/wire.hpp>

/// What can be said of types, attributes and sparse tensors without knowing where they stand.
namespace torchdeploy::inline v0::detail {

inline onnx_data_type const& onnx_type_named(std::int64_t number, onnx_place const& place) {
  auto const* const type = data_type_of(number);
  if (!type) onnx_invalid("no data type " + std::to_string(number) + " in " + place.text());
  return *type;
}

/// The sizes of a TensorShapeProto, -1 for what is not known before it runs.
inline std::vector<std::int64_t> onnx_shape(std::string_view bytes) {
  std::vector<std::int64_t> shape;
  for (auto at = onnx_reader(bytes); at.next(onnx_tensor_shape::dim);) {
    std::int64_t size = -1;
    for (auto dim = at.get_message(); dim.next();)
      if (dim.tag() == onnx_tensor_shape_dimension::dim_value)
        size = dim.get_int64();
      else
        dim.skip();
    shape.push_back(size);
  }
  return shape;
}

/// Reads a TypeProto, its kind as TorchScript writes it.
inline tensor_info onnx_type_info(std::string_view bytes) {
  tensor_info info{.type = "Any"};
  auto const inner = [](protozero::pbf_reader at, std::uint32_t field) {
    std::string text = "Any";
    while (at.next())
      if (at.tag() == field)
        text = onnx_type_info(view_of(at.get_view())).type;
      else
        at.skip();
    return text;
  };
  for (auto at = onnx_reader(bytes); at.next();) switch (at.tag()) {
      case onnx_type::sparse_tensor_type:
      case onnx_type::tensor_type: {
        std::string const kind = at.tag() == onnx_type::tensor_type ? "Tensor" : "SparseTensor";
        info.type = kind;
        for (auto tensor = at.get_message(); tensor.next();)
          if (tensor.tag() == onnx_type_tensor::shape) {
            info.shape = onnx_shape(view_of(tensor.get_view()));
          } else if (tensor.tag() == onnx_type_tensor::elem_type) {
            auto const* const type = data_type_of(tensor.get_int64());
            if (!type) continue;
            if (type->dtype && kind == "Tensor")
              info.dtype = type->dtype;
            else
              info.type = kind + "[" + std::string(type->name) + "]";
          } else {
            tensor.skip();
          }
        break;
      }
      case onnx_type::sequence_type:
        info.type = "List[" + inner(at.get_message(), onnx_type_sequence::elem_type) + "]";
        break;
      case onnx_type::optional_type:
        info.type = "Optional[" + inner(at.get_message(), onnx_type_optional::elem_type) + "]";
        break;
      case onnx_type::map_type: {
        std::string key = "Any", value = "Any";
        for (auto map = at.get_message(); map.next();)
          if (map.tag() == onnx_type_map::key_type) {
            auto const* const type = data_type_of(map.get_int64());
            if (type) key = type->name;
          } else if (map.tag() == onnx_type_map::value_type) {
            value = onnx_type_info(view_of(map.get_view())).type;
          } else {
            map.skip();
          }
        info.type = "Dict[" + key + ", " + value + "]";
        break;
      }
      default:
        at.skip();
    }
  return info;
}

/// A TypeProto says what it is, once.
inline void check_onnx_type(std::string_view bytes, onnx_place const& place) {
  int kinds = 0;
  for (auto at = onnx_reader(bytes); at.next(); at.skip()) kinds += at.tag() < 10 && at.tag() != onnx_type::denotation;
  if (kinds > 1) onnx_invalid("a type of several kinds in " + place.text());
}

/// Fields that a message of the kind TypeProto.Tensor, .Sequence, ... must have.
inline void check_onnx_type_part(onnx_message message, std::string_view bytes, onnx_place const& place) {
  bool element = false, value = false;
  for (auto at = onnx_reader(bytes); at.next();) {
    element = element || at.tag() == 1;
    value = value || at.tag() == 2;
    if (at.tag() == 1 && at.has_wire_type(protozero::pbf_wire_type::varint))
      onnx_type_named(at.get_int64(), place);
    else
      at.skip();
  }
  if (!element) onnx_invalid("a type without an element type in " + place.text());
  if (message == onnx_message::type_map && !value) onnx_invalid("a map without a value type in " + place.text());
}

inline void check_onnx_dimension(std::string_view bytes, onnx_place const& place) {
  for (auto at = onnx_reader(bytes); at.next();)
    if (at.tag() == onnx_tensor_shape_dimension::dim_value) {
      auto const size = at.get_int64();
      if (size < -1) onnx_invalid("expected a size, got " + std::to_string(size) + " in " + place.text());
    } else {
      at.skip();
    }
}

/// Field and type of an attribute belong together. Numbers that are 0 may be left out, as proto3 writers do.
inline void check_onnx_attribute(std::string_view bytes, onnx_place const& place) {
  struct kind {
    std::int64_t type;
    std::uint32_t field;
    bool message;
  };
  static constexpr kind kinds[] = {
      {1, onnx_attribute::f, false},
      {2, onnx_attribute::i, false},
      {3, onnx_attribute::s, false},
      {4, onnx_attribute::t, true},
      {5, onnx_attribute::g, true},
      {6, onnx_attribute::floats, false},
      {7, onnx_attribute::ints, false},
      {8, onnx_attribute::strings, false},
      {9, onnx_attribute::tensors, false},
      {10, onnx_attribute::graphs, false},
      {11, onnx_attribute::sparse_tensor, true},
      {12, onnx_attribute::sparse_tensors, false},
      {13, onnx_attribute::tp, true},
      {14, onnx_attribute::type_protos, false},
  };
  std::string_view name, reference;
  std::int64_t type = 0;
  kind const* found = nullptr;
  bool several = false;
  for (auto at = onnx_reader(bytes); at.next();) switch (at.tag()) {
      case onnx_attribute::name:
        name = view_of(at.get_view());
        break;
      case onnx_attribute::ref_attr_name:
        reference = view_of(at.get_view());
        break;
      case onnx_attribute::type:
        type = at.get_int64();
        break;
      default:
        for (auto const& each : kinds)
          if (each.field == at.tag()) {
            several = several || (found && found != &each);
            found = &each;
          }
        at.skip();
    }
  auto const who = "attribute " + quoted_name(name) + " in " + place.text();
  if (name.empty()) onnx_invalid("an attribute without a name: " + place.text());
  if (several) onnx_invalid(who + " has values of several types");
  if (!reference.empty()) {
    if (found) onnx_invalid(who + " has a value, and stands for one");
    return;
  }
  if (type == 0 && !found) onnx_invalid(who + " has no value");
  if (type == 0) return;
  kind const* declared = nullptr;
  for (auto const& each : kinds)
    if (each.type == type) declared = &each;
  if (!declared) onnx_invalid(who + ": no attribute type " + std::to_string(type));
  if (found ? found != declared : declared->message) onnx_invalid(who + " is not of the type that it says");
}

/// Positions within the shape, as many as values. Source: onnx.proto, SparseTensorProto.
inline void check_onnx_sparse(std::string_view bytes, onnx_place const& place) {
  std::optional<onnx_tensor_view> values, indices;
  std::vector<std::int64_t> dims;
  for (auto at = onnx_reader(bytes); at.next();) switch (at.tag()) {
      case onnx_sparse_tensor::values:
        values.emplace(view_of(at.get_view()));
        break;
      case onnx_sparse_tensor::indices:
        indices.emplace(view_of(at.get_view()));
        break;
      case onnx_sparse_tensor::dims:
        for_each_integer(at, [&](std::int64_t size) { dims.push_back(size); });
        break;
      default:
        at.skip();
    }
  auto const who = "sparse tensor " + (values && !values->name.empty() ? quoted_name(values->name) : place.text());
  if (!values || values->dims.size() != 1) onnx_invalid(who + ": expected values of rank 1");
  for (auto const size : dims)
    if (size <= 0) onnx_invalid(who + ": expected sizes above 0, got " + dims_text(dims));
  auto const elements = onnx_elements(dims);
  if (!elements || dims.empty() ||
      *elements > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 128)
    onnx_invalid(who + ": expected a shape that memory holds, got " + dims_text(dims));
  auto const count = values->dims[0];
  if (!indices) {
    if (count == 0) return;
    onnx_invalid(who + ": expected indices, got none");
  }
  auto const rank = static_cast<std::int64_t>(dims.size());
  bool const linear = indices->dims == std::vector{count};
  if (indices->type != 7 || !(linear || indices->dims == std::vector{count, rank}))
    onnx_invalid(who + ": expected int64 indices [" + std::to_string(count) + "] or [" + std::to_string(count) + ", " +
                 std::to_string(rank) + "], got " + dims_text(indices->dims));
  auto const positions = indices->int64_values();
  for (std::size_t i = 0; i < positions.size(); ++i) {
    auto const limit = linear ? static_cast<std::int64_t>(*elements) : dims[i % dims.size()];
    if (positions[i] < 0 || positions[i] >= limit)
      onnx_invalid(who + ": index " + std::to_string(positions[i]) + " is outside of " + dims_text(dims));
  }
}

/// All of these, for whoever walks a model.
class onnx_value_check {
 public:
  explicit onnx_value_check(onnx_tensor_check& tensors) : tensors_(&tensors) {}

  void operator()(onnx_message message, std::string_view bytes, onnx_place const& place) const {
    switch (message) {
      case onnx_message::tensor:
        tensors_->check(bytes, place);
        return;
      case onnx_message::sparse_tensor:
        check_onnx_sparse(bytes, place);
        return;
      case onnx_message::attribute:
        check_onnx_attribute(bytes, place);
        return;
      case onnx_message::type:
        check_onnx_type(bytes, place);
        return;
      case onnx_message::type_tensor:
      case onnx_message::type_sparse_tensor:
      case onnx_message::type_sequence:
      case onnx_message::type_optional:
      case onnx_message::type_map:
        check_onnx_type_part(message, bytes, place);
        return;
      case onnx_message::tensor_shape_dimension:
        check_onnx_dimension(bytes, place);
        return;
      default:
        return;
    }
  }

 private:
  onnx_tensor_check* tensors_;
};

}  // namespace torchdeploy::inline v0::detail

#endif
