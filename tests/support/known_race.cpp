// Two threads write into one report without a lock: a race of this library's own headers, made on purpose. ThreadSanitizer
// must report it with the suppressions in force, else they hide too much (tests/CMakeLists.txt).
#include <thread>

#include <torchdeploy/core/report.hpp>

int main() {
  torchdeploy::report shared;
  auto const work = [&] { auto const clock = shared.start("work"); };
  std::thread one(work), other(work);
  one.join();
  other.join();
}
