#include <torchdeploy/detail/libtorch/debug_check.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/detail/libtorch/reader.hpp>

#include "support/models.hpp"

namespace {

c10::IValue tuple(std::vector<c10::IValue> elements) { return c10::ivalue::Tuple::create(std::move(elements)); }

/// A record with three texts and one row, of such indices.
c10::IValue record(std::vector<std::int64_t> indices) {
  auto const source = tuple({c10::List<std::int64_t>(c10::ArrayRef<std::int64_t>(indices)), 2, 1});
  return tuple(
      {"FORMAT_WITH_STRING_TABLE", tuple({"a", "b", "file.py"}), tuple({tuple({0, tuple({source, 0, 1}), 7})})});
}

}  // namespace

TEST_CASE("the debug records of a sound file fit") {
  std::size_t records = 0;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(TORCHDEPLOY_MODELS)) {
    if (!entry.is_regular_file()) continue;
    auto const file = test::bytes_of(entry.path());
    if (!std::string_view(file.data(), file.size()).starts_with("PK")) continue;
    INFO(entry.path());
    auto const* const begin = reinterpret_cast<std::byte const*>(file.data());
    caffe2::serialize::PyTorchStreamReader archive(
        td::detail::memory_reader(td::detail::shared_bytes_of(std::vector<std::byte>(begin, begin + file.size()))));
    CHECK_NOTHROW(td::detail::check_debug_records(archive, "file"));
    for (auto const& name : archive.getAllRecords()) {
      if (!name.ends_with(".debug_pkl")) continue;
      auto const [content, size] = archive.getRecord(name);
      auto const value = torch::jit::unpickle(static_cast<char const*>(content.get()), size);
      CHECK(td::detail::indices_fit(value));
      CHECK(value.toTupleRef().elements().at(0).isString());  // the format with a table: it was looked at
      ++records;
    }
  }
  CHECK(records > 30);
}

TEST_CASE("an index beyond the texts of a debug record is found") {
  CHECK(td::detail::indices_fit(record({0, 1, 2})));
  CHECK(td::detail::indices_fit(record({})));
  CHECK_FALSE(td::detail::indices_fit(record({0, 3})));
  CHECK_FALSE(td::detail::indices_fit(record({-1})));
  CHECK_FALSE(td::detail::indices_fit(tuple({"FORMAT_WITH_STRING_TABLE", tuple({})})));
  CHECK(td::detail::indices_fit(tuple({tuple({0, 7})})));  // the format before it
}

TEST_CASE("a file with a damaged debug record is refused before a failing call can crash on it") {
  std::vector<char> packed;
  {
    caffe2::serialize::PyTorchStreamWriter writer([&](void const* data, std::size_t size) {
      auto const* const text = static_cast<char const*>(data);
      packed.insert(packed.end(), text, text + size);
      return size;
    });
    auto const file = test::bytes_of(test::model_path("raises"));
    auto const* const begin = reinterpret_cast<std::byte const*>(file.data());
    caffe2::serialize::PyTorchStreamReader archive(
        td::detail::memory_reader(td::detail::shared_bytes_of(std::vector<std::byte>(begin, begin + file.size()))));
    auto const damaged = torch::jit::pickle(record({200}));
    for (auto const& name : archive.getAllRecords()) {
      if (name == "version" || name == "byteorder" || name.starts_with(".")) continue;
      auto const [content, size] = archive.getRecord(name);
      auto const debug = name.ends_with(".debug_pkl");
      writer.writeRecord(name, debug ? damaged.data() : content.get(), debug ? damaged.size() : size);
    }
    writer.writeEndOfFile();
  }
  auto const failure = test::failure_of<td::format_error>([&] { (void)td::load<td::TorchScript>(packed); });
  CHECK(failure.code == td::errc::file_damaged);
  CHECK_THAT(failure.text, ContainsSubstring(".debug_pkl"));
}
