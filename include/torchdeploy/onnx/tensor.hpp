#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/onnx/data_type.hpp>
#include <torchdeploy/onnx/external_data.hpp>
#include <torchdeploy/onnx/wire.hpp>

namespace torchdeploy::inline v0::detail {

/// A TensorProto, its data counted and not copied.
struct onnx_tensor_view {
  std::string_view name{};
  std::vector<std::int64_t> dims{};
  std::int64_t type = 0;
  std::uint64_t floats = 0, int32s = 0, int64s = 0, doubles = 0, uint64s = 0, strings = 0;
  std::string_view raw{};
  std::vector<std::int64_t> numbers{};  ///< int64_data
  bool segment = false;
  bool external = false;
  std::vector<std::pair<std::string_view, std::string_view>> entries{};  ///< external_data

  explicit onnx_tensor_view(std::string_view bytes);
  onnx_tensor_view() = default;

  [[nodiscard]] std::uint64_t count(onnx_field_of field) const {
    switch (field) {
      case onnx_field_of::floats:
        return floats;
      case onnx_field_of::int32s:
        return int32s;
      case onnx_field_of::int64s:
        return int64s;
      case onnx_field_of::doubles:
        return doubles;
      case onnx_field_of::uint64s:
        return uint64s;
      case onnx_field_of::strings:
        return strings;
      case onnx_field_of::none:
        break;
    }
    return 0;
  }
  /// Of an int64 tensor whose data is in the model.
  [[nodiscard]] std::vector<std::int64_t> int64_values() const {
    if (raw.empty()) return numbers;
    std::vector<std::int64_t> values(raw.size() / sizeof(std::int64_t));
    std::memcpy(values.data(), raw.data(), values.size() * sizeof(std::int64_t));
    return values;
  }
  [[nodiscard]] std::uint64_t in_fields() const { return floats + int32s + int64s + doubles + uint64s + strings; }
};

inline std::pair<std::string_view, std::string_view> onnx_entry(std::string_view bytes) {
  std::pair<std::string_view, std::string_view> entry;
  for (auto at = onnx_reader(bytes); at.next();)
    if (at.tag() == onnx_string_string_entry::key)
      entry.first = view_of(at.get_view());
    else if (at.tag() == onnx_string_string_entry::value)
      entry.second = view_of(at.get_view());
    else
      at.skip();
  return entry;
}

inline onnx_tensor_view::onnx_tensor_view(std::string_view bytes) {
  for (auto at = onnx_reader(bytes); at.next();) switch (at.tag()) {
      case onnx_tensor::name:
        name = view_of(at.get_view());
        break;
      case onnx_tensor::dims:
        for_each_integer(at, [&](std::int64_t size) { dims.push_back(size); });
        break;
      case onnx_tensor::data_type:
        type = at.get_int64();
        break;
      case onnx_tensor::segment:
        segment = true;
        at.skip();
        break;
      case onnx_tensor::float_data:
        floats += count_fixed(at, sizeof(float));
        break;
      case onnx_tensor::double_data:
        doubles += count_fixed(at, sizeof(double));
        break;
      case onnx_tensor::int32_data:
        int32s += count_integers(at);
        break;
      case onnx_tensor::int64_data:
        for_each_integer(at, [&](std::int64_t number) {
          ++int64s;
          numbers.push_back(number);
        });
        break;
      case onnx_tensor::uint64_data:
        uint64s += count_integers(at);
        break;
      case onnx_tensor::string_data:
        ++strings;
        at.skip();
        break;
      case onnx_tensor::raw_data:
        raw = view_of(at.get_view());
        break;
      case onnx_tensor::external_data:
        entries.push_back(onnx_entry(view_of(at.get_view())));
        break;
      case onnx_tensor::data_location:
        external = at.get_int64() == 1;
        break;
      default:
        at.skip();
    }
}

/// How many elements, or nothing when the sizes multiply to more than a number holds.
inline std::optional<std::uint64_t> onnx_elements(std::vector<std::int64_t> const& dims) {
  std::uint64_t count = 1;
  bool empty = false;
  for (auto const size : dims) {
    if (size == 0) empty = true;
    // an empty tensor's other sizes count too: runtimes multiply in any order
    if (size > 0 && __builtin_mul_overflow(count, static_cast<std::uint64_t>(size), &count)) return std::nullopt;
  }
  return empty ? 0 : count;
}

inline std::string dims_text(std::vector<std::int64_t> const& dims) {
  std::string text = "[";
  for (auto const size : dims) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

/// Of a tensor whose type and shape were checked.
inline std::uint64_t onnx_bytes(onnx_tensor_view const& tensor) {
  auto const bits = static_cast<std::uint64_t>(data_type_of(tensor.type)->bits);
  return (onnx_elements(tensor.dims).value_or(0) * bits + 7) / 8;
}

inline onnx_external_data onnx_external(onnx_tensor_view const& tensor, std::string const& who) {
  onnx_external_data data;
  for (auto const& [key, value] : tensor.entries) {
    auto const number = external_number(value);
    if (key == "location")
      data.location = value;
    else if ((key == "offset" || key == "length") && !number)
      onnx_invalid(who + ": expected a number as " + std::string(key) + ", got " + quoted_name(value));
    else if (key == "offset")
      data.offset = *number;
    else if (key == "length")
      data.length = *number;
  }
  return data;
}

/// Checks the tensors of a model, and collects the files of their external data.
class onnx_tensor_check {
 public:
  explicit onnx_tensor_check(onnx_data data) : data_(std::move(data)) {}

  void check(std::string_view bytes, onnx_place const& place) {
    onnx_tensor_view const tensor(bytes);
    check(tensor, "tensor " + (tensor.name.empty() ? place.text() : quoted_name(tensor.name)));
  }

  /// Of external data: their sizes in bytes, by name.
  [[nodiscard]] std::map<std::string, std::uint64_t> const& files() const { return files_; }

 private:
  static constexpr std::size_t max_rank = 64;

  void check(onnx_tensor_view const& tensor, std::string const& who) {
    auto const* const type = data_type_of(tensor.type);
    if (!type) onnx_invalid(who + ": no data type " + std::to_string(tensor.type));
    if (tensor.segment) onnx_invalid(who + " is a segment, which no runtime reads");
    if (tensor.dims.size() > max_rank)
      onnx_invalid(who + ": expected a rank of 64 at most, got " + std::to_string(tensor.dims.size()));
    for (auto const size : tensor.dims)
      if (size < 0) onnx_invalid(who + ": expected sizes of 0 or more, got " + dims_text(tensor.dims));
    auto const elements = onnx_elements(tensor.dims);
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / 128;
    if (!elements || *elements > most) onnx_invalid(who + ": no memory holds a shape of " + dims_text(tensor.dims));
    auto const bytes = onnx_bytes(tensor);

    if (tensor.external) {
      if (tensor.in_fields() || !tensor.raw.empty()) onnx_invalid(who + " has external data, and data of its own");
      if (type->field == onnx_field_of::strings) onnx_invalid(who + " holds strings, which can't be external data");
      check_external(tensor, bytes, who);
      return;
    }
    if (!tensor.raw.empty() || (tensor.in_fields() == 0 && type->bits > 0)) {
      if (type->bits == 0) onnx_invalid(who + " holds strings as raw data");
      if (tensor.in_fields()) onnx_invalid(who + " has its data twice");
      expect(tensor, who, *type, "bytes", bytes, tensor.raw.size());
      return;
    }
    auto const per_element = tensor.type == 14 || tensor.type == 15 ? 2U : 1U;  // complex: two numbers each
    // of the types below a byte, as many share a number as fit into 8 bits; of 6 bits, none
    auto const share = type->bits == 4 ? 2U : type->bits == 2 ? 4U : 1U;
    auto const found = tensor.count(type->field);
    if (found != tensor.in_fields())
      onnx_invalid(who + ": data of " + std::string(type->name) + " in a field of another type");
    expect(tensor, who, *type, "numbers", (*elements * per_element + share - 1) / share, found);
  }

  static void expect(onnx_tensor_view const& tensor, std::string const& who, onnx_data_type const& type,
                     char const* what, std::uint64_t wanted, std::uint64_t found) {
    if (wanted != found)
      onnx_invalid(who + ": expected " + std::to_string(wanted) + " " + what + " for " + std::string(type.name) + " " +
                   dims_text(tensor.dims) + ", got " + std::to_string(found));
  }

  void check_external(onnx_tensor_view const& tensor, std::uint64_t bytes, std::string const& who) {
    auto const data = onnx_external(tensor, who);
    auto const size = data_.size(data.location, tensor.name);
    if (data.length.value_or(bytes) != bytes)
      onnx_invalid(who + ": expected external data of " + std::to_string(bytes) + " bytes, got a length of " +
                   std::to_string(*data.length));
    if (data.offset > size || bytes > size - data.offset)
      throw load_error(errc::external_data_refused,
                       "external data of " + who + ": expected " + std::to_string(bytes) + " bytes at " +
                           std::to_string(data.offset) + " of " + quoted_name(data.location) + ", which has " +
                           std::to_string(size),
                       "the copy or download was not finished");
    files_.emplace(data.location, size);
  }

  onnx_data data_;
  std::map<std::string, std::uint64_t> files_;
};

}  // namespace torchdeploy::inline v0::detail

#endif
