// Thousands of damaged model files, each loaded and run in a process of its own: what comes out is an error of ours, or a
// model. Anything else, a foreign exception or a dead process, is counted and shown.
//
//     soak_damaged_files [COUNT] [SEED] [MODEL]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <torchdeploy/torchdeploy.hpp>

namespace td = torchdeploy;

namespace {

enum outcome : int { runs, refused, foreign };

using bytes = std::vector<char>;

bytes read(char const* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct damage {
  char const* name;
  void (*apply)(bytes&, std::mt19937_64&);
};

std::size_t somewhere(bytes const& all, std::mt19937_64& random) { return random() % all.size(); }

damage const damages[] = {
    {"bit flipped",
     [](bytes& all, std::mt19937_64& r) { all[somewhere(all, r)] ^= static_cast<char>(1 << (r() % 8)); }},
    {"byte changed", [](bytes& all, std::mt19937_64& r) { all[somewhere(all, r)] = static_cast<char>(r()); }},
    {"cut short", [](bytes& all, std::mt19937_64& r) { all.resize(somewhere(all, r)); }},
    {"hole of zeros",
     [](bytes& all, std::mt19937_64& r) {
       auto const at = somewhere(all, r);
       std::fill_n(all.begin() + static_cast<std::ptrdiff_t>(at), std::min<std::size_t>(all.size() - at, r() % 512),
                   '\0');
     }},
    {"block repeated",
     [](bytes& all, std::mt19937_64& r) {
       auto const from = somewhere(all, r), to = somewhere(all, r);
       auto const count = std::min({all.size() - from, all.size() - to, static_cast<std::size_t>(r() % 256)});
       std::copy_n(bytes(all).begin() + static_cast<std::ptrdiff_t>(from), count,
                   all.begin() + static_cast<std::ptrdiff_t>(to));
     }},
    // the end of a zip archive is its directory, the beginning of each entry its header: aim there
    {"directory damaged",
     [](bytes& all, std::mt19937_64& r) {
       all[all.size() - 1 - r() % std::min<std::size_t>(all.size(), 4096)] = static_cast<char>(r());
     }},
};

[[noreturn]] void try_it(bytes const& file) {
  td::quiet = true;
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
    auto const& kind = damages[static_cast<std::size_t>(i) % std::size(damages)];
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
    bad += WIFSIGNALED(status) || WEXITSTATUS(status) > refused;
  }
  for (auto const& [what, times] : outcomes) std::printf("%6d  %s\n", times, what.c_str());
  std::printf("%d of %d ended otherwise than in a model that runs or an error of ours\n", bad, cases);
  return bad != 0;
}
