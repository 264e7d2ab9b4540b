// What users of OpenVINO get wrong: each is an error of ours, with an id, what was expected and a hint, in a line of 200
// characters; and the session goes on.
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/stage/to_openvino.hpp>

#include "support/misuse.hpp"

namespace {

using test::misuse;
using enum td::errc;
namespace fs = std::filesystem;
using options = td::openvino_options;
using tensors = std::vector<at::Tensor>;

auto digits(options const& chosen = {.threads = 1}) {
  return td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = tensors{test::digits(2)}}) |
         td::deploy<td::OpenVino>(chosen);
}
auto of_two() {
  return td::evaluate(test::scripted("def forward(self, x, y):\n    return x + y, x - y"),
                      {.examples = std::vector<td::example>{{at::ones({2, 3}), at::ones({2, 3})}}}) |
         td::deploy<td::OpenVino>({.threads = 1});
}

std::function<void(fs::path const&)> with(options const& chosen) {
  return [=](fs::path const&) { digits(chosen); };
}
std::function<void(fs::path const&)> on(std::string const& device) { return with({.device = device}); }
std::function<void(fs::path const&)> odd(std::string const& name, std::string const& value) {
  return with({.properties = {{name, value}}});
}
std::function<void(fs::path const&)> scripted(std::string const& body, tensors const& examples = {at::ones({2, 3})}) {
  return [=](fs::path const&) {
    auto const module = test::scripted("def forward(self, x):\n" + body);
    td::evaluate(module, {.examples = examples}) | td::deploy<td::OpenVino>({.threads = 1});
  };
}

std::vector<misuse> list() {
  auto const session = std::make_shared<td::session<td::OpenVino>>(digits());
  auto const two = std::make_shared<td::session<td::OpenVino>>(of_two());
  auto const x = test::digits(2), a = at::ones({2, 3});
  auto const call = [=](auto const&... given) { return [=](fs::path const&) { (void)(*session)(given...); }; };
  auto const into = [=](at::Tensor const& result) {
    return [=](fs::path const&) {
      std::array places{result};
      session->run_into(places, x);
    };
  };
  auto const naming = [=](auto const& of, std::vector<td::named_tensor> const& given) {
    return [=](fs::path const&) { (void)of->run_named(given); };
  };
  return {
      // the options
      {"no threads", setting_out_of_range, with({.threads = 0})},
      {"less than no threads", setting_out_of_range, with({.threads = -1})},
      {"a thread for everyone", setting_out_of_range, with({.threads = 100'000})},
      {"no streams", setting_out_of_range, with({.streams = 0})},
      {"a stream for everyone", setting_out_of_range, with({.streams = 1 << 20})},
      {"double precision", setting_out_of_range, with({.precision = at::kDouble})},
      {"int8 as a precision", setting_out_of_range, with({.precision = at::kChar})},
      {"a cache in a device", setting_out_of_range, with({.cache = "/dev/null"})},
      {"a cache nowhere", setting_out_of_range, with({.cache = "/proc/nowhere/cache"})},
      {"a property misspelt", setting_out_of_range, odd("NUM_STREAM", "2")},
      {"a property without a name", setting_out_of_range, odd("", "2")},
      {"a property that can't be set", setting_out_of_range, odd("FULL_DEVICE_NAME", "mine")},
      {"a property that AUTO would take in silence", setting_out_of_range,
       with({.device = "AUTO:CPU", .properties = {{"NONSENSE", "1"}}})},
      {"a hint that there is not", compile_failed, odd("PERFORMANCE_HINT", "FAST")},
      {"a number in words", compile_failed, odd("NUM_STREAMS", "many")},
      {"a device without a name", runtime_unusable, on("")},
      {"a device in small letters", runtime_unusable, on("cpu")},
      {"a device that is not there", runtime_unusable, on("NPU")},
      {"one of several that is not there", runtime_unusable, on("HETERO:NPU,CPU")},
      {"a comma too many", runtime_unusable, on("CPU,")},
      {"HETERO misspelt", runtime_unusable, on("HETRO:CPU")},
      {"nothing before the colon", runtime_unusable, on(":CPU")},
      {"nothing behind the colon", runtime_unusable, on("AUTO:")},
      {"a method misspelt", method_missing, with({.method = "forwards"})},
      // the model
      {"an operator that OpenVINO has not", conversion_failed, scripted("    return torch.digamma(x)")},
      {"a model that judges its data", conversion_failed, scripted("    assert bool(x.sum() > 0)\n    return x")},
      {"an input of which nothing is known", compile_failed, scripted("    return torch.relu(x)", {})},
      // the call
      {"no input", wrong_arguments, call()},
      {"an input too many", wrong_arguments, call(x, x)},
      {"doubles for floats", wrong_arguments, call(x.to(at::kDouble))},
      {"bytes for floats", wrong_arguments, call(x.to(at::kByte))},
      {"one dimension less", wrong_arguments, call(x[0])},
      {"one dimension more", wrong_arguments, call(x.unsqueeze(0))},
      {"an undefined input", wrong_arguments, call(at::Tensor())},
      {"a sparse input", wrong_arguments, call(x.to_sparse())},
      {"a nested input", wrong_arguments, call(at::_nested_tensor_from_tensor_list({x, x}))},
      {"no tensor", wrong_arguments, [=](fs::path const&) { (void)session->run({1.5}); }},
      {"channels that the model has not", call_raised, call(at::zeros({2, 3, 8, 8}))},
      {"an image too small for its pooling", call_raised, call(at::zeros({2, 1, 1, 1}))},
      {"an image too wide", call_raised, call(at::zeros({2, 1, 9, 40}))},
      {"shapes that don't fit each other", call_raised,
       [=](fs::path const&) {
         (void)two->run({a, at::ones({4, 5})});
       }},
      {"several results as one tensor", not_one_tensor, [=](fs::path const&) { (void)(*two)(a, a); }},
      {"results too many rows", wrong_arguments, into(at::zeros({3, 10}))},
      {"results of another type", wrong_arguments, into(at::zeros({2, 10}, at::kDouble))},
      {"results that are not contiguous", wrong_arguments, into(at::zeros({10, 2}).t())},
      {"one place for two results", wrong_arguments,
       [=](fs::path const&) {
         std::array<at::Tensor, 1> place;
         two->run_into(place, a, a);
       }},
      {"two results in one place", wrong_arguments,
       [=](fs::path const&) {
         std::array<at::Tensor, 2> places;
         places.fill(at::zeros({2, 3}));
         two->run_into(places, a, a);
       }},
      {"a name that the model has not", name_unknown, naming(session, {{"image", x}})},
      {"a name twice", name_unknown, naming(session, {{"x", x}, {"x", x}})},
      {"a name that is missing", name_unknown, naming(two, {{"x", a}})},
      {"a pool of none", setting_out_of_range, [=](fs::path const&) { (void)session->pool(0); }},
      {"a warm-up without calls", setting_out_of_range, [=](fs::path const&) { (void)session->warmup(0); }},
      {"a right call, after all of it", call_raised,
       [=](fs::path const&) {
         auto const want = test::forward(test::load("digits_cnn").handle(), {x}).toTensor();
         CHECK(test::sqnr_db(want, (*session)(x)) > 100);
         (void)(*session)(at::zeros({2, 3, 8, 8}));
       }},
  };
}

}  // namespace

TEST_CASE("Misuse of OpenVINO gives errors with an id and a hint") {
  auto const all = list();
  CHECK(all.size() >= 50);
  bool const as_documented = td::detail::openvino_core().get_available_devices() == std::vector<std::string>{"CPU"};
  test::commit(all, [&](td::errc code) { return as_documented && code == runtime_unusable; });
}
