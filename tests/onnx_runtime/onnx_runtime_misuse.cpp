// What users do wrong with ONNX Runtime.
#include <torchdeploy/torchdeploy.hpp>

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "support/misuse.hpp"
#include "support/onnx_models.hpp"

namespace {

namespace fs = std::filesystem;
namespace onnx = test::onnx;
using enum td::errc;
using test::misuse;

auto session(std::string const& name = "digits_cnn", td::onnx_runtime_options const& options = {}) {
  return td::load<td::Onnx>(onnx::path(name)) | td::deploy<td::OnnxRuntime>(options);
}
auto deployed(std::string const& model) { return onnx::load(model) | td::deploy<td::OnnxRuntime>(); }

std::function<void(fs::path const&)> deploying(std::string const& name) {
  return [name](fs::path const&) { session(name); };
}
std::function<void(fs::path const&)> deploying_model(std::string const& model) {
  return [model](fs::path const&) { deployed(model); };
}
std::function<void(fs::path const&)> deploying_graph(std::string const& graph) {
  return deploying_model(onnx::model(graph));
}
std::function<void(fs::path const&)> with(td::onnx_runtime_options const& options) {
  return [options](fs::path const&) { session("digits_cnn", options); };
}
template <class... Inputs>
std::function<void(fs::path const&)> calling(Inputs... inputs) {
  return [=](fs::path const&) { session()(inputs...); };
}
std::function<void(fs::path const&)> naming(std::vector<td::named_tensor> const& inputs) {
  return [=](fs::path const&) { (void)session().run_named(inputs); };
}
std::function<void(fs::path const&)> into(std::vector<at::Tensor> const& results) {
  return [=](fs::path const&) {
    auto places = results;
    session().run_into(places, test::digits(2));
  };
}

std::string typed(std::int64_t type) {
  auto const x = onnx::tensor_type(type, {-1, 4});
  return onnx::graph({onnx::node("Identity", {"x"}, {"y"})}, {onnx::value("x", x)}, {onnx::value("y", x)});
}

std::vector<misuse> list() {
  auto const image = test::digits(2);
  auto const folder_named = [](fs::path const& folder) {
    fs::create_directory(folder / "taken");
    return folder / "taken";
  };
  return {
      // the model
      {"an operator that no runtime has", compile_failed, deploying("unknown_domain")},
      {"an operator that ONNX has not", compile_failed, deploying_graph(onnx::graph({onnx::node("Levitate", {"x"}, {"y"})}))},
      {"an opset from the future", compile_failed,
       deploying_model(onnx::model(onnx::graph({onnx::node("Relu", {"x"}, {"y"})}).text(), 999))},
      {"an IR version from the future", compile_failed,
       deploying_model(onnx::model(onnx::graph({onnx::node("Relu", {"x"}, {"y"})}).text(), 17, 99))},
      {"operands of two types", compile_failed,
       deploying_graph(onnx::graph({onnx::node("Add", {"x", "i"}, {"y"})},
                                   {onnx::value("x"), onnx::value("i", onnx::tensor_type(onnx::int64, {-1, 4}))}))},
      {"an operator for another type", compile_failed,
       deploying_graph(onnx::graph({onnx::node("Cos", {"x"}, {"y"})},
                                   {onnx::value("x", onnx::tensor_type(onnx::int64, {-1, 4}))},
                                   {onnx::value("y", onnx::tensor_type(onnx::int64, {-1, 4}))}))},
      {"an output of another type than it says", compile_failed,
       deploying_graph(onnx::graph({onnx::node("Relu", {"x"}, {"y"})}, {onnx::value("x")},
                                   {onnx::value("y", onnx::tensor_type(onnx::int64, {-1, 4}))}))},
      {"shapes that don't fit", compile_failed,
       deploying_graph(onnx::graph({onnx::node("MatMul", {"x", "w"}, {"y"})},
                                   {onnx::value("x", onnx::tensor_type(onnx::float32, {2, 4})),
                                    onnx::value("w", onnx::tensor_type(onnx::float32, {3, 4}))}))},
      {"strings in and out", compile_failed, deploying("strings")},
      {"strings in", compile_failed, deploying("labels")},
      {"a sequence out", compile_failed, deploying("sequence")},
      {"an optional in", compile_failed, deploying("optional")},
      {"complex numbers", compile_failed, deploying_graph(typed(14))},
      {"four-bit numbers in and out", compile_failed, deploying_model(onnx::model(typed(22), 21, 10))},
      // the options
      {"no threads", setting_out_of_range, with({.threads = {.intra = 0}})},
      {"less than no threads", setting_out_of_range, with({.threads = {.inter = -1}})},
      {"a thread for everyone", setting_out_of_range, with({.threads = {.intra = 1'000'000'000}})},
      {"an optimization that there is not", setting_out_of_range,
       with({.optimization = static_cast<td::graph_optimization>(42)})},
      {"a log level that there is not", setting_out_of_range, with({.log = static_cast<td::runtime_log>(-1)})},
      {"a provider that this build has not", provider_missing, with({.providers = {"CUDAExecutionProvider"}})},
      {"a provider's name misspelt", provider_missing, with({.providers = {"CPUExecutionProvder"}})},
      {"a provider without a name", provider_missing, with({.providers = {""}})},
      {"a provider that is missing beside one that is there", provider_missing,
       with({.providers = {"CPUExecutionProvider", "TensorrtExecutionProvider"}})},
      {"options for the CPU", setting_out_of_range, with({.providers = {{"CPUExecutionProvider", {{"fast", "1"}}}}})},
      {"a provider twice", setting_out_of_range,
       with({.providers = {"CPUExecutionProvider", "CPUExecutionProvider"}})},
      {"a dimension that the model has not", name_unknown, with({.free_dimensions = {{"bacth", 4}}})},
      {"a dimension of nothing", setting_out_of_range, with({.free_dimensions = {{"batch", 0}}})},
      {"a dimension below nothing", setting_out_of_range, with({.free_dimensions = {{"batch", -5}}})},
      {"a config key that can't be one", name_unknown, with({.config = {{"allow_spinning", "0"}}})},
      {"a config key without letters", name_unknown, with({.config = {{"", "0"}}})},
      {"a config key too long", setting_out_of_range, with({.config = {{"session." + std::string(2000, 'x'), "0"}}})},
      {"a profile in no folder", place_unwritable, with({.profile = "/nowhere/at/all/profile"})},
      {"an optimized model in no folder", place_unwritable, with({.optimized_model = "/nowhere/at/all/fast.onnx"})},
      {"an optimized model over a folder", place_unwritable,
       [=](fs::path const& folder) { session("digits_cnn", {.optimized_model = folder_named(folder)}); }},
      {"a profile over a folder", place_unwritable,
       [=](fs::path const& folder) { session("digits_cnn", {.profile = folder_named(folder)}); }},
      {"an optimized model of a bad model", compile_failed,
       [](fs::path const& folder) { session("unknown_domain", {.optimized_model = folder / "fast.onnx"}); }},
      // the call
      {"no input", wrong_arguments, calling()},
      {"an input too many", wrong_arguments, calling(image, image)},
      {"an undefined input", wrong_arguments, calling(at::Tensor())},
      {"doubles for floats", wrong_arguments, calling(image.to(at::kDouble))},
      {"bytes for floats", wrong_arguments, calling(image.to(at::kByte))},
      {"one dimension less", wrong_arguments, calling(image[0])},
      {"one dimension more", wrong_arguments, calling(image.unsqueeze(0))},
      {"images too large", wrong_arguments, calling(at::ones({2, 1, 9, 9}))},
      {"images of no size", wrong_arguments, calling(at::ones({2, 1, 0, 8}))},
      {"a sparse input", wrong_arguments, calling(image.to_sparse())},
      {"an input without memory", wrong_arguments, calling(at::empty({2, 1, 8, 8}, at::device(at::kMeta)))},
      {"no tensor", wrong_arguments, [](fs::path const&) { (void)session().run({c10::IValue(1)}); }},
      {"several results as one tensor", not_one_tensor,
       [](fs::path const&) { session("two_outputs")(at::ones({1, 16})); }},
      {"indices out of range", call_raised, [](fs::path const&) { session("embedding_mlp")(at::full({1, 6}, 50, at::kLong)); }},
      {"an image too small for its pooling", call_raised,
       [](fs::path const&) { session("mlp_wide_external"), session("resnet18")(at::ones({1, 3, 0, 0})); }},
      {"an input's name misspelt", name_unknown, naming({{"inptu", image}})},
      {"an input missing", name_unknown, naming({})},
      {"an input twice", name_unknown, naming({{"input", image}, {"input", image}})},
      {"results of another type", wrong_arguments, into({at::empty({2, 10}, at::kDouble)})},
      {"results too few rows", wrong_arguments, into({at::empty({1, 10})})},
      {"results too long", wrong_arguments, into({at::empty({2, 11})})},
      {"results that are not contiguous", wrong_arguments, into({at::empty({10, 2}).t()})},
      {"no place for the results", wrong_arguments, into({})},
      {"a place too many for the results", wrong_arguments, into({at::empty({2, 10}), at::empty({2, 10})})},
      {"results over the input", wrong_arguments,
       [](fs::path const&) {
         auto const x = at::ones({2, 4});
         std::array places{x.view({2, 4})};
         deployed(onnx::relu()).run_into(places, x);
       }},
      {"a pool of none", setting_out_of_range, [](fs::path const&) { (void)session().pool(0); }},
      {"a warm-up without calls", setting_out_of_range, [](fs::path const&) { (void)session().warmup(0); }},
      {"a warm-up without samples", nothing_to_warm_up_with, [](fs::path const&) { (void)session().warmup(3); }},
  };
}

}  // namespace

TEST_CASE("each misuse of ONNX Runtime ends in an error of ours, with an id and a hint") {
  auto all = list();
  CHECK(all.size() >= 60);
  // The providers of another build are others than the page shows; Azure's calls a service, and runs no operator of ONNX's.
  auto const providers = Ort::GetAvailableProviders();
  bool const as_documented = providers == std::vector<std::string>{"AzureExecutionProvider", "CPUExecutionProvider"};
  if (as_documented)
    all.push_back({"a provider with nothing to do", provider_unused, with({.providers = {"AzureExecutionProvider"}})});
  test::commit(all,
               [&](td::errc code) { return as_documented && (code == provider_missing || code == provider_unused); });
}
