#include <torchdeploy/detail/libtorch/failure.hpp>

#include <stdexcept>

#include "support/models.hpp"

namespace {
std::string words_of(std::string const& text) { return td::detail::first_words(std::runtime_error(text)); }

std::string raised(std::string const& body, at::Tensor const& x) {
  try {
    (void)test::scripted("def forward(self, x):\n    " + body).forward({x});
  } catch (std::exception const& thrown) {
    return td::detail::first_words(thrown);
  }
  return "nothing";
}
}  // namespace

TEST_CASE("of what was thrown the first line that says something is kept") {
  CHECK(words_of("one sentence") == "one sentence");
  CHECK(words_of("\n  \tfirst\nsecond") == "first");
  CHECK(words_of("").empty());
  CHECK(words_of(" \n\t\n").empty());
}

TEST_CASE("after the trace of the interpreter the line that names the error is kept") {
  std::string const trace =
      "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript\n";
  CHECK(words_of(trace + "RuntimeError: Expected 4D input\n") == "Expected 4D input");
  CHECK(words_of(trace + "builtins.ValueError: too short") == "too short");
  CHECK(words_of(trace + "RuntimeError: got Error: 3\nmore") == "got Error: 3");
  CHECK_THAT(words_of(trace), StartsWith("The following operation failed"));
  CHECK_THAT(raised("return x.view([7])", at::ones({2})), StartsWith("shape '[7]' is invalid"));
  CHECK_THAT(raised("assert x.size(0) > 3, \"too few rows\"\n    return x", at::ones({2})),
             ContainsSubstring("too few rows"));
}

TEST_CASE("LibTorch's errors become ours with what was said nested; ours and results pass") {
  auto const run = [](auto const& work) -> decltype(auto) {
    return td::detail::translated<td::load_error>(td::errc::file_missing, "what", "hint", work);
  };
  auto const failure = test::failure_of<td::load_error>([&] { run([] { throw std::out_of_range("far\noff"); }); });
  CHECK(failure.code == td::errc::file_missing);
  CHECK_THAT(failure.text, ContainsSubstring("what: far"));
  CHECK(failure.nested == "far\noff");
  auto const own = test::failure_of<td::export_error>(
      [&] { run([] { throw td::export_error(td::errc::write_failed, "expected this", "hint"); }); });
  CHECK(own.code == td::errc::write_failed);
  int value = 3;
  CHECK(&run([&]() -> int& { return value; }) == &value);
}

TEST_CASE("however much LibTorch says, the error is short") {
  auto const failure = test::failure_of<td::load_error>([] {
    td::detail::translated<td::load_error>(td::errc::file_missing, "what", "hint",
                                           [] { throw std::runtime_error(std::string(3000, 'x')); });
  });
  CHECK(failure.nested.size() == 3000);
}
