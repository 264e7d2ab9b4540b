#include <torchdeploy/detail/notice.hpp>

#include <functional>

#include "support/models.hpp"

namespace {
/// What goes to standard error.
std::string said_by(std::function<void()> const& work, bool quiet) {
  test::temporary_folder const folder;
  auto const path = folder / "said";
  std::fflush(stderr);
  int const kept = ::dup(STDERR_FILENO);
  REQUIRE(std::freopen(path.c_str(), "w", stderr) != nullptr);
  td::quiet = quiet;
  work();
  td::quiet = true;
  std::fflush(stderr);
  ::dup2(kept, STDERR_FILENO);
  ::close(kept);
  auto const bytes = test::bytes_of(path);
  return {bytes.begin(), bytes.end()};
}
td::finding of(td::severity level) { return {"an-id", level, "place", "what is wrong", "what to do"}; }
}  // namespace

TEST_CASE("warnings and faults are one line on standard error, notes and a quiet process say nothing") {
  auto const notice = [](td::severity level) { return [level] { td::detail::notice(of(level)); }; };
  CHECK(said_by(notice(td::severity::fault), false) == "torchdeploy: fault [an-id] place: what is wrong; what to do\n");
  CHECK(said_by(notice(td::severity::warning), false) ==
        "torchdeploy: warning [an-id] place: what is wrong; what to do\n");
  CHECK(said_by(notice(td::severity::note), false).empty());
  CHECK(said_by(notice(td::severity::fault), true).empty());
}

TEST_CASE("progress is shown on a terminal only") {
  CHECK(said_by(
            [] {
              td::detail::progress const shown("quantize");
              shown(1, 2);
              shown(3, 0);
            },
            false)
            .empty());
}
