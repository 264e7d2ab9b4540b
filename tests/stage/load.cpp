#include <torchdeploy/stage/load.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;
auto const load = td::load<td::TorchScript>;

/// digits_cnn.pt with extra files inside.
std::filesystem::path with_extra_files(test::temporary_folder const& folder) {
  auto const path = folder / "extra.pt";
  torch::jit::load(test::model_path("digits_cnn").string())
      .save(path.string(), {{"labels.txt", "zero\none"}, {"empty", ""}});
  return path;
}

}  // namespace

TEST_CASE("a path, a stream and bytes in memory give the same model") {
  auto const path = test::model_path("digits_cnn");
  auto const chars = test::bytes_of(path);
  auto const* const data = reinterpret_cast<std::byte const*>(chars.data());
  std::vector<std::byte> const bytes(data, data + chars.size());
  std::istringstream stream(std::string(chars.begin(), chars.end()));
  std::ifstream file(path, std::ios::binary);
  auto const images = test::digits(4);
  auto const wanted = test::forward(torch::jit::load(path.string()), {images});
  CHECK(test::same_bits(test::forward(load(path).handle(), {images}), wanted));
  CHECK(test::same_bits(test::forward(load(path.string()).handle(), {images}), wanted));
  CHECK(test::same_bits(test::forward(load(path.c_str()).handle(), {images}), wanted));
  CHECK(test::same_bits(test::forward(load(chars).handle(), {images}), wanted));
  CHECK(test::same_bits(test::forward(load(bytes).handle(), {images}), wanted));
  CHECK(test::same_bits(test::forward(load(std::span(bytes)).handle(), {images}), wanted));
  CHECK(test::same_bits(test::forward(load(stream).handle(), {images}), wanted));
  CHECK(test::same_bits(test::forward(load(file).handle(), {images}), wanted));
}

TEST_CASE("the bytes that a model was loaded from may go away") {
  auto bytes = test::bytes_of(test::model_path("digits_cnn"));
  auto const images = test::digits(4);
  auto const wanted = test::forward(torch::jit::load(test::model_path("digits_cnn").string()), {images});
  auto const model = load(bytes);
  std::fill(bytes.begin(), bytes.end(), '\0');
  CHECK(test::same_bits(test::forward(model.handle(), {images}), wanted));
}

TEST_CASE("load without a path is a recipe's first stage and takes whatever load takes") {
  auto const recipe = load() | td::quantize<td::Int8>();
  auto const path = test::model_path("mlp_scripted");
  CHECK(recipe(path).report().find("load")->detail("path") == path.string());
  CHECK(recipe(test::bytes_of(path)).report().find("quantize"));
  std::ifstream file(path, std::ios::binary);
  CHECK(recipe(file).report().find("quantize"));
  CHECK(load({.examples = test::calibration_digits()})(test::model_path("digits_cnn")).examples().size() == 6);
}

TEST_CASE("the report says what was loaded, how large it is and how long it took") {
  auto const model = test::load("digits_cnn");
  auto const& entry = model.report().stages().at(0);
  CHECK(entry.stage == "load");
  CHECK(entry.detail("path") == test::model_path("digits_cnn").string());
  CHECK(entry.seconds > 0);
  auto const file = std::filesystem::file_size(test::model_path("digits_cnn"));
  CHECK(entry.bytes_after < file);
  CHECK(entry.bytes_after > file * 8 / 10);
  CHECK(entry.findings.empty());
}

TEST_CASE("a missing file, a directory and an empty file are told apart") {
  test::temporary_folder const folder;
  test::write(folder / "empty.pt", "");
  auto const missing = failure_of<td::load_error>([&] { load(folder / "none.pt"); });
  CHECK(missing.code == td::errc::file_missing);
  CHECK_THAT(missing.text, ContainsSubstring("none.pt"));
  CHECK(failure_of<td::load_error>([&] { load(folder.path()); }).code == td::errc::not_a_file);
  auto const empty = failure_of<td::load_error>([&] { load(folder / "empty.pt"); });
  CHECK(empty.code == td::errc::file_empty);
  CHECK_THAT(empty.text, ContainsSubstring("empty.pt"));
  CHECK(failure_of<td::load_error>([] { load(std::vector<char>{}); }).code == td::errc::file_empty);
  CHECK(failure_of<td::load_error>([] {
          std::istringstream nothing;
          load(nothing);
        }).code == td::errc::file_empty);
}

TEST_CASE("a file of another kind is named for what it is") {
  test::temporary_folder const folder;
  struct foreign {
    char const* name;
    std::string content;
    char const* kind;
  };
  using namespace std::string_literals;
  for (auto const& [name, content, kind] : {
           foreign{"program",
                   "\x7f"
                   "ELF\x02\x01\x01"s,
                   "ELF"},
           foreign{"text", "hello, this is text", "not a zip archive"},
           foreign{"letter", "x", "not a zip archive"},
           foreign{"legacy.pth", "\x80\x02\x8a\x0a"s, "legacy torch.save pickle"},
           foreign{"net.h5", "\x89HDF\r\n\x1a\n"s, "HDF5"},
           foreign{"net.onnx", "\x08\x08\x12\x07pytorch"s, "ONNX"},
           foreign{"net.safetensors", "\x40\0\0\0\0\0\0\0{\"a\""s, "safetensors"},
           foreign{"net.ptl", "\x10\0\0\0PTMF"s, "flatbuffer"},
           foreign{"page.html", "<!DOCTYPE html>", "HTML"},
           foreign{"pointer", "version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"},
       }) {
    test::write(folder / name, content);
    auto const failure = failure_of<td::format_error>([&] { load(folder / name); });
    CHECK(failure.code == td::errc::wrong_format);
    CHECK_THAT(failure.text, ContainsSubstring(kind) && ContainsSubstring(name));
  }
  CHECK(failure_of<td::format_error>([] { load("/proc/self/exe"); }).code == td::errc::wrong_format);
}

TEST_CASE("what torch.save wrote is not TorchScript, and is told from it") {
  auto const state_dict = torch::jit::pickle_save(at::ones({3}));
  auto const failure = failure_of<td::format_error>([&] { load(state_dict); });
  CHECK(failure.code == td::errc::wrong_format);
  CHECK_THAT(failure.text, ContainsSubstring("torch.save"));
}

TEST_CASE("a file cut short anywhere is refused") {
  auto const whole = test::bytes_of(test::model_path("digits_cnn"));
  for (std::size_t const length : {std::size_t{4}, std::size_t{30}, std::size_t{1000}, whole.size() / 2,
                                   whole.size() - 200, whole.size() - 22, whole.size() - 1}) {
    std::vector<char> const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    INFO(length);
    auto const failure = failure_of<td::format_error>([&] { load(part); });
    CHECK(failure.code == td::errc::file_damaged);
    CHECK_FALSE(failure.nested.empty());
  }
}

TEST_CASE("a damaged directory of the archive is refused") {
  auto bytes = test::bytes_of(test::model_path("digits_cnn"));
  std::fill(bytes.end() - 400, bytes.end() - 100, '\x5a');
  CHECK(failure_of<td::format_error>([&] { load(bytes); }).code == td::errc::file_damaged);
}

TEST_CASE("code inside the archive that does not parse is refused, with LibTorch's words nested") {
  auto bytes = test::bytes_of(test::model_path("mlp_scripted"));
  std::string_view const all(bytes.data(), bytes.size());
  std::size_t broken = 0;
  for (auto at = all.find("def forward"); at != all.npos; at = all.find("def forward", at + 1), ++broken)
    std::memcpy(bytes.data() + at, "dxf fxrwxrd", 11);
  if (broken == 0) return;  // the code was stored compressed
  auto const failure = failure_of<td::format_error>([&] { load(bytes); });
  CHECK(failure.code == td::errc::file_damaged);
  CHECK_FALSE(failure.nested.empty());
}

TEST_CASE("extra files are read, all of them, and stay through quantize, save and load") {
  test::temporary_folder const folder;
  auto const path = with_extra_files(folder);
  auto model = load(path);
  CHECK(model.record().extras.files.at("labels.txt") == "zero\none");
  CHECK(model.record().extras.files.at("empty").empty());
  std::move(model) | td::quantize<td::Int8>(test::calibration_digits()) | td::save(folder / "int8.pt");
  auto const again = load(folder / "int8.pt", {.extra_files = {"labels.txt"}});
  CHECK(again.record().extras.files.at("labels.txt") == "zero\none");
  CHECK(again.record().extras.files.contains("empty"));
  torch::jit::ExtraFilesMap plain{{"labels.txt", ""}};
  torch::jit::load((folder / "int8.pt").string(), std::nullopt, plain);
  CHECK(plain["labels.txt"] == "zero\none");
}

TEST_CASE("an extra file that must be there and is not is named") {
  auto const failure =
      failure_of<td::load_error>([] { load(test::model_path("digits_cnn"), {.extra_files = {"labels.txt"}}); });
  CHECK(failure.code == td::errc::extra_file_missing);
  CHECK_THAT(failure.text, ContainsSubstring("labels.txt") && ContainsSubstring("digits_cnn.pt"));
}

TEST_CASE("a model saved in train mode is put into evaluation mode, and the report says so") {
  auto const model = test::load("digits_cnn_scripted_train");
  REQUIRE(torch::jit::load(test::model_path("digits_cnn_scripted_train").string()).is_training());
  REQUIRE(model.report().findings().size() == 1);
  CHECK(model.report().findings()[0].id == "train-mode-flag");
  CHECK(model.report().findings()[0].level == td::severity::warning);
  auto const images = test::digits(32);
  CHECK(test::same_bits(test::forward(model.handle(), {images}),
                        test::forward(test::load("digits_cnn").handle(), {images})));
}

TEST_CASE("a model traced in train mode can't be repaired, and the report says so") {
  auto const model = test::load("digits_cnn_traced_train");
  REQUIRE(test::has_finding(model.report(), "train-mode-trace"));
  auto const findings = model.report().findings();
  CHECK(findings.back().level == td::severity::fault);
  CHECK_THAT(findings.back().hint, ContainsSubstring("eval()"));
}

TEST_CASE("a sound model has no finding", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    INFO(each.key().toStringRef());
    CHECK(test::load(each.key().toStringRef()).report().findings().empty());
  }
  for (auto const* name :
       {"digits_cnn", "digits_cnn_traced", "onet", "onet_traced", "pnet", "rnet", "mobilenet_v2", "silero_vad"}) {
    INFO(name);
    CHECK(test::load(name).report().findings().empty());
  }
}

TEST_CASE("a device that is not there is refused, one that is there is used") {
  auto const path = test::model_path("digits_cnn");
  CHECK(load(path, {.device = c10::Device(c10::kCPU)}).handle().parameters().begin().operator*().device().is_cpu());
  if (at::globalContext().hasCUDA()) return;
  auto const failure = failure_of<td::load_error>([&] { load(path, {.device = c10::Device(c10::kCUDA, 0)}); });
  CHECK(failure.code == td::errc::device_unavailable);
  CHECK_THAT(failure.text, ContainsSubstring("cuda"));
}

TEST_CASE("a string of bytes is told from a path") {
  auto const bytes = test::bytes_of(test::model_path("digits_cnn"));
  std::string const text(bytes.begin(), bytes.end());
  auto const failure = failure_of<td::load_error>([&] { load(text); });
  CHECK(failure.code == td::errc::file_missing);
  CHECK_THAT(failure.text, ContainsSubstring("got a string of " + std::to_string(text.size()) + " bytes") &&
                               ContainsSubstring("std::span(text)"));
  CHECK_NOTHROW(load(std::span(text)));
}

TEST_CASE("examples given to load travel with the model, eight at most") {
  auto const images = test::digits(20).split(1);
  auto const model = load(test::model_path("digits_cnn"), {.examples = images});
  REQUIRE(model.examples().size() == 8);
  CHECK(model.examples()[7].at(0).toTensor().is_same(images[7]));
}

TEST_CASE("a module without forward is refused, in a file and from code") {
  test::temporary_folder const folder;
  auto const module = test::scripted("def encode(self, x): return x + 1");
  module.save((folder / "m.pt").string());
  auto const failure = failure_of<td::load_error>([&] { load(folder / "m.pt"); });
  CHECK(failure.code == td::errc::module_unusable);
  CHECK_THAT(failure.text, ContainsSubstring("forward"));
  CHECK(failure_of<td::load_error>([&] { td::evaluate(module); }).code == td::errc::module_unusable);
}

TEST_CASE("evaluate copies the module it is given: the caller's stays as it is") {
  auto const mine = torch::jit::load(test::model_path("digits_cnn_scripted_train").string());
  auto model = td::evaluate(mine);
  CHECK(mine.is_training());
  CHECK_FALSE(model.handle().is_training());
  CHECK(test::has_finding(model.report(), "train-mode-flag"));
  CHECK(model.report().stages().at(0).stage == "evaluate");
  c10::InferenceMode const inference(false);
  at::NoGradGuard const no_grad;
  auto const theirs = model.handle().attr("features").toModule().attr("0").toModule().attr("weight").toTensor();
  auto const before = theirs.clone();
  mine.attr("features").toModule().attr("0").toModule().attr("weight").toTensor().zero_();
  CHECK(at::equal(theirs, before));
}

TEST_CASE("evaluate takes a module that has no training flag") {
  auto const model = td::evaluate(test::scripted("def forward(self, x): return x + 1"));
  CHECK(test::forward(model.handle(), {at::ones({2})}).toTensor().sum().item<float>() == 4);
}
