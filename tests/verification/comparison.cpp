#include <torchdeploy/verification/comparison.hpp>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

td::comparison passing() {
  td::comparison result;
  result.passed = true;
  result.reference = "another artifact";
  result.why = "asked for";
  result.samples = 3;
  result.seconds = 0.25;
  result.reference_seconds = 0.002;
  result.criteria.push_back({"sqnr", "sqnr >= 20 dB", 24.1, "24.1 dB", "output", true, {}});
  return result;
}

td::comparison failing() {
  auto result = passing();
  result.passed = false;
  result.failure = "expected max_abs <= 0.1, got 0.5";
  result.worst = {"output[1]", 2, {3, 7}, 0.25, 0.75};
  result.criteria.push_back({"max_abs", "max_abs <= 0.1", 0.5, "0.5", "output[1]", false, result.worst});
  return result;
}

}  // namespace

TEST_CASE("the text of a comparison begins with the verdict") {
  CHECK(td::to_text(passing()) ==
        "passed\n"
        "  sqnr >= 20 dB: 24.1 dB\n"
        "  criterion: asked for\n"
        "  compared with another artifact on 3 sample(s), 250 ms against 2 ms");
  CHECK(td::to_text(failing()) ==
        "FAILED: expected max_abs <= 0.1, got 0.5\n"
        "  sqnr >= 20 dB: 24.1 dB\n"
        "  max_abs <= 0.1: 0.5  <-\n"
        "  criterion: asked for\n"
        "  compared with another artifact on 3 sample(s), 250 ms against 2 ms\n"
        "  worst at output[1][3, 7] of sample 2: got 0.25, expected 0.75");
}

TEST_CASE("the text of a comparison has a line for each output and each note") {
  auto result = passing();
  td::output_score score{};
  score.name = "output['logits']";
  score.dtype = "float32";
  score.numel = 20;
  score.mismatched = 4;
  score.max_abs = 0.5;
  score.max_rel = 0.125;
  score.sqnr_db = 24.125;
  score.cosine = 0.99994;
  score.agreement = 0.75;
  score.reference_min = -1.5;
  score.reference_max = 2;
  result.outputs.push_back(score);
  result.outputs.push_back(score);
  result.notes = {"there is one sample only", "it is near zero"};
  auto const text = td::to_text(result);
  auto const line =
      "\n  output['logits'] (float32):  sqnr 24.12 dB  cosine 0.9999  agreement 0.75  max_abs 0.5  max_rel 0.125"
      "  mismatched 4 of 20  reference -1.5 .. 2";
  CHECK_THAT(text, ContainsSubstring(std::string(line) + line));
  CHECK_THAT(text, EndsWith("\n  note: there is one sample only\n  note: it is near zero"));
}

TEST_CASE("a criterion that was not reached says so, and a comparison without a reason leaves that line out") {
  auto result = failing();
  result.why.clear();
  result.criteria[1].got.clear();
  CHECK_THAT(td::to_text(result), ContainsSubstring("max_abs <= 0.1: not reached  <-"));
  CHECK_THAT(td::to_text(result), !ContainsSubstring("criterion:"));
}

TEST_CASE("a comparison is streamed as its text") {
  std::ostringstream out;
  out << failing();
  CHECK(out.str() == td::to_text(failing()));
}

TEST_CASE("a verification_error carries the comparison, its copies too") {
  td::verification_error const thrown(td::errc::out_of_tolerance, failing().failure, "look", failing());
  CHECK(thrown.code() == td::errc::out_of_tolerance);
  CHECK(thrown.stage() == "verify");
  CHECK(thrown.hint() == "look");
  CHECK(std::string(thrown.what()) == "[torchdeploy.verify.302] expected max_abs <= 0.1, got 0.5; look");
  CHECK(td::to_text(thrown.comparison()) == td::to_text(failing()));

  auto const copy = thrown;
  CHECK(&copy.comparison() == &thrown.comparison());
  try {
    throw td::verification_error(thrown);
  } catch (td::error const& caught) {
    auto const* const ours = dynamic_cast<td::verification_error const*>(&caught);
    REQUIRE(ours);
    CHECK(ours->comparison().worst.index == std::vector<std::int64_t>{3, 7});
  }
}

TEST_CASE("a verification_error without a comparison has an empty one, that did not pass") {
  td::verification_error const thrown(td::errc::options_conflict, "expected rtol and atol together");
  CHECK_FALSE(thrown.comparison().passed);
  CHECK(thrown.comparison().criteria.empty());
  CHECK(thrown.comparison().samples == 0);
}

TEST_CASE("options say nothing until they are told") {
  td::verify_options const options;
  CHECK(options.samples.empty());
  CHECK_FALSE((options.rtol || options.atol || options.sqnr_db || options.agreement || options.max_abs));
  CHECK_FALSE((options.cosine || options.metric || options.equal_nan || options.allow_degenerate));
}
