#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <istream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/debug_check.hpp>
#include <torchdeploy/detail/libtorch/failure.hpp>
#include <torchdeploy/detail/libtorch/module.hpp>
#include <torchdeploy/detail/libtorch/storage_check.hpp>
#include <torchdeploy/detail/libtorch/without_warnings.hpp>
#include <torchdeploy/detail/shared_bytes.hpp>
#include <torchdeploy/quantization/engine.hpp>

/// How bytes become a module: LibTorch is asked only after the bytes look like what it can read, so that the error says
/// what they are instead.
namespace torchdeploy::inline v0::detail {

using reader = std::shared_ptr<caffe2::serialize::ReadAdapterInterface>;

class memory_adapter final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit memory_adapter(shared_bytes bytes) : bytes_(std::move(bytes)) {}
  std::size_t size() const override { return bytes_->size(); }
  std::size_t read(std::uint64_t at, void* out, std::size_t count, char const*) const override {
    if (at >= bytes_->size()) return 0;
    count = std::min(count, bytes_->size() - static_cast<std::size_t>(at));
    std::memcpy(out, bytes_->data() + at, count);
    return count;
  }

 private:
  shared_bytes bytes_;
};

inline reader memory_reader(shared_bytes bytes) { return std::make_shared<memory_adapter>(std::move(bytes)); }

inline shared_bytes all_bytes(std::span<std::byte const> bytes) {
  return shared_bytes_of(std::vector<std::byte>(bytes.begin(), bytes.end()));
}

inline shared_bytes all_bytes(std::istream& stream) {
  constexpr std::size_t block = 65536;
  std::vector<std::byte> bytes;
  for (std::size_t got = 0; stream; bytes.resize(got)) {
    bytes.resize(got + block);
    stream.read(reinterpret_cast<char*>(bytes.data() + got), block);
    got += static_cast<std::size_t>(stream.gcount());
  }
  return shared_bytes_of(std::move(bytes));
}

inline shared_bytes all_bytes(caffe2::serialize::ReadAdapterInterface const& from) {
  std::vector<std::byte> bytes(from.size());
  bytes.resize(from.read(0, bytes.data(), bytes.size(), "the whole file"));
  return shared_bytes_of(std::move(bytes));
}

inline reader file_reader(std::filesystem::path const& path) {
  std::error_code failure;
  if (path.native().find('\0') != std::string::npos)  // no path has that, and each archive
    throw load_error(errc::file_missing,
                     "expected a path, got a string of " + std::to_string(path.native().size()) + " bytes",
                     "a string is a path; a model's bytes are a std::span(text) or a std::vector<char>");
  auto const status = std::filesystem::status(path, failure);
  if (!std::filesystem::exists(status))
    throw load_error(errc::file_missing, "expected a model file, got no such file: '" + path.string() + "'",
                     "check the path and the working directory");
  if (std::filesystem::is_directory(status))
    throw load_error(errc::not_a_file, "expected a model file, got a directory: '" + path.string() + "'",
                     "give the path of the file inside it");
  if (!std::filesystem::is_regular_file(status))  // to open a pipe would wait for somebody to write to it
    throw load_error(errc::not_a_file, "expected a model file, got no regular file: '" + path.string() + "'",
                     "read pipes and devices as a stream: load<TorchScript>(stream)");
  return translated<load_error>(
      errc::not_a_file, "the file '" + path.string() + "' can't be opened", "check who may read it",
      [&]() -> reader { return std::make_shared<caffe2::serialize::FileAdapter>(path.string()); });
}

/// What a file is that LibTorch can't read, told from its first bytes; empty when it is a zip archive.
inline std::string_view kind_of_foreign_file(caffe2::serialize::ReadAdapterInterface const& bytes) {
  std::array<char, 32> head{};
  auto const count = bytes.read(0, head.data(), head.size(), "");
  std::string_view const start(head.data(), count);
  if (start.starts_with("PK\x03\x04")) return {};
  if (start.starts_with("\x80\x02")) return "a legacy torch.save pickle";
  if (start.starts_with("\x89HDF")) return "an HDF5 file";
  if (start.starts_with("\x7f"
                        "ELF"))
    return "an ELF program or library";
  if (start.starts_with("\x08") && start.find("\x12") != start.npos) return "what looks like an ONNX file";
  if (start.size() > 8 && start[8] == '{') return "a safetensors file";
  if (start.size() > 4 && start.substr(4).starts_with("PTMF")) return "a flatbuffer mobile module";
  if (start.starts_with("<")) return "an HTML or XML page";
  if (start.starts_with("version https://git")) return "a Git LFS pointer, not the file itself";
  return "something that is not a zip archive";
}

/// Open an archive with a model, as every format of LibTorch's is: refuse what is none, look at what is inside
/// (`inspect(archive)` throws for another format), and have it read (`read_it(extra files)`) with the engine set for which
/// its weights were packed. Every extra file beside the model is kept.
template <class Inspect, class Read>
auto read_archive(reader const& bytes, std::string const& name, std::string_view expected, std::string_view advice,
                  std::unordered_map<std::string, std::string>& extra_files, std::optional<c10::Device> device,
                  std::vector<std::string> const& required, Inspect inspect, Read read_it) {
  if (bytes->size() == 0)
    throw load_error(errc::file_empty, "expected " + std::string(expected) + ", got 0 bytes in '" + name + "'",
                     "the copy or download was not finished");
  if (auto const kind = kind_of_foreign_file(*bytes); !kind.empty())
    throw format_error(errc::wrong_format,
                       "expected " + std::string(expected) + ", got " + std::string(kind) + " in '" + name + "'",
                       advice);

  torch::jit::ExtraFilesMap files;
  without_warnings const silence("quantized tensor");  // deprecated they are, but the file is a user's as it is
  compiler_lock const alone;  // also so that no other thread's engine packs int8 weights that name none
  std::optional<engine_scope> engine;
  translated<format_error>(errc::file_damaged, "'" + name + "' is damaged or cut short",
                           "copy it again and compare checksums", [&] {
                             caffe2::serialize::PyTorchStreamReader archive(bytes);
                             inspect(archive);
                             check_storages(archive, name, device);
                             check_debug_records(archive, name);
                             constexpr std::string_view folder = "extra/";
                             for (auto const& each : archive.getAllRecords())
                               if (each.starts_with(folder)) files.emplace(each.substr(folder.size()), "");
                             if (files.contains(engine_file)) {
                               auto const [content, size] = archive.getRecord(std::string(folder) + engine_file);
                               engine.emplace(engine_named({static_cast<char const*>(content.get()), size}));
                             }
                           });
  for (auto const& wanted : required)
    if (!files.contains(wanted))
      throw load_error(errc::extra_file_missing,
                       "expected the extra file '" + wanted + "' inside '" + name + "', got none",
                       "extra files are written by torch.jit.save(..., _extra_files=...)");
  if (device && !is_available(*device))
    throw load_error(errc::device_unavailable, "expected device " + device->str() + ", but this LibTorch finds none",
                     "load onto the CPU: {.device = c10::kCPU}");

  auto module = translated<format_error>(errc::file_damaged, "LibTorch can't read '" + name + "'",
                                         "copy it again, or export it again with this LibTorch's version",
                                         [&] { return read_it(files); });
  for (auto& [key, content] : files) extra_files[key] = std::move(content);
  return module;
}

/// What an archive is that has no code in it.
inline std::string kind_of_foreign_archive(caffe2::serialize::PyTorchStreamReader& archive) {
  return archive.hasRecord("data.pkl") ? "a torch.save file (a state_dict or a pickled model)"
                                       : "another kind of zip archive";
}

/// The module in a TorchScript archive, and every extra file beside it.
inline torch::jit::Module read_module(reader const& bytes, std::string const& name,
                                      std::unordered_map<std::string, std::string>& extra_files,
                                      std::optional<c10::Device> device, std::vector<std::string> const& required) {
  constexpr auto advice = "save it in Python with torch.jit.script(model).save(path)";
  return read_archive(
      bytes, name, "a TorchScript archive", advice, extra_files, device, required,
      [&](caffe2::serialize::PyTorchStreamReader& archive) {
        if (!archive.hasRecord("constants.pkl"))
          throw format_error(errc::wrong_format,
                             "expected TorchScript, got " + kind_of_foreign_archive(archive) + " in '" + name + "'",
                             advice);
      },
      [&](torch::jit::ExtraFilesMap& files) { return torch::jit::load(bytes, device, files); });
}

}  // namespace torchdeploy::inline v0::detail
