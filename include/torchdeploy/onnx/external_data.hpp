#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/shared_bytes.hpp>
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

/// Where the external data of a model are: in files of its folder, or, of a model that was exported and not saved yet, in
/// memory.
class onnx_data {
 public:
  /// What a model calls the one file that is in memory.
  static constexpr std::string_view name_in_memory = "weights";

  onnx_data() = default;
  explicit onnx_data(std::filesystem::path folder) : folder_(std::move(folder)) {}
  explicit onnx_data(shared_bytes memory) : memory_(std::move(memory)) {}

  /// Of the files; empty where there is none.
  [[nodiscard]] std::filesystem::path const& folder() const { return folder_; }
  /// Nothing where they are files.
  [[nodiscard]] shared_bytes const& memory() const { return memory_; }

  /// How many bytes a file has that a tensor names.
  /// @throws load_error (109)
  [[nodiscard]] std::uint64_t size(std::string_view location, std::string_view tensor) const {
    if (is_in_memory(location)) return memory_->size();
    std::error_code failure;
    auto const bytes = std::filesystem::file_size(external_file(folder_, location, tensor), failure);
    return failure ? 0 : bytes;
  }

  /// Visits bytes of such a file, a block at a time, as a `std::string_view`.
  /// @throws load_error (109)
  template <class Visit>
  void for_each_block(std::string_view location, std::string_view tensor, std::uint64_t offset, std::uint64_t size,
                      Visit const& visit) const {
    if (is_in_memory(location)) {
      auto const part = memory_->subspan(offset, size);
      return visit(std::string_view(reinterpret_cast<char const*>(part.data()), part.size()));
    }
    std::ifstream file(external_file(folder_, location, tensor), std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    std::vector<char> block(1U << 20U);
    while (size > 0) {
      auto const wanted = std::min<std::uint64_t>(size, block.size());
      if (!file.read(block.data(), static_cast<std::streamsize>(wanted)))
        throw load_error(errc::external_data_refused,
                         "external data " + quoted_name(location) + " can't be read any more",
                         "keep the files of a model while it is in use");
      visit(std::string_view(block.data(), wanted));
      size -= wanted;
    }
  }

 private:
  [[nodiscard]] bool is_in_memory(std::string_view location) const { return memory_ && location == name_in_memory; }

  std::filesystem::path folder_{};
  shared_bytes memory_{};
};

}  // namespace torchdeploy::inline v0::detail
