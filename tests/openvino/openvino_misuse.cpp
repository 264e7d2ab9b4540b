// What users of OpenVINO get wrong: each is an error of ours, with an id and a hint.
#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/stage/to_openvino.hpp>

#include "support/models.hpp"

TEST_CASE("Misuse of OpenVINO gives errors with an id and a hint") {
  using td::errc;
  using options = td::openvino_options;
  std::vector<at::Tensor> const examples{test::digits(2)};
  auto const deploy = [&](options const& chosen) {
    (void)(td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = examples}) |
           td::deploy<td::OpenVino>(chosen));
  };
  auto const session = td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = examples}) |
                       td::deploy<td::OpenVino>({.threads = 1});
  auto const two =
      td::evaluate(test::scripted("def forward(self, x, y):\n    return x + y, x - y"),
                   {.examples = std::vector<std::vector<c10::IValue>>{{at::ones({2, 3}), at::ones({2, 3})}}}) |
      td::deploy<td::OpenVino>({.threads = 1});
  auto const x = test::digits(2), a = at::ones({2, 3});
  std::array<at::Tensor, 1> out;
  std::array<at::Tensor, 2> pair;
  auto const into = [&](at::Tensor const& result) {
    out[0] = result;
    session.run_into(out, x);
  };
  auto const odd = [&](options chosen, std::string const& name, std::string const& value) {
    chosen.properties[name] = value;
    deploy(chosen);
  };

  std::vector<std::pair<errc, std::function<void()>>> const cases{
      {errc::setting_out_of_range, [&] { deploy({.threads = 0}); }},
      {errc::setting_out_of_range, [&] { deploy({.threads = -1}); }},
      {errc::setting_out_of_range, [&] { deploy({.threads = 100'000}); }},
      {errc::setting_out_of_range, [&] { deploy({.streams = 0}); }},
      {errc::setting_out_of_range, [&] { deploy({.streams = 1 << 20}); }},
      {errc::setting_out_of_range, [&] { deploy({.precision = at::kDouble}); }},
      {errc::setting_out_of_range, [&] { deploy({.precision = at::kChar}); }},
      {errc::setting_out_of_range, [&] { deploy({.cache = "/dev/null"}); }},
      {errc::setting_out_of_range, [&] { deploy({.cache = "/proc/nowhere/cache"}); }},
      {errc::setting_out_of_range, [&] { odd({}, "NUM_STREAM", "2"); }},
      {errc::setting_out_of_range, [&] { odd({}, "", "2"); }},
      {errc::setting_out_of_range, [&] { odd({}, "FULL_DEVICE_NAME", "mine"); }},
      {errc::compile_failed, [&] { odd({}, "PERFORMANCE_HINT", "FAST"); }},
      {errc::compile_failed, [&] { odd({}, "NUM_STREAMS", "many"); }},
      {errc::runtime_unusable, [&] { deploy({.device = ""}); }},
      {errc::runtime_unusable, [&] { deploy({.device = "cpu"}); }},
      {errc::runtime_unusable, [&] { deploy({.device = "NPU"}); }},
      {errc::runtime_unusable, [&] { deploy({.device = "HETERO:NPU,CPU"}); }},
      {errc::runtime_unusable, [&] { deploy({.device = "CPU,"}); }},
      {errc::method_missing, [&] { deploy({.method = "forwards"}); }},
      {errc::wrong_arguments, [&] { (void)session(); }},
      {errc::wrong_arguments, [&] { (void)session(x, x); }},
      {errc::wrong_arguments, [&] { (void)session(x.to(at::kDouble)); }},
      {errc::wrong_arguments, [&] { (void)session(x.to(at::kByte)); }},
      {errc::wrong_arguments, [&] { (void)session(x[0]); }},
      {errc::wrong_arguments, [&] { (void)session(x.unsqueeze(0)); }},
      {errc::wrong_arguments, [&] { (void)session(at::Tensor()); }},
      {errc::wrong_arguments, [&] { (void)session(x.to_sparse()); }},
      {errc::wrong_arguments, [&] { (void)session.run({1.5}); }},
      {errc::call_raised,
       [&] {
         (void)session(at::zeros({2, 3, 8, 8}));
       }},
      {errc::call_raised,
       [&] {
         (void)session(at::zeros({2, 1, 1, 1}));
       }},
      {errc::call_raised,
       [&] {
         (void)session(at::zeros({2, 1, 9, 40}));
       }},
      {errc::call_raised,
       [&] {
         (void)two.run({a, at::ones({4, 5})});
       }},
      {errc::not_one_tensor, [&] { (void)two(a, a); }},
      {errc::wrong_arguments,
       [&] {
         into(at::zeros({3, 10}));
       }},
      {errc::wrong_arguments,
       [&] {
         into(at::zeros({2, 10}, at::kDouble));
       }},
      {errc::wrong_arguments,
       [&] {
         into(at::zeros({10, 2}).t());
       }},
      {errc::wrong_arguments, [&] { two.run_into(out, a, a); }},
      {errc::wrong_arguments,
       [&] {
         pair.fill(at::zeros({2, 3}));
         two.run_into(pair, a, a);
       }},
      {errc::name_unknown,
       [&] {
         (void)session.run_named({{"image", x}});
       }},
      {errc::name_unknown,
       [&] {
         (void)session.run_named({{"x", x}, {"x", x}});
       }},
      {errc::name_unknown,
       [&] {
         (void)two.run_named({{"x", a}});
       }},
      {errc::setting_out_of_range, [&] { (void)session.pool(0); }},
      {errc::setting_out_of_range, [&] { (void)session.warmup(0); }},
  };
  REQUIRE(cases.size() >= 30);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO("case " << i);
    try {
      cases[i].second();
      FAIL_CHECK("nothing was thrown");
    } catch (td::error const& failure) {
      INFO(failure.what());
      CHECK(failure.code() == cases[i].first);
      CHECK_FALSE(failure.hint().empty());
      CHECK(std::string(failure.what()).find("Exception from") == std::string::npos);
    }
  }
  auto const want = test::forward(test::load("digits_cnn").handle(), {x}).toTensor();
  CHECK(test::sqnr_db(want, session(x)) > 100);  // after all of it
}
