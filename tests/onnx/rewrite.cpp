#include <torchdeploy/onnx/rewrite.hpp>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <torchdeploy/stage/save.hpp>

#include "support/onnx_models.hpp"

using namespace test::onnx;
using test::failure_of;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_of(fs::path const& folder) {
  std::vector<std::string> names;
  for (auto const& each : fs::directory_iterator(folder)) names.push_back(each.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string one_stream(td::Onnx::handle const& model) {
  std::ostringstream out;
  td::Onnx::write(model, {}, out);
  return out.str();
}

}  // namespace

TEST_CASE("a model with external data is saved with its data beside it, under a name of its content") {
  test::temporary_folder const folder;
  auto const source = path("mlp_wide_external");
  auto const first = td::load<td::Onnx>(source) | td::save(folder / "m.onnx");
  REQUIRE(files_of(folder.path()).size() == 2);
  auto const again = td::load<td::Onnx>(folder / "m.onnx");
  auto const& data = again.handle().summary->external_files;
  REQUIRE(data.size() == 1);
  CHECK_THAT(data[0], StartsWith("m.onnx.") && Catch::Matchers::EndsWith(".data"));
  CHECK(test::bytes_of(folder / data[0]) == test::bytes_of(source.string() + ".data"));
  CHECK(one_stream(again.handle()) == one_stream(first.handle()));

  // the same model again: no further file; over itself: nothing is lost
  again.clone() | td::save(folder / "m.onnx");
  CHECK(files_of(folder.path()).size() == 2);
  CHECK(one_stream(td::load<td::Onnx>(folder / "m.onnx").handle()) == one_stream(first.handle()));
}

TEST_CASE("weights of another model in the same folder are not written over") {
  test::temporary_folder const from, folder;
  auto const bytes = [](char fill) {
    return model(graph({node("Add", {"x", "w"}, {"y"})}, {value("x")}, {value("y")},
                       {external("w", {4}, {{"location", std::string(1, fill)}})})
                     .text())
        .text();
  };
  for (char const fill : {'a', 'b'}) {
    test::write(from / std::string(1, fill), std::string(16, fill));
    test::write(from / (std::string(1, fill) + ".onnx"), bytes(fill));
    td::load<td::Onnx>(from / (std::string(1, fill) + ".onnx")) | td::save(folder / "m.onnx");
  }
  CHECK(files_of(folder.path()).size() == 3);  // the model, and both weights: who knows who still reads the old ones
  CHECK_THAT(one_stream(td::load<td::Onnx>(folder / "m.onnx").handle()), ContainsSubstring(std::string(16, 'b')));
}

TEST_CASE("a save that fails leaves neither a model nor data") {
  test::temporary_folder const folder;
  fs::create_directory(folder / "m.onnx");
  auto const failure = failure_of<td::export_error>(
      [&] { td::load<td::Onnx>(path("mlp_wide_external")) | td::save(folder / "m.onnx"); });
  CHECK(failure.code == td::errc::place_unwritable);
  CHECK(files_of(folder.path()) == std::vector<std::string>{"m.onnx"});
}

TEST_CASE("into a stream goes one message with all data, and it is the model that it was") {
  auto const outside = td::load<td::Onnx>(path("mlp_wide_external")).handle();
  auto const inside = load(one_stream(outside)).handle();
  CHECK_FALSE(inside.has_external_data());
  CHECK(inside.summary->operators == outside.summary->operators);
  CHECK(td::Onnx::bytes(inside) >= outside.summary->external_bytes);
  auto const plain = td::load<td::Onnx>(path("mlp_wide")).handle();
  CHECK(one_stream(plain).size() == test::bytes_of(path("mlp_wide")).size());
}

TEST_CASE("external data of subgraphs, attributes, sparse tensors and functions move along") {
  test::temporary_folder const from, to;
  auto const outside = [](std::string_view name) { return external(name, {1}, {{"location", "w"}, {"offset", "4"}}); };
  auto const constant = [&](std::string_view output) {
    return node("Constant", {}, {std::string(output)})
        .bytes(pb::onnx_node::attribute, attribute("value", 4, pb::onnx_attribute::t, outside("").text()));
  };
  auto const branch = graph({constant("z")}, {}, {value("z")}, {outside("q")});
  auto const sparse = message()
                          .bytes(pb::onnx_sparse_tensor::values, outside("s").text())
                          .bytes(pb::onnx_sparse_tensor::indices, tensor("i", int64, {1}, raw({0})).text())
                          .number(pb::onnx_sparse_tensor::dims, 2);
  auto const function = message()
                            .bytes(pb::onnx_function::name, "F")
                            .bytes(pb::onnx_function::domain, "org.acme")
                            .bytes(pb::onnx_function::output, "y")
                            .bytes(pb::onnx_function::node, constant("y").text())
                            .bytes(pb::onnx_function::opset_import, opset("", 17));
  auto const whole = model(graph({node("If", {"flag"}, {"y"})
                                      .bytes(pb::onnx_node::attribute, body("then_branch", branch.text()))
                                      .bytes(pb::onnx_node::attribute, body("else_branch", branch.text()))},
                                 {value("flag", tensor_type(9, {}))})
                               .bytes(pb::onnx_graph::sparse_initializer, sparse.text())
                               .text())
                         .bytes(pb::onnx_model::functions, function.text())
                         .bytes(901, "of a newer ONNX");
  test::write(from / "w", "....data");
  test::write(from / "m.onnx", whole.text());
  td::load<td::Onnx>(from / "m.onnx") | td::save(to / "n.onnx");
  auto const saved = test::bytes_of(to / "n.onnx");
  CHECK(std::string_view(saved.data(), saved.size()).find("of a newer ONNX") != std::string_view::npos);

  fs::remove(from / "w");
  auto const text = one_stream(td::load<td::Onnx>(to / "n.onnx").handle());
  int found = 0;
  for (auto at = text.find("data"); at != text.npos; at = text.find("data", at + 1)) ++found;
  CHECK(found == 6);  // two tensors in each branch, the sparse one and the function's
  CHECK(load(text).handle().summary->external_files.empty());
}

TEST_CASE("data that are gone when the model leaves are told of, and nothing is written") {
  test::temporary_folder const from, to;
  fs::copy(path("mlp_wide_external"), from / "m.onnx");
  fs::copy(path("mlp_wide_external").string() + ".data", from / "mlp_wide_external.onnx.data");
  auto model = td::load<td::Onnx>(from / "m.onnx");
  fs::resize_file(from / "mlp_wide_external.onnx.data", 100);
  CHECK(failure_of<td::load_error>([&] { one_stream(model.handle()); }).code == td::errc::external_data_refused);
  fs::remove(from / "mlp_wide_external.onnx.data");
  CHECK(failure_of<td::load_error>([&] { model.clone() | td::save(to / "n.onnx"); }).code ==
        td::errc::external_data_refused);
  CHECK(files_of(to.path()).empty());
}
