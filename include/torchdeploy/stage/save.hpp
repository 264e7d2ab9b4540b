#pragma once

#include <filesystem>
#include <ostream>
#include <string_view>
#include <utility>

#include <torchdeploy/core/pipe.hpp>
#include <torchdeploy/detail/atomic_file.hpp>

namespace torchdeploy::inline v0 {

/// Made by `save`.
struct save_t : stage<save_t> {
  using consumes = any_format;
  using forbids = facts<optimized>;
  using drops = facts<>;
  static constexpr std::string_view name = "save";

  std::filesystem::path path;

  template <class Format>
  auto run(typename Format::handle handle, record<Format>& record) const {
    auto& entry = record.report.current();
    entry.details.emplace_back("path", path.string());
    if constexpr (requires { Format::write_to(handle, record, path); }) {  // a model of several files
      Format::write_to(handle, record, path);
      entry.bytes_after = Format::bytes(handle);
    } else {
      detail::atomic_write(path, [&](std::ostream& out) { Format::write(handle, record, out); });
      entry.bytes_after = std::filesystem::file_size(path);
    }
    return handle;
  }
};

namespace detail {
struct save_maker : stage_maker {
  auto operator()(std::filesystem::path path) const { return save_t{{}, std::move(path)}; }
};
}  // namespace detail

/// Write the artifact to a file and pass it on. A quantized one is lowered for its engine; extra files are kept.
///
/// The file is written whole or not at all. Forbids: optimized (such a module can't be stored: LibTorch's own save
/// throws, or writes a file that does not load). Throws: export_error 201, 202, 203; quantization_error 409.
///
/// @par Example
///     auto model = td::load<td::TorchScript>("model.pt") | td::freeze() | td::save("frozen.pt");
inline constexpr detail::save_maker save{};

}  // namespace torchdeploy::inline v0
