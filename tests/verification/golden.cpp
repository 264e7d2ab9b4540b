#include <torchdeploy/stage/load.hpp>
#include <torchdeploy/stage/verify.hpp>
#include <torchdeploy/verification/compare.hpp>
#include <torchdeploy/verification/golden.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <unistd.h>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace td = torchdeploy;
namespace fs = std::filesystem;

namespace {

/// A directory of its own, gone at the end.
struct scratch {
  fs::path path = fs::temp_directory_path() / ("torchdeploy_golden_" + std::to_string(::getpid()));
  scratch() { fs::create_directories(path); }
  scratch(scratch const&) = delete;
  scratch& operator=(scratch const&) = delete;
  ~scratch() { fs::remove_all(path); }
  fs::path operator/(std::string const& name) const { return path / name; }
};

using test::load;

void write(fs::path const& path, std::vector<char> const& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void write(fs::path const& path, c10::IValue const& value) { write(path, torch::jit::pickle_save(value)); }

std::string refusal(fs::path const& path) {
  try {
    td::golden const refused(path);
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::golden_unreadable);
    std::string const text = thrown.what();
    CHECK(text.size() <= 200);
    CHECK_THAT(text, StartsWith("[torchdeploy.verify.308] "));
    return text;
  }
  return "accepted";
}

c10::Dict<std::string, c10::IValue> file_of(c10::IValue const& inputs, c10::IValue const& outputs) {
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  dict.insert("inputs", inputs);
  dict.insert("outputs", outputs);
  return c10::impl::toTypedDict<std::string, c10::IValue>(dict);
}

}  // namespace

TEST_CASE("what record_golden writes, a model is verified against") {
  scratch const folder;
  for (auto const* name : {"mlp_scripted", "two_outputs", "dict_output"}) {
    CAPTURE(name);
    auto const path = folder / (std::string(name) + ".golden");
    auto const inputs = test::noise({2, 16}, 3);
    td::record_golden(load(name), path, {.samples = inputs});
    td::golden const recorded(path);
    CHECK(recorded.inputs().size() == 3);
    CHECK(at::equal(recorded.inputs()[2].at(0).toTensor(), inputs[2]));
    auto const verified = load(name) | td::verify(recorded);
    CHECK(verified.report().find("verify")->detail("samples") == "3");
    CHECK(verified.examples().size() == 3);  // the golden inputs are examples from now on
  }
  CHECK_FALSE(td::compare(load("gelu_mlp_traced"), td::golden(folder / "mlp_scripted.golden")).passed);
}

TEST_CASE("a model with a state is replayed in the order it was recorded in") {
  scratch const folder;
  auto const model = load("exported_methods");
  auto inputs = test::noise({1, 16}, 2);
  inputs.push_back(inputs[0]);  // the same question, another answer
  td::record_golden(model, folder / "stream.golden", {.samples = inputs});
  CHECK(model.handle().attr("calls").toInt() == 0);
  CHECK(td::compare(model, td::golden(folder / "stream.golden")).passed);
}

TEST_CASE("a golden file from Python's torch.save is read") {
  scratch const folder;
  auto const path = (folder / "python.golden").string();
  auto const pairs = (folder / "pairs.golden").string();
  auto const arguments = (folder / "arguments.golden").string();
  // the same bytes as torch.save: a plain dict of plain lists, which TorchScript's own pickles are not
  std::ifstream in(TORCHDEPLOY_MODELS "/reference/zoo.pt", std::ios::binary);
  auto const zoo = torch::jit::pickle_load(std::vector<char>{std::istreambuf_iterator<char>(in), {}}).toGenericDict();
  for (auto const* name :
       {"mlp_scripted", "two_outputs", "dict_output", "exported_methods", "lstm_scripted", "embedding_mlp"}) {
    CAPTURE(name);
    write(path, zoo.at(name));
    CHECK(td::compare(load(name), td::golden(path)).passed);
  }
}

TEST_CASE("a golden file of pairs, and inputs of several arguments, are read") {
  scratch const folder;
  auto const path = folder / "pairs.golden";
  auto const x = at::ones({2, 16}), y = at::zeros({2, 16});
  auto const model = load("kwargs_default");
  auto copy = model.handle().clone();
  auto const answer = [&](std::vector<c10::IValue> const& inputs) { return copy.forward(inputs).toTensor().detach(); };
  c10::impl::GenericList file(c10::AnyType::get());
  file.push_back(std::tuple(std::tuple(x, 3.0), answer({x, 3.0})));
  file.push_back(std::tuple(y, answer({y})));
  write(path, file);
  td::golden const recorded(path);
  CHECK(recorded.inputs()[0].size() == 2);
  CHECK(recorded.inputs()[1].size() == 1);
  CHECK(td::compare(model, recorded).passed);
}

TEST_CASE("samples beside a golden file must be in it") {
  scratch const folder;
  auto const inputs = test::noise({2, 16}, 4);
  auto const model = load("mlp_scripted");
  td::record_golden(model, folder / "some.golden", {.samples = inputs});
  td::golden const recorded(folder / "some.golden");
  CHECK(td::compare(model, recorded, {.samples = std::vector{inputs[3], inputs[1]}}).samples == 2);
  CHECK(td::compare(model, recorded, {.samples = std::vector{inputs[3], inputs[1]}}).passed);
  try {
    (void)td::compare(model, recorded, {.samples = test::noise({2, 16}, 5)});
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::options_conflict);
  }
}

TEST_CASE("golden samples come before the artifact's examples") {
  scratch const folder;
  auto const inputs = test::noise({2, 16}, 4);
  td::record_golden(load("mlp_scripted"), folder / "some.golden", {.samples = inputs});
  auto const model =
      td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/mlp_scripted.pt", {.examples = test::noise({7, 16}, 2)});
  CHECK(td::compare(model, td::golden(folder / "some.golden")).samples == 4);
}

TEST_CASE("a damaged golden file is refused with what is wrong with it") {
  scratch const folder;
  auto const path = folder / "some.golden";
  CHECK_THAT(refusal(folder / "absent.golden"), ContainsSubstring("got no such file"));
  CHECK_THAT(refusal(folder.path), ContainsSubstring("got a directory"));
  write(path, std::vector<char>{});
  CHECK_THAT(refusal(path), ContainsSubstring("got an empty file"));
  write(path, std::vector<char>(100, 'x'));
  CHECK_THAT(refusal(path), ContainsSubstring("something that torch.save did not write"));
  write(path, at::ones({2}));
  CHECK_THAT(refusal(path), ContainsSubstring("got float32 [2]"));
  CHECK_THAT(refusal(TORCHDEPLOY_MODELS "/one_op.pt"), ContainsSubstring("308"));

  auto const two = c10::List<at::Tensor>({at::ones({2}), at::ones({2})});
  auto const one = c10::List<at::Tensor>({at::ones({2})});
  write(path, file_of(two, one));
  CHECK_THAT(refusal(path), ContainsSubstring("got 2 inputs for 1 outputs"));
  write(path, file_of(two, at::ones({2})));
  CHECK_THAT(refusal(path), ContainsSubstring("a dict without a list of 'outputs'"));
  write(path, file_of(c10::List<at::Tensor>(), c10::List<at::Tensor>()));
  CHECK_THAT(refusal(path), ContainsSubstring("one without samples"));
  write(path, one);
  CHECK_THAT(refusal(path), ContainsSubstring("not (input, output) pairs"));

  td::record_golden(load("mlp_scripted"), path, {.samples = test::noise({2, 16}, 2)});
  auto const whole = fs::file_size(path);
  for (auto const part : {0.2, 0.5, 0.9, 0.99}) {
    fs::copy_file(path, folder / "short.golden", fs::copy_options::overwrite_existing);
    fs::resize_file(folder / "short.golden", static_cast<std::uintmax_t>(static_cast<double>(whole) * part));
    CHECK_THAT(refusal(folder / "short.golden"), ContainsSubstring("the golden file 'short.golden' is damaged"));
  }
}

TEST_CASE("a recording that fails leaves the old file") {
  scratch const folder;
  auto const path = folder / "some.golden";
  auto const model = load("raises");
  td::record_golden(model, path, {.samples = std::vector{at::ones({2, 16}), at::full({2, 16}, 2)}});
  auto const before = fs::file_size(path);
  try {
    td::record_golden(model, path, {.samples = std::vector{at::ones({2, 16}), at::full({2, 16}, -1)}});
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::model_raised);
    CHECK_THAT(thrown.what(), ContainsSubstring("sample 1"));
  }
  CHECK(fs::file_size(path) == before);
  CHECK(td::golden(path).inputs().size() == 2);
  try {
    td::record_golden(model, path);
    FAIL("expected an error");
  } catch (td::verification_error const& thrown) {
    CHECK(thrown.code() == td::errc::no_examples);
  }
}

TEST_CASE("a recorded view does not bring along what it is a view of") {
  scratch const folder;
  auto const images = at::randn({1000, 2, 16});
  td::record_golden(load("mlp_scripted"), folder / "views.golden", {.samples = std::vector{images[0], images[1]}});
  CHECK(fs::file_size(folder / "views.golden") < 10000);
}
