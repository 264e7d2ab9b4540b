#include <torchdeploy/core/verdict.hpp>

#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/toy.hpp"

// Which verdict falls when: tests/static/order_is_judged.cpp. What a compiler prints: tests/compile_fail/.

namespace {
template <class L, class R>
std::string sentence() {
  std::string name(td::detail::type_name<td::verdict<L, R>>());
  for (std::string_view const prefix : {"torchdeploy::", "v0::"})
    for (auto at = name.find(prefix); at != std::string::npos; at = name.find(prefix)) name.erase(at, prefix.size());
  return name;
}

std::string text_of(std::string const& path) {
  std::ifstream file(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}
}  // namespace

TEST_CASE("docs/vocabulary.md has an answer for each reason") {
  auto const header = text_of(TORCHDEPLOY_INCLUDE "/torchdeploy/core/verdict.hpp");
  auto const docs = text_of(TORCHDEPLOY_DOCS "/vocabulary.md");
  std::regex const declaration(R"(\nstruct (\w+);)");
  int reasons = 0;
  auto const open_part = header.substr(0, header.find("namespace detail"));
  for (std::sregex_iterator at(open_part.begin(), open_part.end(), declaration), end; at != end; ++at, ++reasons) {
    CAPTURE(at->str(1));
    CHECK_THAT(docs, ContainsSubstring("`" + at->str(1)));
  }
  CHECK(reasons >= 10);
}

TEST_CASE("the name of a verdict is the sentence that a compiler prints") {
  using toy::freeze_t, toy::quantize_t;
  CHECK(sentence<toy::loaded, freeze_t>() == "accepted");
  CHECK(sentence<toy::graph<td::frozen>, quantize_t>() == "too_late_the_artifact_is_already<frozen>");
  CHECK(sentence<toy::graph<>, quantize_t>() == "the_artifact_must_first_be<evaluating>");
  CHECK(sentence<toy::loaded&, quantize_t>() == "move_the_artifact_in_or_pipe_a_clone");
  CHECK(sentence<toy::loaded, decltype(toy::freeze)>() == "call_the_stage_maker_with_parentheses");
  CHECK(sentence<td::artifact<toy::Flat>, freeze_t>() == "this_stage_takes_the_format<toy::Graph, toy::Flat>");
}

TEST_CASE("generic code can choose by `follows` where a mistake would not compile") {
  auto const quantized_if_possible = []<class A>(A a) {
    if constexpr (td::follows<toy::quantize_t, A>)
      return std::move(a) | toy::quantize();
    else
      return a;
  };
  CHECK(quantized_if_possible(toy::load("m.pt")).handle().trail == "quantize");
  CHECK(quantized_if_possible(toy::load("m.pt") | toy::freeze()).handle().trail == "freeze");
}
