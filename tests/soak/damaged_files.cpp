// Thousands of damaged model files, each loaded and run in a process of its own: what comes out is an error of ours, or a
// model. Anything else, a foreign exception or a dead process, is counted and shown.
//
//     soak_damaged_files [COUNT] [SEED] [MODEL ...]
//
// COUNT files of each model of the tests that is named, digits_cnn by default: MODEL.pt and MODEL.ptl are one format of it,
// MODEL both. A file that loads is run on the model's own inputs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <torchdeploy/torchdeploy.hpp>

#include "support/damage.hpp"
#include "support/zoo.hpp"

namespace {

enum outcome : int { runs, refused, foreign };

using test::file_bytes;

template <class Format>
[[noreturn]] void try_it(file_bytes const& file, test::samples const& inputs) {
  td::quiet = true;
  ::alarm(60);  // what hangs is killed, and counted
  try {
    auto const session = td::load<Format>(file) | td::deploy<td::first_available<td::LibTorch, td::MobileRuntime>>();
    for (auto const& each : inputs) session.run(each);
    std::_Exit(runs);
  } catch (td::error const& failure) {
    std::_Exit(std::string(failure.what()).size() <= td::error::max_length ? refused : foreign);
  } catch (...) {
    std::_Exit(foreign);
  }
}

/// How many of so many damaged files end otherwise than they should.
template <class Format>
int sweep(char const* format, file_bytes const& model, test::samples const& inputs, int cases, std::uint64_t seed) {
  test::dice random(seed);
  std::map<std::string, int> outcomes;
  int bad = 0, aimed = 0;
  for (int i = 0; i < cases; ++i) {
    auto file = model;
    auto const& kind = test::damages[static_cast<std::size_t>(i) % std::size(test::damages)];
    kind.apply(file, random);
    auto const child = fork();  // before this process has run any operator: LibTorch's threads don't survive a fork
    if (child == 0) try_it<Format>(file, inputs);
    int status = 0;
    waitpid(child, &status, 0);
    auto const text = WIFSIGNALED(status)              ? "died of signal " + std::to_string(WTERMSIG(status))
                      : WEXITSTATUS(status) == runs    ? std::string("runs")
                      : WEXITSTATUS(status) == refused ? std::string("refused")
                                                       : std::string("foreign or overlong error");
    ++outcomes[std::string(kind.name) + ": " + text];
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) <= refused) continue;
    (kind.aimed ? aimed : bad) += 1;
    if (auto const* const folder = std::getenv("TORCHDEPLOY_KEEP"))  // to look into
      std::ofstream(folder + ("/" + std::to_string(i)) + "." + format, std::ios::binary)
          .write(file.data(), static_cast<std::streamsize>(file.size()));
  }
  for (auto const& [what, times] : outcomes) std::printf("%6d  %s\n", times, what.c_str());
  std::printf("%d of %d damaged .%s ended otherwise than in a model that runs or an error of ours\n", bad, cases,
              format);
  std::printf("%d more by damage aimed at what a right checksum covers: what LibTorch itself can't survive\n", aimed);
  return bad;
}

file_bytes mobile(file_bytes const& model) {
  std::ostringstream out;
  auto const artifact = td::load<td::TorchScript>(model) | td::to_mobile();
  td::MobileLite::write(artifact.handle(), artifact.record(), out);
  auto const text = std::move(out).str();
  return {text.begin(), text.end()};
}

}  // namespace

int main(int count, char** arguments) {
  auto const cases = count > 1 ? std::atoi(arguments[1]) : 2000;
  auto const seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1;
  std::vector<std::string> names(arguments + std::min(count, 3), arguments + count);
  if (names.empty()) names = {"digits_cnn"};
  auto const known = test::all_models();
  int bad = 0;
  for (auto const& each : names) {
    auto const name = each.substr(0, each.find('.'));
    auto const inputs = known.find(name);
    if (inputs == known.end()) {
      std::fprintf(stderr, "no model of the tests: %s\n", each.c_str());
      return 2;
    }
    std::printf("%s\n", name.c_str());
    auto const model = test::bytes_of(test::model_path(name));
    if (!each.ends_with(".ptl")) bad += sweep<td::TorchScript>("pt", model, inputs->second, cases, seed);
    if (!each.ends_with(".pt")) bad += sweep<td::MobileLite>("ptl", mobile(model), inputs->second, cases, seed);
  }
  return bad != 0;
}
