#include <torchdeploy/detail/libtorch/reader.hpp>

#include <algorithm>
#include <sstream>

#include "support/models.hpp"

namespace {
td::detail::reader reader_of(std::string_view content) {
  return td::detail::memory_reader(td::detail::all_bytes(std::as_bytes(std::span(content))));
}
std::string kind_of(std::string_view start) { return std::string(td::detail::kind_of_foreign_file(*reader_of(start))); }
}  // namespace

TEST_CASE("bytes in memory are read wherever they are, and nothing beyond them") {
  auto const bytes = reader_of("0123456789");
  std::array<char, 4> out{};
  CHECK(bytes->size() == 10);
  CHECK(bytes->read(2, out.data(), 4, "") == 4);
  CHECK(std::string_view(out.data(), 4) == "2345");
  CHECK(bytes->read(8, out.data(), 4, "") == 2);
  CHECK(bytes->read(10, out.data(), 4, "") == 0);
  CHECK(bytes->read(~std::uint64_t{}, out.data(), 4, "") == 0);
}

TEST_CASE("a stream, a span and a reader give the same bytes, of any length") {
  for (std::size_t const length : {0, 1, 65535, 65536, 65537, 200000}) {
    std::string content(length, 'x');
    if (length) content.back() = 'y';
    auto const span = td::detail::all_bytes(std::as_bytes(std::span(std::as_const(content))));
    std::istringstream stream(content);
    CHECK(std::ranges::equal(*td::detail::all_bytes(stream), *span));
    CHECK(std::ranges::equal(*td::detail::all_bytes(*td::detail::memory_reader(span)), *span));
    CHECK(span->size() == length);
  }
}

TEST_CASE("what is no archive is told from its first bytes") {
  CHECK(kind_of("PK\x03\x04 and more").empty());
  CHECK_THAT(kind_of("\x80\x02}q"), ContainsSubstring("pickle"));
  CHECK_THAT(kind_of("\x89HDF\r\n"), ContainsSubstring("HDF5"));
  CHECK_THAT(kind_of("\x7f"
                     "ELF\x02"),
             ContainsSubstring("ELF"));
  CHECK_THAT(kind_of("\x08\x08\x12\x07pytorch"), ContainsSubstring("ONNX"));
  CHECK_THAT(kind_of("<!DOCTYPE html>"), ContainsSubstring("HTML"));
  CHECK_THAT(kind_of("version https://git-lfs.github.com/spec/v1"), ContainsSubstring("Git LFS"));
  CHECK_THAT(kind_of("....PTMF"), ContainsSubstring("flatbuffer"));
  CHECK_THAT(kind_of("12345678{\"a\""), ContainsSubstring("safetensors"));
  for (auto const* start : {"", "P", "PK", "text"}) CHECK_THAT(kind_of(start), ContainsSubstring("not a zip archive"));
}

TEST_CASE("a file that is none is refused before it is opened") {
  test::temporary_folder const folder;
  auto const code = [](std::filesystem::path const& path) {
    return test::failure_of<td::load_error>([&] { (void)td::detail::file_reader(path); }).code;
  };
  CHECK(code(folder / "missing") == td::errc::file_missing);
  CHECK(code(folder.path()) == td::errc::not_a_file);
  CHECK(code("/dev/null") == td::errc::not_a_file);
  CHECK(code("") == td::errc::file_missing);
  test::write(folder / "empty", "");
  CHECK(td::detail::file_reader(folder / "empty")->size() == 0);
}
