#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/libtorch/pickle.hpp>
#include <torchdeploy/detail/libtorch/storage_check.hpp>

/// The records that say which line of Python each piece of code comes from. LibTorch reads them when a call fails, to
/// write its error, and takes indices in them on trust: a damaged one ends the process there.
namespace torchdeploy::inline v0::detail {

/// Whether every index of the record stays inside what it counts. What LibTorch itself refuses with an exception, such
/// as a value of another kind, is thrown.
inline bool indices_fit(c10::IValue const& record) {
  auto const& all = record.toTupleRef().elements();
  if (all.empty() || !all[0].isString() || all[0].toStringRef() != "FORMAT_WITH_STRING_TABLE") return true;  // no table
  if (all.size() < 3) return false;
  auto const texts = all[1].toTupleRef().elements().size();
  void const* seen = nullptr;  // rows mostly share their source
  for (auto const& row : all[2].toTupleRef().elements()) {
    auto const& fields = row.toTupleRef().elements();  // offset, range, tag
    if (fields.size() < 2) return false;
    auto const& range = fields[1].toTupleRef().elements();
    if (range.empty()) return false;
    auto const& source = range[0].toTupleRef();  // indices of the texts it is put together from, file name, line
    if (&source == seen || source.elements().empty()) continue;
    for (auto const index : source.elements()[0].toIntList().vec())
      if (static_cast<std::uint64_t>(index) >= texts) return false;
    seen = &source;
  }
  return true;
}

inline void check_debug_records(caffe2::serialize::PyTorchStreamReader& archive, std::string const& file) {
  for (auto const& name : archive.getAllRecords()) {
    if (!name.ends_with(".debug_pkl")) continue;
    auto const [content, size] = archive.getRecord(name);
    std::string_view const pickle(static_cast<char const*>(content.get()), size);
    storage_scan scan(pickle);
    while (scan.next()) {
    }
    bool fits = true;
    try {
      if (scan.complete()) fits = indices_fit(torch::jit::unpickle(pickle.data(), pickle.size()));
    } catch (std::exception const&) {
      continue;  // LibTorch throws there too, and errors without Python's lines are no reason to refuse a model
    }
    if (!fits)
      throw format_error(
          errc::file_damaged,
          "expected texts that exist in record '" + name + "', got an index beyond them in '" + file + "'",
          "copy it again and compare checksums");
  }
}

}  // namespace torchdeploy::inline v0::detail
