#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/atomic_file.hpp>
#include <torchdeploy/onnx/external_data.hpp>
#include <torchdeploy/onnx/onnx_summary.hpp>
#include <torchdeploy/onnx/tensor.hpp>
#include <torchdeploy/onnx/wire.hpp>

/// How a model with external data leaves: its tensors point elsewhere, all else is copied as it stands.
namespace torchdeploy::inline v0::detail {

/// Where a tensor can be.
constexpr bool may_hold_tensors(onnx_message message) {
  switch (message) {
    case onnx_message::model:
    case onnx_message::graph:
    case onnx_message::node:
    case onnx_message::attribute:
    case onnx_message::function:
    case onnx_message::training_info:
    case onnx_message::sparse_tensor:
    case onnx_message::tensor:
      return true;
    default:
      return false;
  }
}

/// The message with each tensor that has external data as `change(writer, its data, its bytes)` has it.
template <class Change>
std::string with_tensors_changed(std::string_view bytes, onnx_message message, Change const& change) {
  std::string result;
  protozero::pbf_writer writer(result);
  auto const fields = fields_of(message);
  onnx_tensor_view const tensor = message == onnx_message::tensor ? onnx_tensor_view(bytes) : onnx_tensor_view();
  auto at = onnx_reader(bytes);
  for (auto const* begin = at.data().data(); at.next(); begin = at.data().data()) {
    onnx_field const* field = nullptr;
    for (auto const& each : fields)
      if (each.number == at.tag()) field = &each;
    if (field && field->wire == onnx_wire::message && may_hold_tensors(field->message)) {
      writer.add_message(field->number, with_tensors_changed(view_of(at.get_view()), field->message, change));
      continue;
    }
    bool const changes =
        tensor.external && (at.tag() == onnx_tensor::external_data || at.tag() == onnx_tensor::data_location);
    at.skip();
    if (!changes) result.append(begin, at.data().data());
  }
  if (tensor.external) change(writer, onnx_external(tensor, quoted_name(tensor.name)), onnx_bytes(tensor), tensor.name);
  return result;
}

/// The model as one message, its external data read in.
/// @throws export_error (203), load_error (109)
inline std::string with_data_inside(std::string_view model, onnx_data const& data, onnx_summary const& summary) {
  if (model.size() + summary.external_bytes > std::numeric_limits<std::int32_t>::max())
    throw export_error(errc::not_serializable,
                       "one ONNX message holds 2 GB, the model has " +
                           std::to_string(model.size() + summary.external_bytes) + " bytes",
                       "save it to a path, with its external data beside it");
  return with_tensors_changed(
      model, onnx_message::model,
      [&](protozero::pbf_writer& writer, onnx_external_data const& at, std::uint64_t size, std::string_view tensor) {
        std::string content;
        content.reserve(size);
        data.for_each_block(at.location, tensor, at.offset, size, [&](std::string_view block) { content += block; });
        writer.add_bytes(onnx_tensor::raw_data, content);
      });
}

/// 16 hexadecimal digits of a data file's content: FNV-1a, 64 bits.
inline std::string content_name(onnx_data const& data, std::string_view file) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  data.for_each_block(file, file, 0, data.size(file, file), [&](std::string_view block) {
    for (auto const c : block) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  });
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = "0123456789abcdef"[(hash >> (60 - 4 * i)) & 15U];
  return text;
}

/// Says in a tensor's message where its data are.
inline void write_external(protozero::pbf_writer& tensor, std::string_view location, std::uint64_t offset,
                           std::uint64_t size) {
  auto const add = [&](std::string_view key, std::string_view value) {
    protozero::pbf_writer entry(tensor, onnx_tensor::external_data);
    entry.add_string(onnx_string_string_entry::key, key.data(), key.size());
    entry.add_string(onnx_string_string_entry::value, value.data(), value.size());
  };
  add("location", location);
  add("offset", std::to_string(offset));
  add("length", std::to_string(size));
  tensor.add_enum(onnx_tensor::data_location, 1);
}

/// Write a model and its data files beside it, each whole or not at all, the data first. A data file is named for its content
/// ("model.onnx.0123456789abcdef.data"): no other model's weights, nor those of the model that was there, are written over.
/// @throws export_error (201, 202), load_error (109)
inline void write_with_data_beside(std::string_view model, onnx_data const& data, onnx_summary const& summary,
                                   std::filesystem::path const& path) {
  struct written_files {
    std::vector<std::filesystem::path> paths{};
    bool kept = false;
    ~written_files() {
      std::error_code ignored;
      if (!kept)
        for (auto const& each : paths) std::filesystem::remove(each, ignored);
    }
  } written;
  std::map<std::string_view, std::string> names;
  for (auto const& file : summary.external_files) {
    auto const name = path.filename().string() + "." + content_name(data, file) + ".data";
    auto const target = path.parent_path() / name;
    std::error_code ignored;
    bool const is_new = !std::filesystem::exists(target, ignored);
    atomic_write(target, [&](std::ostream& out) {
      data.for_each_block(file, file, 0, data.size(file, file), [&](std::string_view block) {
        out.write(block.data(), static_cast<std::streamsize>(block.size()));
      });
    });
    if (is_new) written.paths.push_back(target);
    names.emplace(file, name);
  }
  auto const text =
      with_tensors_changed(model, onnx_message::model,
                           [&](protozero::pbf_writer& tensor, onnx_external_data const& at, std::uint64_t size,
                               std::string_view) { write_external(tensor, names.at(at.location), at.offset, size); });
  atomic_write(path, [&](std::ostream& out) { out.write(text.data(), static_cast<std::streamsize>(text.size())); });
  written.kept = true;
}

}  // namespace torchdeploy::inline v0::detail

#endif
