#include <torchdeploy/onnx/external_data.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/onnx_models.hpp"

using namespace test::onnx;
using test::failure_of;

namespace {

using entries = std::vector<std::pair<std::string, std::string>>;

/// y = x + w, w somewhere else.
std::string with(entries const& where, sizes const& dims = {4}) {
  return model(
      graph({node("Add", {"x", "w"}, {"y"})}, {value("x")}, {value("y")}, {external("w", dims, where)}).text());
}

}  // namespace

TEST_CASE("external data load from files of the model's own folder and from nowhere else") {
  namespace fs = std::filesystem;
  test::temporary_folder const elsewhere, folder;
  test::write(elsewhere / "secret", "0123456789abcdef");
  fs::create_directory(folder / "sub");
  fs::create_directory_symlink(elsewhere.path(), folder / "linked");
  fs::create_symlink(elsewhere / "secret", folder / "out");
  test::write(folder / "w.bin", "0123456789abcdefXX");
  fs::create_symlink("w.bin", folder / "in");
  test::write(folder / "sub/w.bin", "0123456789abcdef");

  auto const loaded = [&](entries const& where) {
    test::write(folder / "m.onnx", with(where));
    return td::load<td::Onnx>(folder / "m.onnx").handle();
  };
  CHECK(loaded({{"location", "w.bin"}, {"offset", "2"}, {"length", "16"}}).summary->external_bytes == 18);
  CHECK(loaded({{"location", "w.bin"}}).has_external_data());
  CHECK(loaded({{"location", "./sub/w.bin"}, {"checksum", "?"}}).summary->external_files.size() == 1);

  auto const refused = [&](entries const& where) {
    auto const failure = failure_of<td::load_error>([&] { loaded(where); });
    CHECK(failure.code == td::errc::external_data_refused);
    return failure.text;
  };
  CHECK_THAT(refused({{"location", "../" + elsewhere.path().filename().string() + "/secret"}}),
             ContainsSubstring("'w'") && ContainsSubstring("leads out of the model's folder"));
  CHECK_THAT(refused({{"location", "sub/../w.bin"}}), ContainsSubstring("leads out"));
  CHECK_THAT(refused({{"location", (elsewhere / "secret").string()}}), ContainsSubstring("absolute path"));
  CHECK_THAT(refused({{"location", "out"}}), ContainsSubstring("is a link"));
  CHECK_THAT(refused({{"location", "in"}}), ContainsSubstring("is a link"));
  CHECK_THAT(refused({{"location", "linked/secret"}}), ContainsSubstring("is a link"));
  CHECK_THAT(refused({{"location", "sub"}}), ContainsSubstring("no regular file"));
  CHECK_THAT(refused({{"location", "gone.bin"}}), ContainsSubstring("is not there"));
  CHECK_THAT(refused({{"location", "file:///etc/passwd"}}), ContainsSubstring("no relative path"));
  CHECK_THAT(refused({{"location", "C:\\w.bin"}}), ContainsSubstring("no relative path"));
  // where ONNX Runtime itself means an address in memory, given as the offset
  CHECK_THAT(refused({{"location", "*/_ORT_MEM_ADDR_/*"}, {"offset", "4096"}}), ContainsSubstring("no relative path"));
  CHECK_THAT(refused({{"location", ""}}), ContainsSubstring("no file name"));
  CHECK_THAT(refused({{"offset", "0"}}), ContainsSubstring("no file name"));
  CHECK_THAT(refused({{"location", "w.bin"}, {"offset", "3"}}),
             ContainsSubstring("16 bytes at 3 of 'w.bin', which has 18"));
  CHECK_THAT(refused({{"location", "w.bin"}, {"offset", "18446744073709551615"}}), ContainsSubstring("which has 18"));
}

TEST_CASE("external data of another length, or with data in the model too, are no valid model") {
  test::temporary_folder const folder;
  test::write(folder / "w.bin", "0123456789abcdef");
  auto const refused = [&](std::string const& bytes) {
    test::write(folder / "m.onnx", bytes);
    auto const failure = failure_of<td::format_error>([&] { td::load<td::Onnx>(folder / "m.onnx"); });
    CHECK(failure.code == td::errc::file_damaged);
    return failure.text;
  };
  CHECK_THAT(refused(with({{"location", "w.bin"}, {"length", "8"}})), ContainsSubstring("16 bytes, got a length of 8"));
  CHECK_THAT(refused(with({{"location", "w.bin"}, {"offset", "-1"}})),
             ContainsSubstring("expected a number as offset"));
  CHECK_THAT(refused(with({{"location", "w.bin"}, {"length", "16 "}})),
             ContainsSubstring("expected a number as length"));
  CHECK_THAT(
      refused(model(
          graph({node("Add", {"x", "w"}, {"y"})}, {value("x")}, {value("y")},
                {external("w", {4}, {{"location", "w.bin"}}).bytes(pb::onnx_tensor::raw_data, "0123456789abcdef")})
              .text())),
      ContainsSubstring("data of its own"));
}

TEST_CASE("a model from memory has no folder for external data") {
  auto const failure = failure_of<td::load_error>([&] { load(with({{"location", "w.bin"}})); });
  CHECK(failure.code == td::errc::external_data_refused);
  CHECK_THAT(failure.text, ContainsSubstring("came from memory") && ContainsSubstring("load<Onnx>(path)"));
}

TEST_CASE("names out of a file are shown by their ends, without control characters") {
  CHECK(td::detail::quoted_name("conv\n1") == "'conv?1'");
  auto const text = td::detail::quoted_name(std::string(100, 'x') + ".weight");
  CHECK(text.size() < 60);
  CHECK_THAT(text, StartsWith("'...") && Catch::Matchers::EndsWith(".weight'"));
}
