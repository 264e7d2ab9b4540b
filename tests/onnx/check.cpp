#include <torchdeploy/onnx/check.hpp>

#include <filesystem>
#include <string>

#include "support/onnx_models.hpp"

using namespace test::onnx;
using test::failure_of;

TEST_CASE("what is no ONNX model is refused with what it is") {
  auto const refused = [](std::string const& bytes) {
    auto const failure = failure_of<td::format_error>([&] { load(bytes); });
    CHECK(failure.code == td::errc::wrong_format);
    return failure.text;
  };
  auto const script = test::bytes_of(test::model_path("digits_cnn"));
  CHECK_THAT(refused({script.begin(), script.end()}), ContainsSubstring("zip archive (TorchScript"));
  CHECK_THAT(refused("<!DOCTYPE html><html>404</html>"), ContainsSubstring("HTML"));
  CHECK_THAT(refused("<?xml version=\"1.0\"?><net name=\"m\">"), ContainsSubstring("OpenVINO"));
  CHECK_THAT(refused("version https://git-lfs.github.com/spec/v1\n"), ContainsSubstring("Git LFS pointer"));
  CHECK_THAT(refused("Best regards,\nthe model"), ContainsSubstring("text"));  // 'B': the tag of opset_import
  CHECK_THAT(refused(std::string("\x18\0\0\0ORTM", 8)), ContainsSubstring(".ort"));
  CHECK_THAT(refused(std::string("\x10\0\0\0\0\0\0\0{\"weight\": {}}  ....", 28)), ContainsSubstring("safetensors"));
  CHECK_THAT(refused(std::string("\x80\x05\x95\0\0", 5)), ContainsSubstring("Python pickle"));
  CHECK_THAT(refused(std::string("\x0a\x03\x01\x02\x03", 5)), ContainsSubstring("something else"));
  CHECK(failure_of<td::load_error>([&] { load(std::string()); }).code == td::errc::file_empty);
}

TEST_CASE("a model is one of ONNX's whatever its producer is called") {
  auto const plain = graph({node("Relu", {"x"}, {"y"})}).text();
  for (std::string const name : {"acme{", "acme{\"a\"}", "TFL3", "ORTM", "PTMF", "ET1", "ET12"}) {
    INFO(name);
    auto const named = message()
                           .number(pb::onnx_model::ir_version, 8)
                           .bytes(pb::onnx_model::producer_name, name)
                           .bytes(pb::onnx_model::opset_import, opset("", 17))
                           .bytes(pb::onnx_model::graph, plain)
                           .text();
    CHECK(load(named).handle().summary->producer == name);
  }
}

TEST_CASE("a model without opsets, or of versions that are none, is refused") {
  auto const plain = graph({node("Relu", {"x"}, {"y"})}).text();
  check_all_refused({
      {"'the bytes' is no valid ONNX model: it has no graph",
       message().number(pb::onnx_model::ir_version, 8).bytes(pb::onnx_model::opset_import, opset("", 17))},
      {"it imports no opset", message().number(pb::onnx_model::ir_version, 8).bytes(pb::onnx_model::graph, plain)},
      {"no IR version 0", message().bytes(pb::onnx_model::opset_import, opset("", 17)).bytes(7, plain)},
      {"no IR version -1", model(plain, 17, -1)},
      {"no opset 0 of domain ''", model(plain, 0)},
      {"no opset 1099511627776 of domain ''", model(plain, 1LL << 40)},
      {"no opset -3 of domain 'org.acme'", model(plain).bytes(pb::onnx_model::opset_import, opset("org.acme", -3))},
      {"two opsets of domain ''", model(plain).bytes(pb::onnx_model::opset_import, opset("ai.onnx", 12))},
  });
  auto const first = message().number(pb::onnx_model::ir_version, 1).bytes(pb::onnx_model::graph, plain).text();
  CHECK(load(first).handle().summary->opset() == 1);
}

TEST_CASE("a file larger than protobuf's are is refused before it is read") {
  test::temporary_folder const folder;
  test::write(folder / "m.onnx", relu());
  std::filesystem::resize_file(folder / "m.onnx", 3'000'000'000);
  auto const failure = failure_of<td::format_error>([&] { td::load<td::Onnx>(folder / "m.onnx"); });
  CHECK(failure.code == td::errc::file_damaged);
  CHECK_THAT(failure.text, ContainsSubstring("3000000000 bytes in 'm.onnx'") && ContainsSubstring("external data"));
}
