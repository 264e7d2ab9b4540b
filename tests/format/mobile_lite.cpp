#include <torchdeploy/format/mobile_lite.hpp>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/backend/mobile_runtime.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

std::filesystem::path mobile_path(std::string const& name) { return TORCHDEPLOY_MODELS "/mobile/" + name; }

c10::IValue result(td::MobileLite::handle model, td::example const& inputs) {
  return td::MobileLite::run(model, inputs);
}

}  // namespace

TEST_CASE("a file that Python wrote loads from a path, a stream and bytes, and gives LibTorch's bits") {
  auto const images = test::digits(8);
  auto const wanted = test::forward(test::load("digits_cnn").handle(), {images});
  auto const path = mobile_path("digits_v8.ptl");
  auto const from_path = td::load<td::MobileLite>(path);
  CHECK(test::same_bits(result(from_path.handle(), {images}), wanted));
  CHECK(from_path.report().find("load")->detail("path") == path.string());
  std::ifstream stream(path, std::ios::binary);
  CHECK(test::same_bits(result(td::load<td::MobileLite>(stream).handle(), {images}), wanted));
  CHECK(test::same_bits(result(td::load<td::MobileLite>(test::bytes_of(path)).handle(), {images}), wanted));
}

TEST_CASE("every bytecode version that LibTorch can still write loads") {
  auto const images = test::digits(8);
  auto const wanted = test::forward(test::load("digits_cnn").handle(), {images});
  for (std::string const version : {"4", "5", "6", "7", "8"}) {
    INFO(version);
    auto const model = td::load<td::MobileLite>(mobile_path("digits_v" + version + ".ptl"));
    CHECK(model.report().find("load")->detail("bytecode version") == version);
    CHECK(test::same_bits(result(model.handle(), {images}), wanted));
  }
}

TEST_CASE("bytecode of another version is refused with those that can be read") {
  auto bytes = test::bytes_of(mobile_path("digits_v8.ptl"));
  // the pickle of bytecode.pkl begins: protocol 2, the version as one byte, a string
  std::string_view const all(bytes.data(), bytes.size());
  auto const at = all.find(std::string_view("\x80\x02K\x08X", 5));
  REQUIRE(at != all.npos);
  for (char const version : {'\3', '\12'}) {
    bytes[at + 3] = version;
    auto const failure = failure_of<td::format_error>([&] { td::load<td::MobileLite>(bytes); });
    CHECK(failure.code == td::errc::wrong_format);
    CHECK_THAT(failure.text,
               ContainsSubstring("version 4 to 9, got " + std::to_string(version)) && ContainsSubstring("to_mobile"));
  }
}

TEST_CASE("what is no mobile module is refused with what it is, and with the stage to use") {
  test::temporary_folder const folder;
  auto const refused = [](std::filesystem::path const& path) {
    return failure_of([&] { td::load<td::MobileLite>(path); });
  };
  CHECK(refused(folder / "none.ptl").code == td::errc::file_missing);
  CHECK(refused(folder.path()).code == td::errc::not_a_file);
  test::write(folder / "empty.ptl", "");
  CHECK(refused(folder / "empty.ptl").code == td::errc::file_empty);
  test::write(folder / "text.ptl", "hello, this is no model");
  CHECK(refused(folder / "text.ptl").code == td::errc::wrong_format);

  auto const full = refused(test::model_path("digits_cnn"));
  CHECK(full.code == td::errc::wrong_format);
  CHECK_THAT(full.text, ContainsSubstring("TorchScript without bytecode") && ContainsSubstring("to_mobile()"));
  auto const pickle = refused(TORCHDEPLOY_MODELS "/reference/zoo.pt");
  CHECK(pickle.code == td::errc::wrong_format);
  CHECK_THAT(pickle.text, ContainsSubstring("torch.save"));
  auto const flatbuffer = refused(mobile_path("digits_flatbuffer.ptl"));
  CHECK(flatbuffer.code == td::errc::wrong_format);
  CHECK_THAT(flatbuffer.text, ContainsSubstring("flatbuffer"));

  auto bytes = test::bytes_of(mobile_path("digits_v8.ptl"));
  bytes.resize(bytes.size() / 2);
  CHECK(failure_of<td::format_error>([&] { td::load<td::MobileLite>(bytes); }).code == td::errc::file_damaged);
}

TEST_CASE("extra files of a mobile module are read, demanded, and written again") {
  test::temporary_folder const folder;
  auto const model = td::load<td::MobileLite>(mobile_path("digits_v8.ptl"), {.extra_files = {"labels.txt"}});
  CHECK(model.record().extras.files.at("labels.txt") == "0123456789");
  CHECK(failure_of<td::load_error>([&] {
          td::load<td::MobileLite>(mobile_path("digits_v8.ptl"), {.extra_files = {"other.txt"}});
        }).code == td::errc::extra_file_missing);
  model.clone() | td::save(folder / "m.ptl");
  CHECK(test::bytes_of(folder / "m.ptl") == test::bytes_of(mobile_path("digits_v8.ptl")));
}

TEST_CASE("a mobile module saved in train mode is put into evaluation mode, with a finding") {
  auto const images = test::digits(8);
  auto const model = td::load<td::MobileLite>(mobile_path("digits_train.ptl"));
  CHECK(test::has_finding(model.report(), "train-mode-flag"));
  CHECK(test::same_bits(result(model.handle(), {images}), test::forward(test::load("digits_cnn").handle(), {images})));
  CHECK_FALSE(test::has_finding(td::load<td::MobileLite>(mobile_path("digits_v8.ptl")).report(), "train-mode-flag"));
}

TEST_CASE("a clone of a mobile module shares neither weights nor state") {
  auto const model = test::load("exported_methods") | td::to_mobile();
  auto const x = test::noise({1, 16})[0];
  auto const first = result(model.clone().handle(), {x}).toTensor().clone();
  auto const copy = model.clone();
  REQUIRE(test::same_bits(result(copy.handle(), {x}), first));
  REQUIRE_FALSE(test::same_bits(result(copy.handle(), {x}), first));
  CHECK(test::same_bits(result(model.clone().handle(), {x}), first));
  CHECK(copy.handle().module._ivalue() != model.handle().module._ivalue());
}

TEST_CASE("an int8 mobile module packs its weights for the engine that its file names") {
  test::temporary_folder const folder;
  auto const images = test::digits(16);
  auto const before = at::globalContext().qEngine();
  auto model = test::load("digits_cnn") | td::quantize<td::Int8, td::Fbgemm>(test::calibration_digits()) |
               td::to_mobile() | td::save(folder / "m.ptl");
  auto const loaded = td::load<td::MobileLite>(folder / "m.ptl");
  CHECK(loaded.report().find("load")->detail("engine") == at::toString(td::Fbgemm::id));
  CHECK(test::same_bits(result(loaded.handle(), {images}), result(model.handle(), {images})));
  CHECK(at::globalContext().qEngine() == before);
}

TEST_CASE("examples given to load travel with a mobile module") {
  auto const model = td::load<td::MobileLite>(mobile_path("digits_v8.ptl"), {.examples = test::digits(12).split(1)});
  CHECK(model.examples().size() == 8);
}

TEST_CASE("the bytes of a mobile module are those of its file") {
  auto const path = mobile_path("digits_v8.ptl");
  auto const model = td::load<td::MobileLite>(path);
  CHECK(td::MobileLite::bytes(model.handle()) == std::filesystem::file_size(path));
  CHECK(model.report().find("load")->bytes_after == std::filesystem::file_size(path));
}

TEST_CASE("code whose numbers are damaged is refused, or runs inside its memory") {
  auto const artifact = test::load("control_flow_scripted") | td::to_mobile();
  std::ostringstream out;
  td::MobileLite::write(artifact.handle(), artifact.record(), out);
  auto const whole = std::move(out).str();
  auto const code = whole.find("bytecode.pkl");
  REQUIRE(code != whole.npos);
  int refused = 0, changed = 0;
  for (auto at = code; at < std::min(whole.size(), code + 4096); ++at) {
    if (whole[at] != 'K') continue;  // a pickled number of one byte follows
    auto damaged = whole;
    damaged[at + 1] = '\x7b';
    ++changed;
    try {
      auto const session = td::load<td::MobileLite>(damaged) | td::deploy<td::MobileRuntime>();
      (void)session.run({at::ones({2, 16})});
    } catch (td::error const&) {
      ++refused;
    }
  }
  CHECK(changed > 50);
  CHECK(refused > changed / 2);
}
