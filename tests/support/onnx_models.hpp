// Models of ONNX's from a few lines of C++, right ones and wrong ones.
#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <torchdeploy/format/onnx.hpp>
#include <torchdeploy/onnx/proto.hpp>
#include <torchdeploy/onnx/wire.hpp>
#include <torchdeploy/stage/load.hpp>

#include "models.hpp"

namespace test::onnx {

namespace pb = torchdeploy::detail;

/// A message, field after field.
class message {
 public:
  message& number(std::uint32_t field, std::int64_t value) {
    protozero::pbf_writer(text_).add_int64(field, value);
    return *this;
  }
  message& bytes(std::uint32_t field, std::string_view value) {
    protozero::pbf_writer(text_).add_bytes(field, value.data(), value.size());
    return *this;
  }
  message& single(std::uint32_t field, float value) {
    protozero::pbf_writer(text_).add_float(field, value);
    return *this;
  }
  template <class Range>
  message& each(std::uint32_t field, Range const& values) {
    for (auto const& value : values)
      if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>)
        number(field, value);
      else
        bytes(field, value);
    return *this;
  }
  operator std::string() const { return text_; }  // NOLINT: a message is its bytes
  [[nodiscard]] std::string text() const { return text_; }

 private:
  std::string text_;
};

using names = std::vector<std::string>;
using sizes = std::vector<std::int64_t>;

inline constexpr std::int64_t float32 = 1, int64 = 7, string = 8;

inline std::string raw(std::vector<std::int64_t> const& numbers) {
  std::string text(numbers.size() * sizeof(std::int64_t), '\0');
  if (!numbers.empty()) std::memcpy(text.data(), numbers.data(), text.size());
  return text;
}

inline message tensor(std::string_view name, std::int64_t type, sizes const& dims) {
  return message()
      .each(pb::onnx_tensor::dims, dims)
      .number(pb::onnx_tensor::data_type, type)
      .bytes(pb::onnx_tensor::name, name);
}
inline message tensor(std::string_view name, std::int64_t type, sizes const& dims, std::string_view data) {
  return tensor(name, type, dims).bytes(pb::onnx_tensor::raw_data, data);
}
inline std::string entry(std::string_view key, std::string_view value) {
  return message().bytes(pb::onnx_string_string_entry::key, key).bytes(pb::onnx_string_string_entry::value, value);
}
/// A tensor whose data stand in another file.
inline message external(std::string_view name, sizes const& dims,
                        std::vector<std::pair<std::string, std::string>> const& entries) {
  auto text = tensor(name, float32, dims);
  for (auto const& [key, value] : entries) text.bytes(pb::onnx_tensor::external_data, entry(key, value));
  return text.number(pb::onnx_tensor::data_location, 1);
}

/// -1: dynamic
inline std::string tensor_type(std::int64_t type, sizes const& dims) {
  message shape;
  for (auto const size : dims) {
    message dim;
    if (size == -1)
      dim.bytes(pb::onnx_tensor_shape_dimension::dim_param, "n");
    else
      dim.number(pb::onnx_tensor_shape_dimension::dim_value, size);
    shape.bytes(pb::onnx_tensor_shape::dim, dim.text());
  }
  auto const inside =
      message().number(pb::onnx_type_tensor::elem_type, type).bytes(pb::onnx_type_tensor::shape, shape.text());
  return message().bytes(pb::onnx_type::tensor_type, inside.text());
}
inline std::string value(std::string_view name, std::string_view type = tensor_type(float32, {-1, 4})) {
  return message().bytes(pb::onnx_value_info::name, name).bytes(pb::onnx_value_info::type, type);
}

inline message node(std::string_view type, names const& inputs, names const& outputs) {
  return message()
      .each(pb::onnx_node::input, inputs)
      .each(pb::onnx_node::output, outputs)
      .bytes(pb::onnx_node::op_type, type);
}
inline std::string attribute(std::string_view name, std::int64_t type, std::uint32_t field, std::string_view content) {
  return message().bytes(pb::onnx_attribute::name, name).number(pb::onnx_attribute::type, type).bytes(field, content);
}
inline std::string body(std::string_view name, std::string_view graph) {
  return attribute(name, 5, pb::onnx_attribute::g, graph);
}

inline message graph(names const& nodes, names const& inputs = {value("x")}, names const& outputs = {value("y")},
                     names const& initializers = {}) {
  return message()
      .each(pb::onnx_graph::node, nodes)
      .bytes(pb::onnx_graph::name, "g")
      .each(pb::onnx_graph::initializer, initializers)
      .each(pb::onnx_graph::input, inputs)
      .each(pb::onnx_graph::output, outputs);
}

inline std::string opset(std::string_view domain, std::int64_t version) {
  return message().bytes(pb::onnx_operator_set_id::domain, domain).number(pb::onnx_operator_set_id::version, version);
}
inline message model(std::string_view graph, std::int64_t version = 17, std::int64_t ir_version = 8) {
  return message()
      .number(pb::onnx_model::ir_version, ir_version)
      .bytes(pb::onnx_model::opset_import, opset("", version))
      .bytes(pb::onnx_model::graph, graph);
}

/// y = Relu(x)
inline std::string relu() { return model(graph({node("Relu", {"x"}, {"y"})}).text()); }

inline std::filesystem::path path(std::string const& name) { return TORCHDEPLOY_MODELS "/onnx/" + name + ".onnx"; }

/// From bytes: a string alone would be a path.
inline auto load(std::string_view bytes) { return td::load<td::Onnx>(std::span(bytes)); }

/// A model that load refuses, and a part of what it says.
struct bad_model {
  std::string says;
  std::string bytes;
};
inline void check_all_refused(std::vector<bad_model> const& all) {
  for (auto const& each : all) {
    INFO(each.says);
    auto const failure = failure_of<td::format_error>([&] { load(each.bytes); });
    CHECK(failure.code == td::errc::file_damaged);
    CHECK_THAT(failure.text, ContainsSubstring(each.says));
  }
}

}  // namespace test::onnx

#endif
