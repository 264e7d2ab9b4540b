// Thousands of damaged model files, each loaded and run in a process of its own: what comes out is an error of ours, or a
// model. Anything else, a foreign exception or a dead process, is counted and shown.
//
//     soak_damaged_files [COUNT] [SEED] [MODEL]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <torchdeploy/torchdeploy.hpp>

#include "support/damage.hpp"

namespace td = torchdeploy;

namespace {

enum outcome : int { runs, refused, foreign };

test::file_bytes read(char const* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

[[noreturn]] void try_it(test::file_bytes const& file) {
  td::quiet = true;
  ::alarm(60);  // what hangs is killed, and counted
  try {
    auto const session = td::load<td::TorchScript>(file) | td::deploy<td::LibTorch>();
    session.run({at::zeros({2, 1, 8, 8})});
    std::_Exit(runs);
  } catch (td::error const& failure) {
    std::_Exit(std::string(failure.what()).size() <= td::error::max_length ? refused : foreign);
  } catch (...) {
    std::_Exit(foreign);
  }
}

}  // namespace

int main(int count, char** arguments) {
  auto const cases = count > 1 ? std::atoi(arguments[1]) : 2000;
  std::mt19937_64 random(count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1);
  auto const model = read(count > 3 ? arguments[3] : TORCHDEPLOY_TEST_DATA "/digits_cnn.pt");

  std::map<std::string, int> outcomes;
  int bad = 0;
  for (int i = 0; i < cases; ++i) {
    auto file = model;
    auto const& kind = test::damages[static_cast<std::size_t>(i) % std::size(test::damages)];
    kind.apply(file, random);
    auto const child = fork();  // before this process has run any operator: LibTorch's threads don't survive a fork
    if (child == 0) try_it(file);
    int status = 0;
    waitpid(child, &status, 0);
    auto const text = WIFSIGNALED(status)              ? "died of signal " + std::to_string(WTERMSIG(status))
                      : WEXITSTATUS(status) == runs    ? std::string("runs")
                      : WEXITSTATUS(status) == refused ? std::string("refused")
                                                       : std::string("foreign or overlong error");
    ++outcomes[std::string(kind.name) + ": " + text];
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) <= refused) continue;
    ++bad;
    auto const kept = std::filesystem::temp_directory_path() / ("damaged_" + std::to_string(i) + ".pt");
    std::ofstream(kept, std::ios::binary).write(file.data(), static_cast<std::streamsize>(file.size()));
    std::printf("%s: %s: %s\n", kind.name, text.c_str(), kept.c_str());
  }
  for (auto const& [what, times] : outcomes) std::printf("%6d  %s\n", times, what.c_str());
  std::printf("%d of %d ended otherwise than in a model that runs or an error of ours\n", bad, cases);
  return bad != 0;
}
