#include <torchdeploy/format/openvino_ir.hpp>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/to_openvino.hpp>
#include <torchdeploy/stage/verify.hpp>

#include "support/models.hpp"

namespace {

using tensors = std::vector<at::Tensor>;

struct folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("openvino_ir_" + std::to_string(::getpid()));
  folder() { std::filesystem::create_directories(path); }
  ~folder() { std::filesystem::remove_all(path); }
  std::filesystem::path operator/(std::string const& name) const { return path / name; }
};

auto digits_ir() {
  return td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = tensors{test::digits(5)}}) |
         td::to_openvino();
}
std::string text_of(std::filesystem::path const& path) {
  auto const bytes = test::bytes_of(path);
  return {bytes.begin(), bytes.end()};
}
std::string with(std::string text, std::string const& old, std::string const& fresh) {
  auto const at = text.find(old);
  REQUIRE(at != text.npos);
  return text.replace(at, old.size(), fresh);
}
void ir_refuses(std::filesystem::path const& path, td::errc code) {
  try {
    (void)td::load<td::OpenVinoIr>(path);
    FAIL("expected error " << static_cast<int>(code));
  } catch (td::error const& failure) {
    INFO(failure.what());
    CHECK(failure.code() == code);
    CHECK_FALSE(failure.hint().empty());
  }
}

}  // namespace

TEST_CASE("OpenVINO's two files come back as they were written") {
  folder const here;
  auto const x = test::digits(5);
  auto const want = test::forward(test::load("digits_cnn").handle(), {x}).toTensor();
  auto const saved = digits_ir() | td::save(here / "model.xml");
  CHECK(saved.report().stages().back().bytes_after > 100'000);
  auto loaded = td::load<td::OpenVinoIr>(here / "model.xml", {.examples = tensors{x}});
  CHECK(loaded.examples().size() == 1);
  CHECK(td::OpenVinoIr::has_operator(loaded.handle(), "Convolution"));
  auto const twin = loaded.clone() | td::deploy<td::OpenVino>({.threads = 1});
  auto const session = std::move(loaded) | td::save(here / "again.xml") | td::deploy<td::OpenVino>({.threads = 1});
  CHECK(test::sqnr_db(want, session(x)) > 100);
  CHECK(session(x).equal(twin(x)));
  CHECK(text_of(here / "model.bin") == text_of(here / "again.bin"));
  CHECK(session.inputs().front().name == "x");
}

TEST_CASE("verify runs a model of OpenVINO's") {
  auto const x = test::digits(5);
  auto const reference = td::load<td::TorchScript>(test::model_path("digits_cnn"));
  auto const verified = digits_ir() | td::verify(reference, {.samples = tensors{x}, .sqnr_db = 100});
  CHECK(verified.report().find("verify") != nullptr);
}

TEST_CASE("Damaged files of OpenVINO's are refused before it reads them") {
  folder const here;
  (void)(digits_ir() | td::save(here / "model.xml"));
  auto const xml = text_of(here / "model.xml"), bin = text_of(here / "model.bin");
  auto const bad = [&](std::string const& text, std::string const& weights, td::errc code) {
    test::write(here / "bad.xml", text);
    test::write(here / "bad.bin", weights);
    ir_refuses(here / "bad.xml", code);
  };
  using td::errc;
  ir_refuses(here / "nowhere.xml", errc::file_missing);
  ir_refuses(here.path, errc::not_a_file);
  bad("", bin, errc::file_empty);
  bad("PK\x03\x04", bin, errc::wrong_format);
  bad("<html></html>", bin, errc::wrong_format);
  bad("<?xml version=\"1.0\"?>", bin, errc::wrong_format);
  bad(xml.substr(0, xml.size() / 2), bin, errc::file_damaged);
  bad("<!DOCTYPE net [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>" + xml, bin, errc::file_damaged);
  bad(with(xml, "<edges>", "<edges><edge from-layer=\"9999\" from-port=\"0\" to-layer=\"1\" to-port=\"0\"/>"), bin,
      errc::file_damaged);
  bad(with(xml, "<edge ", "<ledge "), bin, errc::file_damaged);
  bad(with(xml, "offset=\"0\"", "offset=\"-1\""), bin, errc::file_damaged);
  bad(with(xml, "offset=\"0\"", "offset=\"18446744073709551615\""), bin, errc::external_data_refused);
  bad(xml, bin.substr(0, bin.size() - 1), errc::external_data_refused);
  bad(xml, "", errc::external_data_refused);
  bad(xml, with(bin, bin.substr(100, 4), "\x01\x02\x03\x04"), errc::external_data_refused);
  bad(with(xml, "type=\"Const\"", "type=\"Broadcast\""), bin, errc::file_damaged);
  bad(with(xml, "type=\"Convolution\"", "type=\"Nonsense\""), bin, errc::file_damaged);
  std::filesystem::remove(here / "bad.bin");
  ir_refuses(here / "bad.xml", errc::external_data_refused);
  ir_refuses(here / "model.bin", errc::wrong_format);

  std::istringstream stream(xml);
  CHECK_THROWS_AS(td::load<td::OpenVinoIr>(stream), td::load_error);
  CHECK_THROWS_AS(td::load<td::OpenVinoIr>(std::vector<char>(4)), td::load_error);
  CHECK_THROWS_AS(digits_ir() | td::save(here / "model.bin"), td::export_error);
  CHECK_THROWS_AS(digits_ir() | td::save(here / "nowhere" / "model.xml"), td::export_error);
}

TEST_CASE("A loop comes back from OpenVINO's files") {
  folder const here;
  auto const calls = test::reference("runtimes").toGenericDict().at("loop_over_steps");
  td::example const inputs = calls.toListRef().front().toListRef().vec();
  auto const model = test::load("runtimes/loop_over_steps");
  (void)(td::load<td::TorchScript>(test::model_path("runtimes/loop_over_steps"),
                                   {.examples = std::vector<td::example>{inputs}}) |
         td::to_openvino() | td::save(here / "loop.xml"));
  auto const session = td::load<td::OpenVinoIr>(here / "loop.xml") | td::deploy<td::OpenVino>({.threads = 1});
  auto const want = test::flat(test::forward(model.handle(), inputs));
  auto const got = test::flat(session.run(inputs));
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(test::sqnr_db(want[i], got[i]) > 100);
}

TEST_CASE("An xml of one save does not go with the bin of another") {
  folder const here;
  (void)(digits_ir() | td::save(here / "old.xml"));
  auto module = test::load("digits_cnn").handle().clone();
  for (auto const& each : module.parameters()) each.set_data(each.detach() * 2);
  (void)(td::evaluate(module, {.examples = tensors{test::digits(5)}}) | td::to_openvino() | td::save(here / "new.xml"));
  std::filesystem::rename(here / "new.bin", here / "old.bin");
  ir_refuses(here / "old.xml", td::errc::external_data_refused);
}
