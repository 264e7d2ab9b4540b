#include <torchdeploy/stage/save.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/resource.h>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace fs = std::filesystem;

namespace {

using test::failure_of;

/// LibTorch can't write a tensor in oneDNN's layout.
auto unserializable() {
  auto module = torch::jit::load(test::model_path("digits_cnn").string());
  module.register_attribute("packed", c10::TensorType::get(), at::ones({4, 4}).to_mkldnn());
  return td::artifact<td::TorchScript, td::facts<td::evaluating>>(std::move(module));
}

/// No file of this process may grow beyond so many bytes: a disk that is full.
class small_disk {
 public:
  explicit small_disk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    rlimit const now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  small_disk(small_disk const&) = delete;
  small_disk& operator=(small_disk const&) = delete;
  ~small_disk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int){};
};

}  // namespace

TEST_CASE("a saved model is one that LibTorch alone loads, with the same outputs") {
  test::temporary_folder const folder;
  auto const path = folder / "copy.pt";
  test::load("onet") | td::save(path);
  auto const input = test::tensors_at(test::reference("static_minmax_onet"), "inputs").at(0);
  CHECK(test::same_bits(test::forward(torch::jit::load(path.string()), {input}),
                        test::forward(test::load("onet").handle(), {input})));
}

TEST_CASE("save passes the artifact on, and drops nothing") {
  test::temporary_folder const folder;
  auto model = test::load("digits_cnn") | td::prune<td::L1>(0.3) | td::save(folder / "a.pt") | td::freeze() |
               td::save(folder / "b.pt");
  CHECK(td::same_facts<decltype(model)::known, td::facts<td::evaluating, td::pruned, td::frozen>>);
  CHECK(fs::exists(folder / "a.pt"));
  CHECK(fs::exists(folder / "b.pt"));
  auto const* const entry = model.report().find("save");
  REQUIRE(entry);
  CHECK(entry->detail("path") == (folder / "b.pt").string());
  CHECK(entry->bytes_after == fs::file_size(folder / "b.pt"));
}

TEST_CASE("a quantized artifact is lowered in the file and stays in reference form in the pipeline") {
  test::temporary_folder const folder;
  auto model =
      test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits()) | td::save(folder / "int8.pt");
  CHECK(test::int8_layers(torch::jit::load((folder / "int8.pt").string())) > 0);
  CHECK(test::int8_layers(model.handle()) == 0);
  CHECK(fs::file_size(folder / "int8.pt") * 2 < fs::file_size(test::model_path("digits_cnn")));
  auto const pruned = std::move(model) | td::prune<td::L1>(0.5);
  CHECK(pruned.report().find("prune"));
}

TEST_CASE("what can't be written leaves the old file, and no other") {
  test::temporary_folder const folder;
  auto const path = folder / "model.pt";
  test::write(path, "the old model");
  auto const failure = failure_of<td::export_error>([&] { unserializable() | td::save(path); });
  CHECK(failure.code == td::errc::not_serializable);
  CHECK_FALSE(failure.nested.empty());
  auto const content = test::bytes_of(path);
  CHECK(std::string(content.begin(), content.end()) == "the old model");
  CHECK(folder.files() == 1);
}

TEST_CASE("a full disk leaves the old file, and no other") {
  test::temporary_folder const folder;
  auto const path = folder / "model.pt";
  test::write(path, "the old model");
  auto model = test::load("digits_cnn");
  auto const failure = failure_of<td::export_error>([&] {
    small_disk const disk(20000);
    std::move(model) | td::save(path);
  });
  CHECK(failure.code == td::errc::write_failed);
  CHECK_THAT(failure.text, ContainsSubstring("disk"));
  auto const content = test::bytes_of(path);
  CHECK(std::string(content.begin(), content.end()) == "the old model");
  CHECK(folder.files() == 1);
}

TEST_CASE("a place that can't be written to is refused before anything is written") {
  test::temporary_folder const folder;
  fs::create_directory(folder / "folder");
  auto const saved_to = [](fs::path const& path) {
    return failure_of<td::export_error>([&] { test::load("one_op") | td::save(path); });
  };
  for (auto const& path : {folder / "folder", folder / "none/model.pt", folder / "folder/", fs::path("/dev/full"),
                           fs::path(""), folder / std::string(300, 'a')}) {
    INFO(path);
    auto const failure = saved_to(path);
    CHECK(failure.code == td::errc::place_unwritable);
  }
  CHECK_THAT(saved_to(folder / "folder").text, ContainsSubstring("a directory"));
  CHECK_THAT(saved_to(folder / "none/model.pt").text, ContainsSubstring("no such directory"));
  CHECK(folder.files() == 1);
  CHECK(fs::is_empty(folder / "folder"));
}

TEST_CASE("through a symbolic link its target is replaced, and the link stays") {
  test::temporary_folder const folder;
  fs::create_directory(folder / "v1");
  test::write(folder / "v1/model.pt", "the old model");
  fs::create_symlink("v1/model.pt", folder / "current.pt");
  test::load("one_op") | td::save(folder / "current.pt");
  CHECK(fs::is_symlink(folder / "current.pt"));
  CHECK_NOTHROW(torch::jit::load((folder / "v1/model.pt").string()));
  CHECK(folder.files() == 2);
}

TEST_CASE("a symbolic link to what is not there yet makes it") {
  test::temporary_folder const folder;
  fs::create_symlink("target.pt", folder / "link.pt");
  test::load("one_op") | td::save(folder / "link.pt");
  CHECK(fs::is_symlink(folder / "link.pt"));
  CHECK(fs::is_regular_file(fs::symlink_status(folder / "target.pt")));
}

TEST_CASE("who may read the old file may read the new one, and no one else") {
  test::temporary_folder const folder;
  auto const path = folder / "model.pt";
  test::write(path, "the old model");
  auto const secret = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read;
  fs::permissions(path, secret);
  test::load("one_op") | td::save(path);
  CHECK(fs::status(path).permissions() == secret);
}

TEST_CASE("a file name alone is a path in the working directory") {
  test::temporary_folder const folder;
  auto const before = fs::current_path();
  fs::current_path(folder.path());
  test::load("one_op") | td::save("here.pt");
  fs::current_path(before);
  CHECK(fs::exists(folder / "here.pt"));
}

TEST_CASE("a model can be saved over the file it was loaded from") {
  test::temporary_folder const folder;
  auto const path = folder / "model.pt";
  fs::copy(test::model_path("digits_cnn"), path);
  auto const images = test::digits(8);
  auto const wanted = test::forward(torch::jit::load(path.string()), {images});
  td::load<td::TorchScript>(path) | td::save(path);
  CHECK(test::same_bits(test::forward(torch::jit::load(path.string()), {images}), wanted));
}

TEST_CASE("saving as the last stage of a recipe writes at each run") {
  test::temporary_folder const folder;
  auto const recipe = td::load<td::TorchScript>() | td::freeze() | td::save(folder / "frozen.pt");
  recipe(test::model_path("one_op"));
  auto const small = fs::file_size(folder / "frozen.pt");
  recipe(test::model_path("digits_cnn"));
  CHECK(fs::file_size(folder / "frozen.pt") > small);
}
