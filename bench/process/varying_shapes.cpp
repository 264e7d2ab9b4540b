// What shapes that vary cost, by primitive cache capacity: memory grown over images of ever new sizes, and time of a few
// sizes in turn. The capacity is the process's, so each line is a process of its own.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include <malloc.h>
#include <unistd.h>

#include <ATen/Parallel.h>

namespace td = torchdeploy;

namespace {

double resident_megabytes() {
  ::malloc_trim(0);
  long size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return static_cast<double>(resident * ::sysconf(_SC_PAGESIZE)) / 1e6;
}

template <class Work>
double milliseconds(Work const& work) {
  auto const begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

template <class Session>
void measure(Session const& session, std::string const& form, std::string const& capacity, int shapes) {
  std::mt19937 random(3);
  auto const side = [&] { return 32 + static_cast<std::int64_t>(random() % 97); };
  for (int i = 0; i < 5; ++i) session.run({at::rand({1, 3, 64, 64})});
  auto const before = resident_megabytes();
  for (int i = 0; i < shapes; ++i) session.run({at::rand({1, 3, side(), side()})});
  auto const grown = resident_megabytes() - before;
  std::vector<at::Tensor> few;
  for (std::int64_t i = 0; i < 4; ++i) few.push_back(at::rand({1, 3, 40 + 8 * i, 48}));
  auto const round = [&] {
    for (auto const& each : few) session.run({each});
  };
  for (int i = 0; i < 3; ++i) round();
  double best = 1e9;
  for (int i = 0; i < 30; ++i) best = std::min(best, milliseconds(round) / 4);
  auto const* const lru = std::getenv("LRU_CACHE_CAPACITY");
  std::printf("%-10s %9s %9s %10.1f %12.3f\n", form.c_str(), capacity.c_str(), lru ? lru : "default", grown, best);
}

void measure(std::string const& form, std::string const& capacity, int shapes) {
  td::quiet = true;
  td::configure({.threads = {.intra = 1}});
  if (capacity != "default") td::configure({.primitive_cache_capacity = std::stoi(capacity)});
  std::vector const calibration(1, at::rand({1, 3, 64, 64}));
  auto opened = td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pnet.pt");
  if (form == "as loaded") measure(std::move(opened) | td::deploy<td::LibTorch>(), form, capacity, shapes);
  if (form == "optimized")
    measure(std::move(opened) | td::optimize() | td::deploy<td::LibTorch>(), form, capacity, shapes);
  if (form == "int8")
    measure(std::move(opened) | td::quantize<td::Int8, td::MinMax>(calibration) | td::deploy<td::LibTorch>(), form,
            capacity, shapes);
}

}  // namespace

int main(int count, char** arguments) {
  constexpr int shapes = 1500;
  if (count == 3) {
    measure(arguments[1], arguments[2], shapes);
    return 0;
  }
  std::printf("P-Net, %d images of random sizes\n%-10s %9s %9s %10s %12s\n", shapes, "form", "capacity", "lru",
              "grown MB", "ms in turn");
  std::fflush(stdout);
  int failed = 0;
  for (std::string const form : {"as loaded", "optimized", "int8"})
    // LibTorch reads its own variable when it is loaded, so only the environment can set that
    for (auto const& [environment, capacity] :
         {std::pair{"", "default"}, {"", "64"}, {"", "8"}, {"LRU_CACHE_CAPACITY=64 ", "64"}})
      failed +=
          std::system((environment + ("'" + std::string(arguments[0])) + "' '" + form + "' " + capacity).c_str()) != 0;
  return failed;
}
