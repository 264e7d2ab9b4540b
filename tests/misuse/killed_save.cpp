// A save that is killed at any moment leaves the old file or the new one.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/save.hpp>

#include "support/models.hpp"

namespace fs = std::filesystem;

namespace {

bool is_temporary(fs::path const& path) { return path.extension() == ".tmp"; }

TEST_CASE("killed at any moment, a save leaves the old file or the new one") {
  test::temporary_folder const folder;
  auto const path = folder / "model.pt";
  auto one = test::load("onet");
  auto other = one.clone() | td::prune<td::L1>(0.5);
  one = std::move(one) | td::save(path);
  auto const one_bytes = test::bytes_of(path);
  other = std::move(other) | td::save(path);
  auto const other_bytes = test::bytes_of(path);
  REQUIRE(one_bytes != other_bytes);

  std::mt19937 random(7);
  std::uniform_int_distribution<int> microseconds(0, 60'000);
  std::set<bool> left;  // which of the two was found
  int inside = 0;
  for (int i = 0; i < 100; ++i) {
    auto const child = ::fork();
    if (child == 0) {
      for (;;) {
        one = std::move(one) | td::save(path);
        other = std::move(other) | td::save(path);
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == SIGKILL);

    auto const found = test::bytes_of(path);
    REQUIRE((found == one_bytes || found == other_bytes));
    left.insert(found == one_bytes);
    for (auto const& each : fs::directory_iterator(folder.path())) {
      if (each.path() == path) continue;
      REQUIRE(is_temporary(each.path()));  // what a killed process could not remove
      ++inside;
      fs::remove(each.path());
    }
  }
  CHECK(left.size() == 2);
  CHECK(inside > 20);  // else the moments were not inside a save
}

}  // namespace
