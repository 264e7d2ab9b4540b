// Damaged files, each tried in a process of its own, and what came of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/notice.hpp>

#include "damage.hpp"

namespace test {

/// A file as it should be.
struct intact_file {
  std::string name;
  file_bytes bytes;
};

enum class sweep_outcome : int { runs, refused, foreign, dead, hung };
inline constexpr std::array<std::string_view, 5> outcome_names{
    "gave a result", "gave an error of ours", "gave a foreign or overlong error", "ended the process", "hung"};

/// What `use()` does, in a process of its own.
template <class Use>
sweep_outcome tried_apart(Use use) {
  std::fflush(stdout);
  auto const child = ::fork();  // before this process has run any operator: LibTorch's threads don't survive a fork
  if (child == 0) {
    torchdeploy::quiet = true;
    ::alarm(60);  // what hangs is killed, and counted
#ifndef __SANITIZE_ADDRESS__
    rlimit const memory{8ULL << 30U, 8ULL << 30U};  // what asks for all there is gets none of it
    ::setrlimit(RLIMIT_AS, &memory);
#endif
    auto const end = [](sweep_outcome outcome) { std::_Exit(static_cast<int>(outcome)); };
    try {
      use();
      end(sweep_outcome::runs);
    } catch (torchdeploy::error const& failure) {
      if (std::getenv("TORCHDEPLOY_SHOW")) std::printf("%s\n", failure.what());
      std::fflush(stdout);
      end(std::string(failure.what()).size() <= torchdeploy::error::max_length ? sweep_outcome::refused
                                                                               : sweep_outcome::foreign);
    } catch (...) {
      end(sweep_outcome::foreign);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGALRM ? sweep_outcome::hung : sweep_outcome::dead;
  return WEXITSTATUS(status) > 2 ? sweep_outcome::dead : static_cast<sweep_outcome>(WEXITSTATUS(status));
}

/// How many of so many damaged files end otherwise than in `use(file, the intact one)` returning or throwing an error of
/// ours. One of the intact ones must return at least; what a runtime refuses as it is may still be damaged for it. Of what is
/// damaged by aim a runtime may not survive all: at most this share of the files, and one.
template <class Use>
int sweep(std::string const& title, std::string const& extension, std::span<intact_file const> models,
          std::span<damage const> kinds, int cases, std::uint64_t seed, Use use, double most_aimed = 0.01) {
  int bad = 0, aimed = 0;
  bool any = false;
  for (auto const& each : models) {
    auto const outcome = tried_apart([&] { use(each.bytes, each); });
    any = any || outcome == sweep_outcome::runs;
    if (outcome == sweep_outcome::runs) continue;
    bad += outcome != sweep_outcome::refused;
    std::printf("%s.%s as it is %s\n", each.name.c_str(), extension.c_str(),
                outcome_names[static_cast<std::size_t>(outcome)].data());
  }
  bad += !any;
  dice random(seed);
  std::map<std::string, int> outcomes;
  std::array<int, outcome_names.size()> sums{};
  for (int i = 0; i < cases; ++i) {
    auto const& model = models[static_cast<std::size_t>(i) % models.size()];
    auto const& kind = kinds[static_cast<std::size_t>(i) / models.size() % kinds.size()];
    auto file = model.bytes;
    kind.apply(file, random);
    auto const outcome = tried_apart([&] { use(file, model); });
    ++sums[static_cast<std::size_t>(outcome)];
    ++outcomes[kind.name + (" " + std::string(outcome_names[static_cast<std::size_t>(outcome)]))];
    if (outcome <= sweep_outcome::refused) continue;
    (kind.aimed ? aimed : bad) += 1;
    auto const name = model.name + "_" + std::to_string(i) + "." + extension;
    std::printf("%s: %s %s\n", name.c_str(), kind.name, outcome_names[static_cast<std::size_t>(outcome)].data());
    if (auto const* const folder = std::getenv("TORCHDEPLOY_KEEP"))  // to look into
      std::ofstream(folder + ("/" + name), std::ios::binary)
          .write(file.data(), static_cast<std::streamsize>(file.size()));
  }
  for (auto const& [what, times] : outcomes) std::printf("%6d  %s\n", times, what.c_str());
  std::printf("%s: of %d damaged .%s files", title.c_str(), cases, extension.c_str());
  for (std::size_t i = 0; i < sums.size(); ++i)
    std::printf("%s %d %s", i == 0 ? "" : ",", sums[i], outcome_names[i].data());
  std::printf("\n");
  if (aimed > 0)
    std::printf("%d of them by damage aimed at what a right checksum covers: what the runtime itself can't survive\n",
                aimed);
  auto const allowed = 1 + static_cast<int>(most_aimed * cases);
  if (aimed > allowed) std::printf("expected at most %d of them, got %d\n", allowed, aimed);
  return bad + (aimed > allowed);
}

}  // namespace test
