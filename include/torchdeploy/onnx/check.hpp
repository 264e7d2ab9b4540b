#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/onnx/external_data.hpp>
#include <torchdeploy/onnx/graph.hpp>
#include <torchdeploy/onnx/node.hpp>
#include <torchdeploy/onnx/onnx_summary.hpp>
#include <torchdeploy/onnx/tensor.hpp>
#include <torchdeploy/onnx/values.hpp>
#include <torchdeploy/onnx/wire.hpp>

namespace torchdeploy::inline v0::detail {

/// What the bytes are that are no model of ONNX's, told from the first of them; empty when they may be one.
inline std::string_view kind_of_no_onnx(std::string_view bytes) {
  auto const at = [&](std::size_t place, std::string_view text) {
    return bytes.size() > place && bytes.substr(place).starts_with(text);
  };
  auto const number = [&](std::size_t place, std::size_t width) {
    std::uint64_t all = 0;
    for (auto i = width; i-- > 0;) all = all << 8U | static_cast<unsigned char>(bytes[place + i]);
    return all;
  };
  // Where a flatbuffer's root is, before its mark, is a small number, and the length before safetensors' header less than the
  // file's: 8 bytes that begin a model of ONNX's ("08 07 12", the producer's name) are neither, whatever its name.
  auto const is_flatbuffer = [&](std::string_view mark) { return at(4, mark) && number(0, 4) < 0x10000; };
  if (at(0, "PK\x03\x04")) return "a zip archive (TorchScript, torch.save or another)";
  if (at(0, "\x80") && bytes.size() > 1 && bytes[1] >= 2 && bytes[1] <= 5) return "a Python pickle";
  if (at(0, "\x89HDF")) return "an HDF5 file";
  if (at(0,
         "\x7f"
         "ELF"))
    return "an ELF program or library";
  if (is_flatbuffer("ORTM")) return "an ONNX Runtime file (.ort)";
  if (is_flatbuffer("TFL3")) return "a TensorFlow Lite file";
  if (is_flatbuffer("PTMF")) return "a flatbuffer mobile module";
  if (is_flatbuffer("ET1")) return "an ExecuTorch program";
  if (at(8, "{") && number(0, 8) < bytes.size()) return "a safetensors file";
  if (at(0, "\x1f\x8b")) return "a gzip archive: unpack it first";
  if (at(0, "<")) return "an HTML or XML page (OpenVINO's IR?)";
  if (at(0, "version https://git")) return "a Git LFS pointer, not the file itself";
  auto const head = bytes.substr(0, 64);
  bool text = true;
  for (auto const c : head) text = text && (c == '\n' || c == '\r' || c == '\t' || (c >= ' ' && c <= '~'));
  if (text) return "text";
  return {};
}

/// Is the first field one of ModelProto's, written as it is written there?
inline bool begins_as_onnx(std::string_view bytes) {
  auto const tag = static_cast<unsigned char>(bytes.empty() ? 0 : bytes.front());
  for (auto const& field : fields_of(onnx_message::model))
    if (field.number == tag >> 3U) return (tag & 7U) == (field.wire == onnx_wire::varint ? 0U : 2U);
  return false;
}

/// Protobuf's own limit, asked before a file is read.
inline void check_onnx_size(std::uint64_t bytes, std::string const& name) {
  if (bytes > std::numeric_limits<std::int32_t>::max())
    throw format_error(errc::file_damaged,
                       "expected an ONNX model of 2 GB at most, as protobuf's are, got " + std::to_string(bytes) +
                           " bytes in '" + name + "'",
                       "keep the weights as external data");
}

/// The checks of a file that is one message at least.
inline onnx_summary onnx_summary_of(std::string_view bytes, onnx_data const& data) {
  onnx_tensor_check tensors(data);
  onnx_walk(onnx_value_check(tensors))(bytes, onnx_message::model);

  onnx_summary summary;
  std::string_view graph, producer_version;
  std::vector<std::string_view> functions;
  bool has_graph = false;
  for (auto at = onnx_reader(bytes); at.next();) switch (at.tag()) {
      case onnx_model::ir_version:
        summary.ir_version = at.get_int64();
        break;
      case onnx_model::opset_import: {
        auto const [domain, version] = onnx_opset(view_of(at.get_view()));
        auto const [place, added] = summary.opsets.emplace(domain, version);
        if (!added && place->second != version) onnx_invalid("two opsets of domain " + quoted_name(domain));
        break;
      }
      case onnx_model::producer_name:
        summary.producer = view_of(at.get_view());
        break;
      case onnx_model::producer_version:
        producer_version = view_of(at.get_view());
        break;
      case onnx_model::metadata_props: {
        auto const [key, value] = onnx_entry(view_of(at.get_view()));
        summary.metadata[std::string(key)] = value;
        break;
      }
      case onnx_model::functions:
        functions.push_back(view_of(at.get_view()));
        break;
      case onnx_model::graph:
        has_graph = true;
        graph = view_of(at.get_view());
        break;
      default:
        at.skip();
    }
  if (!has_graph) onnx_invalid("it has no graph");
  if (summary.ir_version < 1) onnx_invalid("no IR version " + std::to_string(summary.ir_version));
  if (summary.ir_version < 3 && summary.opsets.empty()) summary.opsets[""] = 1;  // before there were opsets
  if (summary.opsets.empty()) onnx_invalid("it imports no opset");
  if (!producer_version.empty()) (summary.producer += ' ') += producer_version;

  onnx_graph_check check(summary.opsets, summary);
  for (auto const& each : functions) check.declare(each);
  check.check_functions();
  check.check_graph(graph);
  for (auto const& [file, size] : tensors.files()) {
    summary.external_files.push_back(file);
    summary.external_bytes += size;
  }
  return summary;
}

/// All checks there are before any runtime sees a model, and what it says of itself.
/// @throws format_error (104, 105), load_error (103, 109)
inline onnx_summary checked_onnx(std::string_view bytes, std::string const& name, onnx_data const& data) {
  constexpr auto advice = "export it in Python: torch.onnx.export(model, inputs, path)";
  if (bytes.empty())
    throw load_error(errc::file_empty, "expected an ONNX model, got 0 bytes in '" + name + "'",
                     "the copy or download was not finished");
  auto kind = kind_of_no_onnx(bytes);
  if (kind.empty() && !begins_as_onnx(bytes)) kind = "something else";
  if (!kind.empty())
    throw format_error(errc::wrong_format, "expected an ONNX model, got " + std::string(kind) + " in '" + name + "'",
                       advice);
  check_onnx_size(bytes.size(), name);
  try {
    return onnx_summary_of(bytes, data);
  } catch (onnx_complaint const& found) {
    throw format_error(errc::file_damaged, "'" + name + "' " + found.text, found.hint);
  }
}

}  // namespace torchdeploy::inline v0::detail

#endif
