#include <torchdeploy/detail/names.hpp>

#include <string>
#include <vector>

#include "support/models.hpp"

namespace {

TEST_CASE("a pattern is a shell's, and its star goes over dots") {
  using td::detail::matches;
  CHECK(matches("conv1", "conv1"));
  CHECK_FALSE(matches("conv1", "conv10"));
  CHECK(matches("layer1.*", "layer1.0.conv2"));
  CHECK_FALSE(matches("layer1.*", "layer10.0.conv2"));
  CHECK(matches("*.downsample.*", "layer2.0.downsample.0"));
  CHECK(matches("conv?", "conv3"));
  CHECK(matches("[!f]c", "xc"));
  CHECK_FALSE(matches("[!f]c", "fc"));
  CHECK(matches("*", ""));
}

TEST_CASE("the distance of two names is the letters between them") {
  using td::detail::edit_distance;
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("reset_state", "reset_states") == 1);
  CHECK(edit_distance("flaw", "lawn") == edit_distance("lawn", "flaw"));
}

TEST_CASE("an unknown name gets the nearest one, or the choice there is") {
  using td::detail::did_you_mean;
  CHECK(did_you_mean("reset_state", {"encode", "reset_states"}) == "did you mean 'reset_states'?");
  CHECK(did_you_mean("xyz", {"encode", "decode"}) == "there are: 'encode', 'decode'");
  CHECK(did_you_mean("something", {"a", "b", "c", "d", "e"}) == "there are: 'a', 'b', 'c', 'd', ...");
  CHECK(did_you_mean("anything", {}) == "there is none");
}

TEST_CASE("a pattern that matches no layer is refused, with the nearest name") {
  std::vector<std::string> const layers = {"conv1", "layer1.0.conv1", "fc"};
  using td::detail::demand_match;
  CHECK_NOTHROW(demand_match<td::error>(td::errc::pattern_unmatched, "layer1.*", layers));
  auto const failure = test::failure_of([&] { demand_match<td::error>(td::errc::pattern_unmatched, "cnov1", layers); });
  CHECK(failure.code == td::errc::pattern_unmatched);
  CHECK_THAT(failure.text, ContainsSubstring("'cnov1'"));
  CHECK_THAT(failure.text, ContainsSubstring("did you mean 'conv1'?"));
}

}  // namespace
