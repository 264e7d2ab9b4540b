#include <torchdeploy/detail/atomic_file.hpp>

#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/models.hpp"

namespace {
using td::detail::atomic_write;
namespace fs = std::filesystem;

auto text(std::string const& content) {
  return [content](std::ostream& out) { out << content; };
}
std::string content_of(fs::path const& path) {
  auto const bytes = test::bytes_of(path);
  return {bytes.begin(), bytes.end()};
}
}  // namespace

TEST_CASE("a file is written whole, and nothing else is left in its directory") {
  test::temporary_folder const folder;
  auto const path = folder / "a file";
  atomic_write(path, text("first"));
  CHECK(content_of(path) == "first");
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  atomic_write(path, text("second, longer"));
  CHECK(content_of(path) == "second, longer");
  CHECK(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  atomic_write(path, text(""));
  CHECK(fs::file_size(path) == 0);
  CHECK(folder.files() == 1);
}

TEST_CASE("who throws while writing leaves the old file, and no other") {
  test::temporary_folder const folder;
  atomic_write(folder / "old", text("old"));
  CHECK_THROWS_AS(atomic_write(folder / "old",
                               [](std::ostream& out) {
                                 out << "half";
                                 throw std::runtime_error("no more");
                               }),
                  std::runtime_error);
  CHECK(content_of(folder / "old") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("behind a link the file that it leads to is written, be it there or not") {
  test::temporary_folder const folder;
  fs::create_symlink("target", folder / "link");
  fs::create_symlink("link", folder / "link to link");
  atomic_write(folder / "link to link", text("through"));
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(fs::is_symlink(folder / "link to link"));
  CHECK(content_of(folder / "target") == "through");
  CHECK(folder.files() == 3);
}

TEST_CASE("a place where no file can be is refused before anything is written") {
  test::temporary_folder const folder;
  auto const refused = [&](fs::path const& path) {
    INFO(path);
    bool asked = false;
    auto const failure =
        test::failure_of<td::export_error>([&] { atomic_write(path, [&](std::ostream&) { asked = true; }); });
    CHECK(failure.code == td::errc::place_unwritable);
    CHECK_FALSE(asked);
  };
  refused(folder / "missing/file");
  refused(folder.path());
  refused(folder.path() / "");
  refused("");
  refused("/dev/null");
  CHECK(folder.files() == 0);
}

TEST_CASE("a full disk is told of when asked, not while writing") {
  struct full final : std::streambuf {
  } nothing;  // refuses every byte
  td::detail::patient_buffer buffer(nothing);
  std::ostream out(&buffer);
  CHECK_FALSE(buffer.failed());
  out << "text" << 'c' << std::flush;
  CHECK(out.good());
  CHECK(buffer.failed());
}

TEST_CASE("threads that write to one path at once leave one of their files, whole, and no other") {
  test::temporary_folder const folder;
  constexpr int threads = 8, times = 25;
  std::atomic<int> thrown = 0;
  {
    std::vector<std::jthread> all;
    for (int t = 0; t < threads; ++t)
      all.emplace_back([&, t] {
        for (int i = 0; i < times; ++i) try {
            atomic_write(folder / "model", [&](std::ostream& out) {
              for (int part = 0; part < 100; ++part) out << std::string(1000, static_cast<char>('a' + t)) << std::flush;
            });
          } catch (std::exception const&) {
            ++thrown;
          }
      });
  }
  CHECK(thrown == 0);
  auto const content = content_of(folder / "model");
  CHECK(content == std::string(100'000, content.at(0)));
  CHECK(folder.files() == 1);
}

TEST_CASE("temporary files beside a path are many, and none where none can be") {
  test::temporary_folder const folder;
  auto const one = td::detail::make_temporary_beside(folder / "model");
  auto const other = td::detail::make_temporary_beside(folder / "model");
  CHECK(one != other);
  CHECK((fs::exists(one) && fs::exists(other)));
  CHECK(one.parent_path() == (folder / "model").parent_path());
  CHECK(td::detail::make_temporary_beside(folder / "nowhere" / "model").empty());
}
