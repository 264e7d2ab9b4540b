// What users do wrong with files of ONNX's: see misuse.cpp.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/misuse.hpp"
#include "support/onnx_models.hpp"

namespace {

namespace fs = std::filesystem;
namespace pb = torchdeploy::detail;

std::function<void(fs::path const&)> loading_onnx(std::string bytes) {
  return [bytes = std::move(bytes)](fs::path const& folder) {
    test::write(folder / "model.onnx", bytes);
    td::load<td::Onnx>(folder / "model.onnx");
  };
}
std::string onnx_with(test::onnx::message const& node) { return test::onnx::model(test::onnx::graph({node}).text()); }
std::string onnx_with_data_in(std::string const& file) {
  namespace onnx = test::onnx;
  return onnx::model(onnx::graph({onnx::node("Add", {"x", "stem.weight"}, {"y"})}, {onnx::value("x")},
                                 {onnx::value("y")}, {onnx::external("stem.weight", {4}, {{"location", file}})})
                         .text());
}

std::vector<test::misuse> const& list() {
  static std::vector<test::misuse> const all = {
      {"TorchScript as ONNX", td::errc::wrong_format,
       [](auto&) { td::load<td::Onnx>(test::model_path("digits_cnn")); }},
      {"an ONNX file of no bytes", td::errc::file_empty, loading_onnx("")},
      {"an ONNX file cut to a half", td::errc::file_damaged,
       [](auto& f) {
         auto bytes = test::bytes_of(test::onnx::path("digits_cnn"));
         bytes.resize(bytes.size() / 2);
         test::write(f / "model.onnx", {bytes.data(), bytes.size()});
         td::load<td::Onnx>(f / "model.onnx");
       }},
      {"an ONNX convolution without a weight", td::errc::file_damaged,
       loading_onnx(onnx_with(test::onnx::node("Conv", {"x"}, {"y"}).bytes(pb::onnx_node::name, "stem")))},
      {"ONNX nodes in the wrong order", td::errc::file_damaged,
       loading_onnx(test::onnx::model(
           test::onnx::graph({test::onnx::node("Relu", {"later"}, {"y"}), test::onnx::node("Relu", {"x"}, {"later"})})
               .text()))},
      {"an ONNX model whose weights are elsewhere", td::errc::external_data_refused,
       loading_onnx(onnx_with_data_in("../weights.bin"))},
      {"an ONNX model that reads the machine's own files", td::errc::external_data_refused,
       loading_onnx(onnx_with_data_in("/etc/passwd"))},
      {"an ONNX model without the file of its weights", td::errc::external_data_refused,
       loading_onnx(onnx_with_data_in("weights.bin"))},
      {"an ONNX model with external data from memory", td::errc::external_data_refused,
       [](auto&) { test::onnx::load(onnx_with_data_in("weights.bin")); }},
      {"extra files of an ONNX model", td::errc::extra_file_missing,
       [](auto&) { td::load<td::Onnx>(test::onnx::path("digits_cnn"), {.extra_files = {"labels.txt"}}); }},
      {"an ONNX model onto a graphics card", td::errc::device_unavailable,
       [](auto&) { td::load<td::Onnx>(test::onnx::path("digits_cnn"), {.device = c10::kCUDA}); }},
  };
  return all;
}

}  // namespace

TEST_CASE("each misuse of an ONNX file ends in an error of ours, with an id and a hint") {
  test::commit(list(), [](td::errc code) { return code == td::errc::external_data_refused; });
}
