#include <torchdeploy/backend/process_settings.hpp>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/optimize.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"
#include "support/process.hpp"

namespace {

using test::failure_of;

auto deployed(td::LibTorch::options options) {
  return test::load("digits_cnn") | td::deploy<td::LibTorch>(std::move(options));
}

auto refused(td::process_settings const& wanted) {
  return failure_of<td::backend_error>([&] { td::configure(wanted); });
}

int default_interop_threads() { return static_cast<int>(at::get_num_interop_threads()); }

}  // namespace

TEST_CASE("numbers of threads and capacities that can't be are refused") {
  for (int const count : {0, -1, 1'000'000}) {
    CHECK(refused({.threads = {.intra = count}}).code == td::errc::setting_out_of_range);
    CHECK(refused({.threads = {.inter = count}}).code == td::errc::setting_out_of_range);
    CHECK(failure_of<td::backend_error>([&] { deployed({.threads = {.intra = count}}); }).code ==
          td::errc::setting_out_of_range);
  }
  CHECK_THAT(refused({.threads = {.inter = 0}}).text, ContainsSubstring("inter-op") && ContainsSubstring("got 0"));
  CHECK(refused({.primitive_cache_capacity = -1}).code == td::errc::setting_out_of_range);
}

TEST_CASE("what is not asked for stays as it is") {
  auto const before = at::get_num_threads();
  td::configure({});
  auto const session = deployed({});
  CHECK(at::get_num_threads() == before);
}

TEST_CASE("the first deploy that asks for threads sets them") {
  if (!test::in_own_process()) return;
  auto const session = deployed({.threads = {.intra = 2, .inter = 3}});
  CHECK(at::get_num_threads() == 2);
  CHECK(at::get_num_interop_threads() == 3);
  int elsewhere = 0;
  std::thread([&] { elsewhere = at::get_num_threads(); }).join();
  CHECK(elsewhere == 2);
  CHECK(session(test::digits(1)).size(1) == 10);

  // the same again is fine, in part too
  CHECK_NOTHROW(deployed({.threads = {.intra = 2, .inter = 3}}));
  CHECK_NOTHROW(deployed({.threads = {.inter = 3}}));
  CHECK_NOTHROW(deployed({}));

  auto const intra = failure_of<td::backend_error>([&] { deployed({.threads = {.intra = 4}}); });
  CHECK(intra.code == td::errc::settings_fixed);
  CHECK_THAT(intra.text, ContainsSubstring("intra-op") && ContainsSubstring("2") && ContainsSubstring("got 4"));
  auto const inter = failure_of<td::backend_error>([&] { deployed({.threads = {.intra = 2, .inter = 1}}); });
  CHECK(inter.code == td::errc::settings_fixed);
  CHECK_THAT(inter.text, ContainsSubstring("inter-op") && ContainsSubstring("3") && ContainsSubstring("got 1"));
  CHECK(at::get_num_threads() == 2);
  CHECK(at::get_num_interop_threads() == 3);
}

TEST_CASE("asking for the same again puts it right where someone changed it") {
  if (!test::in_own_process()) return;
  td::configure({.threads = {.intra = 2}});
  at::set_num_threads(1);
  td::configure({.threads = {.intra = 2}});
  CHECK(at::get_num_threads() == 2);
}

TEST_CASE("inter-op threads can't be set when their pool runs") {
  if (!test::in_own_process()) return;
  at::launch([] {});
  auto const now = default_interop_threads();
  CHECK_NOTHROW(td::configure({.threads = {.inter = now}}));  // it is so already
  CHECK(refused({.threads = {.inter = now + 1}}).code == td::errc::settings_fixed);
}

TEST_CASE("inter-op threads that someone set before are named") {
  if (!test::in_own_process()) return;
  at::set_num_interop_threads(5);
  auto const intra = at::get_num_threads();
  auto const failure = refused({.threads = {.intra = intra + 1, .inter = 4}, .primitive_cache_capacity = 9});
  CHECK(failure.code == td::errc::settings_fixed);
  CHECK_THAT(failure.text, ContainsSubstring("inter-op threads 5") && ContainsSubstring("got 4"));
  CHECK_FALSE(failure.nested.empty());
  CHECK(at::get_num_threads() == intra);  // a refusal changes nothing
  CHECK_FALSE(std::getenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY"));
  CHECK_NOTHROW(td::configure({.threads = {.intra = intra, .inter = 5}}));
}

TEST_CASE("a primitive cache capacity is set before the first operator") {
  if (!test::in_own_process()) return;
  auto const session = deployed({.primitive_cache_capacity = 64});
  CHECK(std::string(std::getenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY")) == "64");
  session(test::digits(1));
  CHECK_NOTHROW(deployed({.primitive_cache_capacity = 64}));
  auto const failure = refused({.primitive_cache_capacity = 65});
  CHECK(failure.code == td::errc::settings_fixed);
  CHECK_THAT(failure.text, ContainsSubstring("64") && ContainsSubstring("got 65"));
}

TEST_CASE("a primitive cache capacity asked for too late is refused, after a deploy") {
  if (!test::in_own_process()) return;
  deployed({});
  auto const failure = failure_of<td::backend_error>([] { deployed({.primitive_cache_capacity = 64}); });
  CHECK(failure.code == td::errc::settings_fixed);
  CHECK_THAT(failure.text, ContainsSubstring("before the first model"));
  CHECK_FALSE(std::getenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY"));
}

TEST_CASE("a primitive cache capacity asked for too late is refused, after a quantization") {
  if (!test::in_own_process()) return;
  CHECK(failure_of<td::backend_error>([] {
          test::load("digits_cnn") | td::quantize<td::Int8>() |
              td::deploy<td::LibTorch>({.primitive_cache_capacity = 64});
        }).code == td::errc::settings_fixed);
}

TEST_CASE("a primitive cache capacity asked for too late is refused, after optimize") {
  if (!test::in_own_process()) return;
  CHECK(failure_of<td::backend_error>([] {
          test::load("digits_cnn") | td::optimize() | td::deploy<td::LibTorch>({.primitive_cache_capacity = 64});
        }).code == td::errc::settings_fixed);
}

TEST_CASE("a primitive cache capacity set at the start holds for every pipeline") {
  if (!test::in_own_process()) return;
  td::configure({.primitive_cache_capacity = 0});
  auto const session =
      test::load("digits_cnn") | td::quantize<td::Int8>() | td::deploy<td::LibTorch>({.primitive_cache_capacity = 0});
  CHECK(session(test::digits(2)).size(0) == 2);
}

TEST_CASE("a capacity in the environment is what was asked for") {
  if (!test::in_own_process()) return;
  ::setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16", 1);
  auto const failure = refused({.primitive_cache_capacity = 64});
  CHECK(failure.code == td::errc::settings_fixed);
  CHECK_THAT(failure.text, ContainsSubstring("ONEDNN_PRIMITIVE_CACHE_CAPACITY 16"));
  CHECK_NOTHROW(td::configure({.primitive_cache_capacity = 16}));
}

TEST_CASE("threads that deploy with settings at once agree") {
  if (!test::in_own_process()) return;
  std::vector<std::thread> all;
  std::atomic<int> set = 0, refusals = 0;
  for (int i = 0; i < 8; ++i)
    all.emplace_back([&, i] {
      try {
        td::configure({.threads = {.intra = 1 + i % 2, .inter = 1 + i % 2}});
        ++set;
      } catch (td::backend_error const& refusal) {
        refusals += refusal.code() == td::errc::settings_fixed;
      }
    });
  for (auto& each : all) each.join();
  CHECK(set == 4);
  CHECK(refusals == 4);
}
