// What users do wrong when they export: see misuse.cpp.
#include <functional>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/misuse.hpp"

namespace {

namespace fs = std::filesystem;

/// Exporting the body of a `forward` of `image`, [3, 4].
std::function<void(fs::path const&)> exporting(std::string body, td::export_onnx_options options = {}) {
  return [=](fs::path const&) {
    auto const module = test::scripted("def forward(self, image):\n    " + body);
    td::evaluate(module, {.examples = test::noise({3, 4})}) | td::export_onnx(options);
  };
}
td::export_onnx_options open(std::string const& input, std::map<std::int64_t, std::string> axes) {
  td::export_onnx_options options;
  options.dynamic_axes = {{input, std::move(axes)}};
  return options;
}

std::vector<test::misuse> const& list() {
  static std::vector<test::misuse> const all = {
      {"an operator without an ONNX form", td::errc::operator_missing, exporting("return torch.histc(image, 4)")},
      {"several", td::errc::operator_missing,
       exporting("return torch.histc(image, 4) + torch.logdet(torch.mm(image, image.t()))")},
      {"a state", td::errc::not_exportable,
       [](auto&) {
         td::load<td::TorchScript>(test::model_path("exported_methods"), {.examples = test::noise({1, 16})}) | td::export_onnx();
       }},
      {"as many turns as rows", td::errc::not_exportable,
       exporting("y = image\n    for i in range(image.size(0)):\n        y = y + 1\n    return y")},
      {"turns until a sum is reached", td::errc::not_exportable,
       exporting("y = image\n    while bool((y.sum() < 100).item()):\n        y = y + 1\n    return y")},
      {"a check that fails", td::errc::not_exportable, exporting("assert image.size(1) == 5, 'five'\n    return image")},
      {"an output that is a text", td::errc::not_exportable, exporting("return 'image'")},
      {"nothing that is returned", td::errc::not_exportable, exporting("return None")},
      {"a batch that is baked in", td::errc::export_raised, exporting("return image.reshape([3, 4])")},
      {"an example of another shape", td::errc::export_raised,
       exporting("return torch.mm(image, torch.ones([5, 5]))")},
      {"an old opset", td::errc::export_options_conflict, exporting("return image", {.opset = 9})},
      {"an opset to come", td::errc::export_options_conflict, exporting("return image", {.opset = 99})},
      {"a method that is not there", td::errc::export_options_conflict, exporting("return image", {.method = "encode"})},
      {"two names for one input", td::errc::export_options_conflict, exporting("return image", {.inputs = {"a", "b"}})},
      {"two names for one output", td::errc::export_options_conflict, exporting("return image", {.outputs = {"a", "b"}})},
      {"an output named as an input", td::errc::export_options_conflict,
       exporting("return image + 1", {.outputs = {"image"}})},
      {"a file that was quantized", td::errc::operator_missing,
       [](fs::path const& folder) {
         auto const images = test::digits(2);
         test::load("digits_cnn") | td::quantize<td::Int8>(images) | td::save(folder / "int8.pt");
         td::load<td::TorchScript>(folder / "int8.pt", {.examples = images}) | td::export_onnx();
       }},
      {"a key that is a size", td::errc::not_exportable,
       exporting("d = {3: image, 8: image + 1}\n    return d[image.size(0)]")},
      {"an input that is not there", td::errc::export_options_conflict,
       exporting("return image", open("imag", {{0, "batch"}}))},
      {"an axis that is not there", td::errc::export_options_conflict,
       exporting("return image", open("image", {{2, "height"}}))},
      {"one name for two sizes", td::errc::export_options_conflict,
       exporting("return image", open("image", {{0, "n"}, {1, "n"}}))},
      {"no example", td::errc::nothing_to_export_with, [](auto&) { test::load("mlp_scripted") | td::export_onnx(); }},
      {"an example of too few arguments", td::errc::export_raised,
       [](auto&) {
         auto const module = test::scripted("def forward(self, a, b):\n    return a + b");
         td::evaluate(module, {.examples = test::noise({3, 4})}) | td::export_onnx();
       }},
  };
  return all;
}

}  // namespace

TEST_CASE("misuse of export_onnx gives one of our errors") {
  test::commit(list(), [](td::errc code) { return static_cast<int>(code) / 100 == 9; });
}
