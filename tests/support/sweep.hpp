// Damaged files, each tried in a process of its own, and what came of them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <map>
#include <span>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <torchdeploy/core/error.hpp>
#include <torchdeploy/detail/notice.hpp>

#include "damage.hpp"

namespace test {

/// How many of so many damaged files end otherwise than in `use(file)` returning or throwing an error of ours.
template <class Use>
int sweep(std::string const& name, std::string const& extension, file_bytes const& model, std::span<damage const> kinds,
          int cases, std::uint64_t seed, Use use) {
  enum outcome : int { runs, refused, foreign };
  auto const tried = [&](file_bytes const& file) -> outcome {
    torchdeploy::quiet = true;
    ::alarm(60);  // what hangs is killed, and counted
    try {
      use(file);
      return runs;
    } catch (torchdeploy::error const& failure) {
      return std::string(failure.what()).size() <= torchdeploy::error::max_length ? refused : foreign;
    } catch (...) {
      return foreign;
    }
  };
  dice random(seed);
  std::map<std::string, int> outcomes;
  int bad = 0, aimed = 0;
  for (int i = 0; i < cases; ++i) {
    auto file = model;
    auto const& kind = kinds[static_cast<std::size_t>(i) % kinds.size()];
    kind.apply(file, random);
    auto const child = ::fork();  // before this process has run any operator: LibTorch's threads don't survive a fork
    if (child == 0) std::_Exit(tried(file));
    int status = 0;
    ::waitpid(child, &status, 0);
    auto const text = WIFSIGNALED(status)              ? "died of signal " + std::to_string(WTERMSIG(status))
                      : WEXITSTATUS(status) == runs    ? std::string("runs")
                      : WEXITSTATUS(status) == refused ? std::string("refused")
                                                       : std::string("foreign or overlong error");
    ++outcomes[std::string(kind.name) + ": " + text];
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) <= refused) continue;
    (kind.aimed ? aimed : bad) += 1;
    if (auto const* const folder = std::getenv("TORCHDEPLOY_KEEP"))  // to look into
      std::ofstream(folder + ("/" + name) + "_" + std::to_string(i) + "." + extension, std::ios::binary)
          .write(file.data(), static_cast<std::streamsize>(file.size()));
  }
  for (auto const& [what, times] : outcomes) std::printf("%6d  %s\n", times, what.c_str());
  std::printf("%d of %d damaged %s.%s ended otherwise than in a model that runs or an error of ours\n", bad, cases,
              name.c_str(), extension.c_str());
  if (aimed > 0)
    std::printf("%d more by damage aimed at what a right checksum covers: what the runtime itself can't survive\n",
                aimed);
  return bad;
}

}  // namespace test
