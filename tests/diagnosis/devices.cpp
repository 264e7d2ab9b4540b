#include <torchdeploy/diagnosis/devices.hpp>

#include "support/probed.hpp"

namespace {
std::vector<td::finding> found(std::string const& body) {
  return test::found_in(test::scripted("def forward(self, x):\n" + body), td::detail::find_baked_devices);
}
}  // namespace

TEST_CASE("a device that is a constant is found, in whatever way it is written") {
  for (auto const* call : {"torch.zeros([2], device='cuda:0') + x", "x.to('cuda:0')", "x.to(torch.device('cuda:0'))",
                           "torch.arange(4, device=torch.device('cuda', 0)) + x"}) {
    INFO(call);
    auto const all = found("    return " + std::string(call));
    CHECK(test::summary(all) == "baked-device warning");
    CHECK_THAT(all.at(0).text, ContainsSubstring("cuda:0"));
  }
  CHECK(test::summary(found("    return x.cuda()")) == "baked-device warning");
  CHECK(test::summary(found("    return x.to('cpu')")) == "baked-device note");
  CHECK(found("    return x.cpu()").empty());  // a result is handed over, on purpose
}

TEST_CASE("each device is one finding, with the number of its operators, those in branches too") {
  auto const all = found(
      "    if x.size(0) > 3:\n"
      "        x = x.to('cuda:1') + torch.ones([2], device='cuda:1')\n"
      "    return x.to('cpu')");
  CHECK(test::summary(all) == "baked-device warning, baked-device note");
  CHECK_THAT(all.at(0).text, StartsWith("2 operator(s)") && ContainsSubstring("cuda:1"));
  CHECK_THAT(all.at(1).text, StartsWith("1 operator(s)") && ContainsSubstring("cpu"));
}

TEST_CASE("a device that the input brings, that is the default, or that is only asked about, is not baked") {
  for (auto const* body :
       {"    return torch.zeros([2], device=x.device) + x", "    return torch.zeros([2]) + x", "    return x.to(6)",
        "    return x", "    if x.device == torch.device('cuda:0'):\n        x = x + 1\n    return x",
        "    if x.is_cuda:\n        x = x + 1\n    return x"}) {
    INFO(body);
    CHECK(test::summary(found(body)) == "");
  }
}
