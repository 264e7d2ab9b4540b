#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
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
inline std::string with_data_inside(std::string_view model, std::filesystem::path const& folder,
                                    onnx_summary const& summary) {
  if (model.size() + summary.external_bytes > std::numeric_limits<std::int32_t>::max())
    throw export_error(errc::not_serializable,
                       "one ONNX message holds 2 GB, the model has " +
                           std::to_string(model.size() + summary.external_bytes) + " bytes",
                       "save it to a path, with its external data beside it");
  return with_tensors_changed(
      model, onnx_message::model,
      [&](protozero::pbf_writer& writer, onnx_external_data const& data, std::uint64_t size, std::string_view tensor) {
        std::ifstream file(external_file(folder, data.location, tensor), std::ios::binary);
        std::string content(size, '\0');
        file.seekg(static_cast<std::streamoff>(data.offset));
        if (!file.read(content.data(), static_cast<std::streamsize>(size)))
          throw load_error(errc::external_data_refused,
                           "external data of tensor " + quoted_name(tensor) + " can't be read any more",
                           "keep the files of a model while it is in use");
        writer.add_bytes(onnx_tensor::raw_data, content);
      });
}

/// Visits a file's bytes, a block at a time.
template <class Visit>
void for_each_block(std::filesystem::path const& path, Visit visit) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> block(1U << 20U);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
    visit(std::string_view(block.data(), static_cast<std::size_t>(file.gcount())));
  if (!file.eof())
    throw load_error(errc::external_data_refused,
                     "external data " + quoted_name(path.filename().string()) + " can't be read",
                     "keep the files of a model while it is in use");
}

/// 16 hexadecimal digits of the file's content: FNV-1a, 64 bits.
inline std::string content_name(std::filesystem::path const& path) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for_each_block(path, [&](std::string_view block) {
    for (auto const c : block) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  });
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = "0123456789abcdef"[(hash >> (60 - 4 * i)) & 15U];
  return text;
}

/// Write a model and its data files beside it, each whole or not at all, the data first. A data file is named for its content
/// ("model.onnx.0123456789abcdef.data"): no other model's weights, nor those of the model that was there, are written over.
/// @throws export_error (201, 202), load_error (109)
inline void write_with_data_beside(std::string_view model, std::filesystem::path const& folder,
                                   onnx_summary const& summary, std::filesystem::path const& path) {
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
    auto const source = external_file(folder, file, path.filename().string());
    auto const name = path.filename().string() + "." + content_name(source) + ".data";
    auto const target = path.parent_path() / name;
    std::error_code ignored;
    bool const is_new = !std::filesystem::exists(target, ignored);
    atomic_write(target, [&](std::ostream& out) {
      for_each_block(
          source, [&](std::string_view block) { out.write(block.data(), static_cast<std::streamsize>(block.size())); });
    });
    if (is_new) written.paths.push_back(target);
    names.emplace(file, name);
  }
  auto const text = with_tensors_changed(
      model, onnx_message::model,
      [&](protozero::pbf_writer& writer, onnx_external_data const& data, std::uint64_t size, std::string_view) {
        auto const add = [&](std::string const& key, std::string const& value) {
          std::string entry;
          protozero::pbf_writer pair(entry);
          pair.add_string(onnx_string_string_entry::key, key);
          pair.add_string(onnx_string_string_entry::value, value);
          writer.add_message(onnx_tensor::external_data, entry);
        };
        add("location", names.at(data.location));
        add("offset", std::to_string(data.offset));
        add("length", std::to_string(size));
        writer.add_enum(onnx_tensor::data_location, 1);
      });
  atomic_write(path, [&](std::ostream& out) { out.write(text.data(), static_cast<std::streamsize>(text.size())); });
  written.kept = true;
}

}  // namespace torchdeploy::inline v0::detail

#endif
