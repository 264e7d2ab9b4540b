#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/utf8.hpp>

namespace torchdeploy::inline v0::detail {

/// A name out of a file, fit for a message.
inline std::string quoted_name(std::string_view name) {
  constexpr std::size_t shown = 48;
  auto text =
      valid_utf8(name.size() > shown ? name.substr(name.size() - shown) : name);  // the end of a name tells most
  for (auto& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  return (name.size() > shown ? "'..." : "'") + text + "'";
}

/// Where the data of a tensor stand outside of the model's file.
struct onnx_external_data {
  std::string_view location{};
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length{};
};

/// The file at `location`, which must lie inside the model's folder: a model from elsewhere may name any file of this
/// machine, and a runtime would read it as weights and give it out as a result.
/// @throws load_error (109)
inline std::filesystem::path external_file(std::filesystem::path const& folder, std::string_view location,
                                           std::string_view tensor) {
  namespace fs = std::filesystem;
  auto const refuse = [&](std::string const& why, std::string_view hint) {
    throw load_error(
        errc::external_data_refused,
        "external data of tensor " + quoted_name(tensor) + " refused: " + quoted_name(location) + " " + why, hint);
  };
  constexpr std::string_view beside = "external data are files in the model's own folder";
  if (folder.empty()) refuse("has no folder, the model came from memory", "load it from its path: load<Onnx>(path)");
  if (location.empty() || location.find('\0') != location.npos) refuse("is no file name", beside);
  if (location.find('\\') != location.npos || location.find(':') != location.npos || location.starts_with("*/"))
    refuse("is no relative path", beside);
  fs::path const relative(location);
  if (relative.is_absolute()) refuse("is an absolute path", beside);
  auto path = folder;
  std::error_code failure;
  for (auto const& part : relative) {
    if (part == "..") refuse("leads out of the model's folder", beside);
    path /= part;
    if (fs::is_symlink(fs::symlink_status(path, failure))) refuse("is a link", "put the file itself beside the model");
  }
  auto const status = fs::symlink_status(path, failure);
  if (!fs::exists(status))
    refuse("is not there", "copy it beside the model: an .onnx with external data is several files");
  if (!fs::is_regular_file(status)) refuse("is no regular file", beside);
  return path;
}

/// A decimal number, as external_data writes offset and length.
inline std::optional<std::uint64_t> external_number(std::string_view text) {
  std::uint64_t number = 0;
  auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace torchdeploy::inline v0::detail
