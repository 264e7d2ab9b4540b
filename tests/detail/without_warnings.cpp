#include <torchdeploy/detail/libtorch/without_warnings.hpp>

#include <string>
#include <vector>

#include <torchdeploy/format/mobile_lite.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/models.hpp"

namespace {

/// What reaches the handler that a program has set.
struct listening : c10::WarningHandler {
  std::vector<std::string> heard;
  void process(c10::Warning const& warning) override { heard.push_back(warning.msg()); }
};

/// Each warning each time, not once in a process.
struct warning_always {
  bool const before = c10::WarningUtils::get_warnAlways();
  warning_always() { c10::WarningUtils::set_warnAlways(true); }
  ~warning_always() { c10::WarningUtils::set_warnAlways(before); }
};

}  // namespace

TEST_CASE("warnings are dropped while the guard lives: all, or those with a part of a text") {
  listening program;
  c10::WarningUtils::WarningHandlerGuard const listens(&program);
  {
    td::detail::without_warnings const silence;
    TORCH_WARN("of the first kind");
  }
  CHECK(program.heard.empty());
  {
    td::detail::without_warnings const silence("second kind");
    TORCH_WARN("of the second kind");
    TORCH_WARN("of the third kind");
  }
  CHECK(program.heard == std::vector<std::string>{"of the third kind"});
  TORCH_WARN("after it");
  CHECK(program.heard.size() == 2);
}

TEST_CASE("an int8 file loads without LibTorch's warning that its types are deprecated") {
  test::temporary_folder const folder;
  auto model =
      test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits()) | td::save(folder / "m.pt");
  (void)(std::move(model) | td::to_mobile() | td::save(folder / "m.ptl"));
  listening program;
  c10::WarningUtils::WarningHandlerGuard const listens(&program);
  warning_always const always;
  torch::jit::load((folder / "m.pt").string());
  REQUIRE_FALSE(program.heard.empty());  // LibTorch by itself
  program.heard.clear();
  (void)td::load<td::TorchScript>(folder / "m.pt");
  (void)td::load<td::MobileLite>(folder / "m.ptl");
  CHECK(program.heard.empty());
}
