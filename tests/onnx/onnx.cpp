#include <torchdeploy/format/onnx.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/onnx_runtime.hpp>
#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/tap.hpp>
#include <torchdeploy/verification/runner.hpp>

#include "support/onnx_models.hpp"

using test::failure_of;
using test::onnx::path;

TEST_CASE("an ONNX file loads from a path, a stream and bytes, and says what it takes and gives") {
  auto const file = path("digits_cnn");
  auto const model = td::load<td::Onnx>(file, {.examples = test::digits(2).split(1)});
  REQUIRE(model.handle().inputs().size() == 1);
  CHECK(td::to_text(model.handle().inputs()[0]) == "input: float32 [?, 1, 8, 8]");
  CHECK(td::to_text(model.handle().outputs().at(0)) == "output: float32 [?, 10]");
  CHECK(model.handle().summary->opset() == 17);
  CHECK(model.handle().summary->operators.at("Conv") == 2);
  CHECK(td::Onnx::has_operator(model.handle(), "Conv"));
  CHECK(model.examples().size() == 2);
  CHECK(td::Onnx::bytes(model.handle()) == std::filesystem::file_size(file));

  std::ifstream stream(file, std::ios::binary);
  CHECK(td::load<td::Onnx>(stream).handle().summary->nodes() == model.handle().summary->nodes());
  auto const bytes = test::bytes_of(file);
  auto const from_bytes = td::load<td::Onnx>(bytes);
  CHECK(from_bytes.handle().data.folder().empty());
  CHECK(from_bytes.handle().bytes().size() == bytes.size());
}

TEST_CASE("the report of load says what an ONNX model is") {
  auto const model = td::load<td::Onnx>(path("digits_cnn_int8"));
  auto const& entry = *model.report().find("load");
  CHECK(entry.detail("path") == path("digits_cnn_int8").string());
  CHECK_THAT(std::string(entry.detail("producer")), StartsWith("onnx.quantize"));
  CHECK(entry.detail("opset") == "17");
  CHECK(entry.detail("ir version") == "8");
  CHECK(entry.detail("inputs") == "input: float32 [?, 1, 8, 8]");
  CHECK(entry.detail("outputs") == "output: float32 [?, 10]");
  CHECK_THAT(std::string(entry.detail("operators")), ContainsSubstring("QuantizeLinear"));
  CHECK(entry.detail("quantized") == "before");
  CHECK(entry.bytes_after == std::filesystem::file_size(path("digits_cnn_int8")));
  CHECK(td::load<td::Onnx>(path("contributed")).report().find("load")->detail("opset") == "17, com.microsoft 1");
}

TEST_CASE("every model of the fixtures loads, by whatever exporter and of whatever domain") {
  std::size_t count = 0;
  for (auto const& each : std::filesystem::directory_iterator(TORCHDEPLOY_MODELS "/onnx")) {
    if (each.path().extension() != ".onnx") continue;
    INFO(each.path().filename().string());
    auto const model = td::load<td::Onnx>(each.path());
    CHECK(model.handle().summary->nodes() > 0);
    CHECK_FALSE(model.handle().inputs().empty());
    ++count;
  }
  CHECK(count >= 30);
}

TEST_CASE("initializers that are listed as inputs are none") {
  CHECK(td::load<td::Onnx>(path("digits_cnn_ir3")).handle().inputs().size() == 1);
  CHECK(td::load<td::Onnx>(path("digits_cnn_ir3")).handle().summary->ir_version == 3);
}

TEST_CASE("a saved ONNX model is the file that was loaded, and a clone shares it") {
  test::temporary_folder const folder;
  auto const model = td::load<td::Onnx>(path("digits_cnn")) | td::save(folder / "m.onnx");
  CHECK(test::bytes_of(folder / "m.onnx") == test::bytes_of(path("digits_cnn")));
  CHECK(folder.files() == 1);
  CHECK(model.clone().handle().file == model.handle().file);
}

TEST_CASE("what an ONNX model has not is refused: a device, extra files") {
  auto const device =
      failure_of<td::load_error>([&] { td::load<td::Onnx>(path("digits_cnn"), {.device = c10::Device(c10::kCUDA)}); });
  CHECK(device.code == td::errc::device_unavailable);
  CHECK_THAT(device.text, ContainsSubstring("before it is deployed"));
  CHECK_NOTHROW(td::load<td::Onnx>(path("digits_cnn"), {.device = c10::Device(c10::kCPU)}));
  auto const files =
      failure_of<td::load_error>([&] { td::load<td::Onnx>(path("digits_cnn"), {.extra_files = {"labels.txt"}}); });
  CHECK(files.code == td::errc::extra_file_missing);
  CHECK_THAT(files.text, ContainsSubstring("'labels.txt'"));
}

TEST_CASE("an ONNX file that is not there, a directory or empty is refused before it is read") {
  test::temporary_folder const folder;
  auto const refused = [](std::filesystem::path const& file) {
    return failure_of<td::load_error>([&] { td::load<td::Onnx>(file); }).code;
  };
  CHECK(refused(folder / "none.onnx") == td::errc::file_missing);
  CHECK(refused(folder.path()) == td::errc::not_a_file);
  test::write(folder / "empty.onnx", "");
  CHECK(refused(folder / "empty.onnx") == td::errc::file_empty);
}

TEST_CASE("an ONNX model goes through a recipe") {
  test::temporary_folder const folder;
  std::size_t inputs = 0;
  auto const recipe = td::load<td::Onnx>() |
                      td::tap([&](auto const& model) { inputs = model.handle().inputs().size(); }) |
                      td::save(folder / "m.onnx");
  recipe(path("two_outputs"));
  CHECK(inputs == 1);
  CHECK(folder.files() == 1);
}

TEST_CASE("ONNX artifacts can be verified where a runtime for them is there") {
  CHECK(td::runs<td::Onnx> == (td::available<td::OnnxRuntime> || td::available<td::OpenVino>));
}
