#include <torchdeploy/onnx/onnx_summary.hpp>

#include "support/onnx_models.hpp"

TEST_CASE("a summary has what a model says of itself") {
  auto const text = test::onnx::model(test::onnx::graph({test::onnx::node("Relu", {"x"}, {"y"})}).text())
                        .bytes(td::detail::onnx_model::producer_name, "by hand")
                        .bytes(td::detail::onnx_model::producer_version, "1")
                        .bytes(td::detail::onnx_model::metadata_props, test::onnx::entry("labels", "cat,dog"))
                        .bytes(td::detail::onnx_model::opset_import, test::onnx::opset("com.microsoft", 1))
                        .text();
  auto const model = test::onnx::load(text);
  auto const& summary = *model.handle().summary;
  CHECK(summary.producer == "by hand 1");
  CHECK(summary.graph_name == "g");
  CHECK(summary.metadata.at("labels") == "cat,dog");
  CHECK(summary.opset() == 17);
  CHECK(summary.opsets.at("com.microsoft") == 1);
  CHECK(summary.nodes() == 1);
  CHECK(summary.has_operator("Relu"));
  CHECK_FALSE(summary.has_operator("Conv"));
}

TEST_CASE("packaged models of others say what they take: silero-vad's and magika's") {
  auto const vad = td::load<td::Onnx>(test::onnx::path("silero_vad"));
  REQUIRE(vad.handle().inputs().size() == 3);
  CHECK(td::to_text(vad.handle().inputs()[1]) == "state: float32 [2, ?, 128]");
  CHECK(td::to_text(vad.handle().inputs()[2]) == "sr: int64 []");
  CHECK(td::to_text(td::load<td::Onnx>(test::onnx::path("magika")).handle().inputs().at(0)) ==
        "bytes: int32 [?, 2048]");
}
