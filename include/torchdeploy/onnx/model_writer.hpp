#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <torchdeploy/backend/tensor_info.hpp>
#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/empty.hpp>
#include <torchdeploy/onnx/builder.hpp>
#include <torchdeploy/onnx/external_data.hpp>
#include <torchdeploy/onnx/rewrite.hpp>
#include <torchdeploy/onnx/wire.hpp>
#include <torchdeploy/version.hpp>

/// A graph in the making as the bytes of an ONNX file.
namespace torchdeploy::inline v0::detail {

/// An input or output: its value, and what is said of it.
struct onnx_port {
  onnx_value value;
  std::string name;
  at::ScalarType dtype;
  std::vector<std::pair<std::int64_t, std::string>> sizes;  ///< a name where a size is open
};

struct onnx_model_text {
  std::vector<onnx_port> inputs, outputs;
  std::map<std::string, std::string> metadata;
  std::string name;
};

/// A model's file, and what is to be in another beside it.
struct onnx_written {
  std::string file, data;
};

/// Writes it, each tensor's bytes once, straight from its memory.
class onnx_model_writer {
 public:
  onnx_model_writer(onnx_builder& onnx, onnx_model_text const& text) : onnx_(onnx), text_(text) { name_values(); }

  /// `weights_apart`: weights are external data. They are in any case where one message, of 2 GB at most, can't hold them.
  [[nodiscard]] onnx_written write(bool weights_apart) {
    onnx_written made;
    std::size_t weights = 0;
    for (auto const& [value, tensor] : onnx_.tensors()) weights += tensor.nbytes();
    auto const rest = (std::size_t{1} << 20U) + 1024 * onnx_.nodes().size();
    if (weights_apart || weights > std::numeric_limits<std::int32_t>::max() - rest) {
      apart_ = &made.data;
      made.data.reserve(weights + onnx_.tensors().size() * page);
    }
    auto& file = made.file;
    file_ = &file;
    file.reserve(rest + (apart_ ? 0 : weights));
    protozero::pbf_writer model(file);
    model.add_int64(onnx_model::ir_version, ir_version());
    model.add_string(onnx_model::producer_name, "torchdeploy");
    model.add_string(onnx_model::producer_version, version);
    {
      protozero::pbf_writer graph(model, onnx_model::graph);
      for (auto const& node : onnx_.nodes()) write(graph, onnx_graph::node, node);
      graph.add_string(onnx_graph::name, text_.name);
      for (auto const& [value, tensor] : onnx_.tensors()) {
        protozero::pbf_writer initializer(graph, onnx_graph::initializer);
        write(initializer, tensor, names_.at(value), apart_);
      }
      for (auto const& each : text_.inputs) write(graph, onnx_graph::input, each);
      for (auto const& each : text_.outputs) write(graph, onnx_graph::output, each);
    }
    write_opset(model, "", onnx_.opset());
    for (auto const& domain : domains_) write_opset(model, domain, 1);
    for (auto const& [key, value] : text_.metadata) {
      protozero::pbf_writer entry(model, onnx_model::metadata_props);
      entry.add_string(onnx_string_string_entry::key, key);
      entry.add_string(onnx_string_string_entry::value, value);
    }
    return made;
  }

 private:
  /// What runtimes map into memory begins on a page; what is smaller stays in the model's file.
  static constexpr std::size_t page = 4096;

  /// The version of the file's own format that goes with an opset. Source: onnx/docs/Versioning.md.
  [[nodiscard]] std::int64_t ir_version() const {
    struct release {
      std::int64_t opset, ir;
    };
    constexpr release releases[] = {{13, 7}, {14, 7}, {18, 8}, {20, 9}, {22, 10}, {24, 11}};
    for (auto const& each : releases)
      if (onnx_.opset() <= each.opset) return each.ir;
    return 11;
  }

  // --- names ---------------------------------------------------------------------------------------------------------
  std::string unique(std::string name) {
    auto const wanted = name;
    while (!taken_.insert(name).second) name = wanted + "_" + std::to_string(++last_[wanted]);
    return name;
  }
  void name_values() {
    for (auto const* ports : {&text_.inputs, &text_.outputs})
      for (auto const& each : *ports) {
        taken_.insert(each.name);
        names_.emplace(each.value, each.name);
      }
    for (auto const& [value, tensor] : onnx_.tensors()) {
      auto const given = onnx_.names().find(value);
      names_.emplace(value, unique(given == onnx_.names().end() ? "constant" : given->second));
    }
    name_nodes(onnx_.nodes());
  }
  void name_nodes(std::vector<onnx_made_node> const& nodes) {
    for (auto const& node : nodes) {
      auto const colons = node.kind.find("::");
      if (colons != node.kind.npos) domains_.insert(node.kind.substr(0, colons));
      auto const kind = colons == node.kind.npos ? node.kind : node.kind.substr(colons + 2);
      auto name = unique((node.layer.empty() ? "/" : "/" + node.layer + "/") + kind);
      for (std::size_t i = 0; i < node.outputs.size(); ++i)
        names_.emplace(node.outputs[i], i == 0 ? name : unique(name + "_" + std::to_string(i)));
      node_names_.emplace(&node, std::move(name));
      for (auto const& attribute : node.attributes)
        if (auto const* const branch = std::get_if<std::shared_ptr<onnx_subgraph>>(&attribute.value))
          name_nodes((*branch)->nodes);
    }
  }

  // --- messages ------------------------------------------------------------------------------------------------------
  static void write_opset(protozero::pbf_writer& model, std::string const& domain, std::int64_t version) {
    protozero::pbf_writer opset(model, onnx_model::opset_import);
    if (!domain.empty()) opset.add_string(onnx_operator_set_id::domain, domain);
    opset.add_int64(onnx_operator_set_id::version, version);
  }

  void write(protozero::pbf_writer& parent, std::uint32_t field, onnx_made_node const& node) {
    protozero::pbf_writer message(parent, field);
    for (auto const each : node.inputs) message.add_string(onnx_node::input, each ? names_.at(each) : std::string());
    for (auto const each : node.outputs) message.add_string(onnx_node::output, names_.at(each));
    message.add_string(onnx_node::name, node_names_.at(&node));
    auto const colons = node.kind.find("::");
    message.add_string(onnx_node::op_type, colons == node.kind.npos ? node.kind : node.kind.substr(colons + 2));
    if (colons != node.kind.npos) message.add_string(onnx_node::domain, node.kind.substr(0, colons));
    for (auto const& each : node.attributes) {
      if (each.name.empty()) continue;  // it tells nodes apart that else are one
      protozero::pbf_writer attribute(message, onnx_node::attribute);
      attribute.add_string(onnx_attribute::name, each.name);
      std::visit([&](auto const& value) { write_value(attribute, value); }, each.value);
    }
  }

  // AttributeProto.AttributeType, by its number
  static void write_value(protozero::pbf_writer& message, std::int64_t value) {
    message.add_int64(onnx_attribute::i, value);
    message.add_enum(onnx_attribute::type, 2);
  }
  static void write_value(protozero::pbf_writer& message, double value) {
    message.add_float(onnx_attribute::f, static_cast<float>(value));
    message.add_enum(onnx_attribute::type, 1);
  }
  static void write_value(protozero::pbf_writer& message, std::string const& value) {
    message.add_bytes(onnx_attribute::s, value);
    message.add_enum(onnx_attribute::type, 3);
  }
  static void write_value(protozero::pbf_writer& message, std::vector<std::int64_t> const& values) {
    for (auto const each : values) message.add_int64(onnx_attribute::ints, each);
    message.add_enum(onnx_attribute::type, 7);
  }
  static void write_value(protozero::pbf_writer& message, std::vector<double> const& values) {
    for (auto const each : values) message.add_float(onnx_attribute::floats, static_cast<float>(each));
    message.add_enum(onnx_attribute::type, 6);
  }
  static void write_value(protozero::pbf_writer& message, std::vector<std::string> const& values) {
    for (auto const& each : values) message.add_bytes(onnx_attribute::strings, each);
    message.add_enum(onnx_attribute::type, 8);
  }
  void write_value(protozero::pbf_writer& message, at::Tensor const& value) {
    {
      protozero::pbf_writer tensor(message, onnx_attribute::t);
      write(tensor, value, {}, nullptr);
    }
    message.add_enum(onnx_attribute::type, 4);
  }
  void write_value(protozero::pbf_writer& message, std::shared_ptr<onnx_subgraph> const& branch) {
    {
      protozero::pbf_writer graph(message, onnx_attribute::g);
      for (auto const& node : branch->nodes) write(graph, onnx_graph::node, node);
      graph.add_string(onnx_graph::name, "branch");
      for (auto const each : branch->outputs) {
        protozero::pbf_writer output(graph, onnx_graph::output);
        output.add_string(onnx_value_info::name, names_.at(each));
      }
    }
    message.add_enum(onnx_attribute::type, 5);
  }

  void write(protozero::pbf_writer& message, at::Tensor const& tensor, std::string const& name, std::string* apart) {
    for (auto const size : tensor.sizes()) message.add_int64(onnx_tensor::dims, size);
    message.add_int32(onnx_tensor::data_type,
                      static_cast<std::int32_t>(onnx_builder::onnx_type_of(tensor.scalar_type())));
    if (!name.empty()) message.add_string(onnx_tensor::name, name);
    auto const bytes = tensor.nbytes();
    if (apart && bytes >= page) {
      auto const begin = (apart->size() + page - 1) / page * page;
      write_external(message, onnx_data::name_in_memory, begin, bytes);
      apart->resize(begin);
      append(*apart, tensor);
    } else if (tensor.is_contiguous()) {
      message.add_bytes(onnx_tensor::raw_data, static_cast<char const*>(tensor.const_data_ptr()), bytes);
    } else {  // as add_bytes would
      constexpr std::uint64_t length_delimited = 2;
      protozero::add_varint_to_buffer(file_, std::uint64_t{onnx_tensor::raw_data} << 3U | length_delimited);
      protozero::add_varint_to_buffer(file_, bytes);
      append(*file_, tensor);
    }
  }
  /// Block by block: a whole copy of a transposed weight would be as large as the weight.
  static void append(std::string& bytes, at::Tensor const& tensor) {
    constexpr std::size_t block = 1U << 22U;
    auto const rows = tensor.size(0);
    auto const step =
        std::max<std::int64_t>(1, rows * static_cast<std::int64_t>(block) / static_cast<std::int64_t>(tensor.nbytes()));
    for (std::int64_t begin = 0; begin < rows; begin += step) {
      auto const part = tensor.narrow(0, begin, std::min(step, rows - begin)).contiguous();
      bytes.append(static_cast<char const*>(part.const_data_ptr()), part.nbytes());
    }
  }

  static void write(protozero::pbf_writer& graph, std::uint32_t field, onnx_port const& port) {
    protozero::pbf_writer info(graph, field);
    info.add_string(onnx_value_info::name, port.name);
    protozero::pbf_writer type(info, onnx_value_info::type);
    protozero::pbf_writer tensor(type, onnx_type::tensor_type);
    tensor.add_int32(onnx_type_tensor::elem_type, static_cast<std::int32_t>(onnx_builder::onnx_type_of(port.dtype)));
    // without dimensions: an empty message, which protozero would leave out
    if (port.sizes.empty()) return tensor.add_message(onnx_type_tensor::shape, std::string());
    protozero::pbf_writer shape(tensor, onnx_type_tensor::shape);
    for (auto const& [size, open] : port.sizes) {
      protozero::pbf_writer dimension(shape, onnx_tensor_shape::dim);
      if (open.empty())
        dimension.add_int64(onnx_tensor_shape_dimension::dim_value, size);
      else
        dimension.add_string(onnx_tensor_shape_dimension::dim_param, open);
    }
  }

  onnx_builder& onnx_;
  onnx_model_text const& text_;
  std::string* file_ = nullptr;  ///< the message
  std::string* apart_ = nullptr;  ///< bytes of external data
  std::map<onnx_value, std::string> names_{};
  std::map<onnx_made_node const*, std::string> node_names_{};
  std::set<std::string> taken_{};
  std::unordered_map<std::string, int> last_{};  ///< number that a name was given
  std::set<std::string> domains_{};
};

}  // namespace torchdeploy::inline v0::detail

#endif
