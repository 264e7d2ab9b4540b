#include <torchdeploy/onnx/model_writer.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "support/exported.hpp"

namespace {

auto exported(td::export_onnx_options const& options) {
  return td::load<td::TorchScript>(test::model_path("digits_cnn"),
                                   {.examples = std::vector{test::noise({3, 1, 8, 8}).front()}}) |
         td::export_onnx(options);
}

}  // namespace

TEST_CASE("weights apart are one file beside the model's, wherever it is saved") {
  test::temporary_folder const folder, elsewhere;
  auto const inside = exported({});
  auto const apart = exported({.external_data = true});
  CHECK_FALSE(inside.handle().has_external_data());
  CHECK(apart.handle().has_external_data());
  CHECK(apart.handle().bytes().size() < inside.handle().bytes().size() / 4);

  auto const reference = td::load<td::TorchScript>(test::model_path("digits_cnn"),
                                                   {.examples = std::vector{test::noise({3, 1, 8, 8}).front()}});
  CHECK(td::compare(apart, reference).passed);  // from memory
#ifdef TORCHDEPLOY_WITH_OPENVINO
  CHECK(td::compare(apart.clone() | td::deploy<td::OpenVino>(), reference).passed);
#endif
  auto const saved = apart.clone() | td::save(folder / "model.onnx") | td::save(elsewhere / "other.onnx");
  for (auto const& path : {folder / "model.onnx", elsewhere / "other.onnx"}) {
    std::size_t files = 0;
    for (auto const& each : std::filesystem::directory_iterator(path.parent_path())) files += each.is_regular_file();
    CHECK(files == 2);
    auto const again = td::load<td::Onnx>(path);
    CHECK(again.handle().summary->external_files.size() == 1);
    CHECK(td::compare(again, reference).passed);
  }
}

TEST_CASE("a file says what made it, and of which stages it came") {
  auto const metadata =
      (td::load<td::TorchScript>(test::model_path("digits_cnn"),
                                 {.examples = std::vector{test::noise({3, 1, 8, 8}).front()}}) |
       td::prune<td::L1>(0.3) | td::export_onnx({.metadata = {{"team", "vision"}, {"stages", "mine"}}}) |
       td::tap([](auto const& artifact) {
         auto const& summary = *artifact.handle().summary;
         CHECK(summary.producer == "torchdeploy " + std::string(td::version));
         CHECK(summary.metadata.at("torch_version") == TORCH_VERSION);
         CHECK(summary.metadata.at("team") == "vision");
         CHECK(summary.metadata.at("stages") == "mine");  // one's own go first
       }))
          .handle()
          .summary->metadata;
  CHECK(metadata.size() == 3);
  auto const plain = td::load<td::TorchScript>(test::model_path("digits_cnn"),
                                               {.examples = std::vector{test::noise({3, 1, 8, 8}).front()}}) |
                     td::prune<td::L1>(0.3) | td::export_onnx();
  auto const& stages = plain.handle().summary->metadata.at("stages");
  INFO(stages);
  CHECK(stages.find("load") == 0);
  CHECK(stages.find("; prune criterion l1, amount 0.3") != std::string::npos);
  CHECK(stages.find("/") == std::string::npos);  // no path of this machine
}
