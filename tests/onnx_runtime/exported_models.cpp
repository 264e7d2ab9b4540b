// Whole models, exported.
#include <exception>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <torchdeploy/torchdeploy.hpp>

#include "support/zoo.hpp"

TEST_CASE("every fixture model comes out of export_onnx as it went in, or is refused by name") {
  std::set<std::string> const refused = {"exported_methods", "silero_vad"}; // they keep a state
  std::set<std::string> seen;
  for (auto const& [name, inputs] : test::all_models()) {
    CAPTURE(name);
    auto const reference = td::load<td::TorchScript>(test::model_path(name), {.examples = inputs});
    try {
      auto const onnx = reference.clone() | td::export_onnx();
      auto const result = td::compare(onnx, reference, {.allow_degenerate = true});
      CAPTURE(result);
      CHECK(result.passed);
      for (auto const& each : result.outputs) CHECK(each.sqnr_db >= 90);
#ifdef TORCHDEPLOY_WITH_OPENVINO
      auto const there = td::compare(onnx.clone() | td::deploy<td::OpenVino>(), reference, {.allow_degenerate = true});
      CAPTURE(there);
      for (auto const& each : there.outputs) CHECK(each.sqnr_db >= 90);
#endif
    } catch (td::export_error const& refusal) {
      INFO(refusal.what());
      CHECK(refused.contains(name));
      seen.insert(name);
    }
  }
  CHECK(seen == refused);
}

TEST_CASE("an export is verified before it is saved, and loads again") {
  test::temporary_folder const folder;
  auto const reference =
      td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = test::own_samples().at("digits_cnn")});
  auto const onnx = reference.clone() | td::export_onnx({.inputs = {"image"}, .outputs = {"logits"}}) |
                    td::verify(reference) | td::save(folder / "model.onnx");
  CHECK(onnx.report().find("export_onnx")->detail("open size") == "batch");
  auto const again = td::load<td::Onnx>(folder / "model.onnx");
  CHECK(again.handle().inputs().at(0).name == "image");
  CHECK(again.handle().outputs().at(0).name == "logits");
  CHECK(again.handle().inputs().at(0).shape.value().at(0) == -1);
  CHECK(td::compare(again, reference).passed);
}

TEST_CASE("an export has no more nodes than Python's exporter writes, and no more bytes") {
  for (std::string const name : {"digits_cnn", "mobilenet_v2", "onet", "resnet18"}) {
    CAPTURE(name);
    auto const theirs = td::load<td::Onnx>(TORCHDEPLOY_MODELS "/onnx/" + name + ".onnx");
    auto const ours = td::load<td::TorchScript>(test::model_path(name), {.examples = test::own_samples().at(name)}) |
                      td::export_onnx();
    CHECK(ours.handle().summary->nodes() <= theirs.handle().summary->nodes());
    CHECK(ours.handle().bytes().size() <= theirs.handle().bytes().size());
  }
}
