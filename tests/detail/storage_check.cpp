#include <torchdeploy/detail/libtorch/storage_check.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/format/mobile_lite.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/to_mobile.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;
using file_bytes = std::vector<char>;

caffe2::serialize::PyTorchStreamReader opened(file_bytes const& file) {
  auto const* const begin = reinterpret_cast<std::byte const*>(file.data());
  return caffe2::serialize::PyTorchStreamReader(
      td::detail::memory_reader(td::detail::shared_bytes_of(std::vector<std::byte>(begin, begin + file.size()))));
}

std::string record_of(caffe2::serialize::PyTorchStreamReader& archive, std::string const& name) {
  auto const [data, size] = archive.getRecord(name);
  return {static_cast<char const*>(data.get()), size};
}

/// The same archive, with one record changed.
template <class Change>
file_bytes with(file_bytes const& file, std::string const& wanted, Change change) {
  auto archive = opened(file);
  file_bytes packed;
  caffe2::serialize::PyTorchStreamWriter writer([&](void const* data, std::size_t size) {
    auto const* const text = static_cast<char const*>(data);
    packed.insert(packed.end(), text, text + size);
    return size;
  });
  for (auto const& name : archive.getAllRecords()) {
    if (name == "version" || name == "byteorder" || name.starts_with(".")) continue;  // the writer adds them
    auto content = record_of(archive, name);
    if (name == wanted) change(content);
    writer.writeRecord(name, content.data(), content.size());
  }
  writer.writeEndOfFile();
  return packed;
}
file_bytes cut(file_bytes const& file, std::string const& record) {
  return with(file, record, [](std::string& content) { content.pop_back(); });
}

/// The records that a loader reads data of tensors from, and that hold any.
std::vector<std::string> weights_of(file_bytes const& file) {
  auto archive = opened(file);
  std::vector<std::string> found;
  for (auto const& name : archive.getAllRecords())
    if ((name.starts_with("data/") || name.starts_with("constants/") || name.starts_with("bytecode/")) &&
        archive.getRecordSize(name) > 0)
      found.push_back(name);
  return found;
}

template <class Format>
void check_every_cut_is_refused(file_bytes const& file) {
  auto const weights = weights_of(file);
  REQUIRE(!weights.empty());
  (void)td::load<Format>(file);
  for (auto const& record : weights) {
    INFO(record);
    auto const failure = failure_of<td::format_error>([&] { (void)td::load<Format>(cut(file, record)); });
    CHECK(failure.code == td::errc::file_damaged);
    CHECK_THAT(failure.text, ContainsSubstring("'" + record + "'"));
  }
}

file_bytes bytes_of(torch::jit::Module const& module) {
  std::ostringstream out;
  module.save(out);
  auto const text = std::move(out).str();
  return {text.begin(), text.end()};
}

template <class Artifact>
file_bytes saved(Artifact&& artifact, char const* name) {
  test::temporary_folder const folder;
  (void)(std::forward<Artifact>(artifact) | td::save(folder / name));
  return test::bytes_of(folder / name);
}

std::size_t storages_in(std::string_view pickle) {
  td::detail::storage_scan scan(pickle);
  std::size_t count = 0;
  while (scan.next()) ++count;
  return count;
}

}  // namespace

TEST_CASE("no record of a sound file is too short for what its pickle declares") {
  std::size_t files = 0, storages = 0;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(TORCHDEPLOY_MODELS)) {
    auto const path = entry.path();
    if (!entry.is_regular_file() || !path.extension().string().starts_with(".")) continue;
    auto const file = test::bytes_of(path);
    if (!std::string_view(file.data(), file.size()).starts_with("PK")) continue;  // flatbuffer, JSON
    INFO(path);
    ++files;
    auto archive = opened(file);
    CHECK_NOTHROW(td::detail::check_storages(archive, path.string(), std::nullopt));
    for (std::string const name : {"data", "constants", "bytecode"}) {
      if (!archive.hasRecord(name + ".pkl")) continue;
      auto const content = record_of(archive, name + ".pkl");
      std::size_t declared = 0;
      for (auto at = content.find('Q'); at != content.npos; at = content.find('Q', at + 1)) ++declared;
      auto const found = storages_in(content);
      CHECK(found <= declared);
      storages += found;
      std::size_t records = 0;
      for (auto const& record : archive.getAllRecords()) records += record.starts_with(name + "/");
      CHECK(found >= records);  // it reached the end
    }
  }
  CHECK(files > 30);
  CHECK(storages > 500);
}

TEST_CASE("a weight that is shorter than declared is refused: float32, tied, recurrent, constants") {
  for (std::string const name : {"mlp_scripted", "shared_weights", "lstm_scripted", "constant_net", "matmul_net"}) {
    INFO(name);
    check_every_cut_is_refused<td::TorchScript>(test::bytes_of(test::model_path(name)));
  }
  auto const model = test::load("digits_cnn");
  auto const frozen = bytes_of(torch::jit::freeze(model.handle()));
  check_every_cut_is_refused<td::TorchScript>(frozen);
}

TEST_CASE("a weight that is shorter than declared is refused: int8 and the lite interpreter's") {
  auto const quantized = saved(test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits()), "q.pt");
  check_every_cut_is_refused<td::TorchScript>(quantized);
  auto const mobile = saved(test::load("digits_cnn") | td::to_mobile(), "m.ptl");
  check_every_cut_is_refused<td::MobileLite>(mobile);
  auto const both =
      saved(test::load("digits_cnn") | td::quantize<td::Int8>(test::calibration_digits()) | td::to_mobile(), "q.ptl");
  check_every_cut_is_refused<td::MobileLite>(both);
}

TEST_CASE("a weight that is shorter than declared is refused: in lists, dicts and tuples, of every type") {
  auto const list_of = [](c10::TypePtr const& type) { return c10::ListType::create(type); };
  auto const tensor = c10::TensorType::get();
  torch::jit::Module module("Holder");
  c10::List<c10::List<at::Tensor>> nested;
  nested.push_back(c10::List<at::Tensor>({at::ones({3}, at::kHalf), at::ones({2}, at::kBFloat16)}));
  nested.push_back(c10::List<at::Tensor>({at::ones({3}, at::kLong), at::ones({2}, at::kBool)}));
  module.register_attribute("nested", list_of(list_of(tensor)), nested);
  c10::Dict<std::string, at::Tensor> dict;
  dict.insert("a", at::ones({5}, at::kDouble));
  dict.insert("b", at::ones({5}, at::kShort));
  module.register_attribute("dict", c10::DictType::create(c10::StringType::get(), tensor), dict);
  module.register_attribute("tuple", c10::TupleType::create({tensor, c10::IntType::get(), tensor}),
                            c10::ivalue::Tuple::create(at::ones({4}, at::kComplexFloat), std::int64_t{1} << 40,
                                                       at::ones({4}, at::kFloat8_e5m2)));
  module.register_attribute("many", list_of(c10::StringType::get()), [] {
    c10::List<std::string> words;  // more than 256 values in the memo: the long opcodes
    for (int i = 0; i < 600; ++i) words.push_back("word " + std::to_string(i));
    return words;
  }());
  module.register_attribute("after", tensor, at::ones({7}, at::kInt));
  module.define("def forward(self, x):\n    return x\n");
  auto const file = bytes_of(module);
  CHECK(weights_of(file).size() == 9);
  check_every_cut_is_refused<td::TorchScript>(file);
}

TEST_CASE("a count of elements that no record can hold is refused") {
  auto const file = [] {
    torch::jit::Module module("Holder");
    module.register_attribute("weight", c10::TensorType::get(), at::ones({0x12345}));
    module.define("def forward(self, x):\n    return x\n");
    return bytes_of(module);
  }();
  std::string const count("J\x45\x23\x01\x00", 5);
  for (std::string const& damaged : {std::string("J\xFF\xFF\xFF\xFF", 5), std::string("J\x46\x23\x01\x00", 5),
                                     std::string("\x8A\x08\x00\x00\x00\x00\x00\x00\x00\x40", 10),
                                     std::string("\x8A\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 10)}) {
    auto const changed = with(file, "data.pkl", [&](std::string& pickle) {
      auto const at = pickle.find(count);
      REQUIRE(at != pickle.npos);
      pickle.replace(at, count.size(), damaged);
    });
    auto const failure = failure_of<td::format_error>([&] { (void)td::load<td::TorchScript>(changed); });
    CHECK(failure.code == td::errc::file_damaged);
    CHECK_THAT(failure.text, ContainsSubstring("'data/0'"));
  }
}

TEST_CASE("weights without data load, and only those") {
  torch::jit::Module module("Holder");
  module.register_attribute("weight", c10::TensorType::get(), at::ones({3}, at::kMeta));
  module.register_attribute("empty", c10::TensorType::get(), at::ones({0}));
  module.define("def forward(self, x):\n    return x\n");
  auto const file = bytes_of(module);
  CHECK_NOTHROW(td::load<td::TorchScript>(file));
  CHECK(failure_of<td::format_error>([&] { (void)td::load<td::TorchScript>(file, {.device = c10::kCPU}); }).code ==
        td::errc::file_damaged);
}

TEST_CASE("the scan of storages ends on any bytes") {
  std::mt19937_64 random(7);
  std::vector<std::string> pickles;
  for (std::string const name : {"digits_cnn", "lstm_scripted", "mha_scripted"}) {
    auto archive = opened(test::bytes_of(test::model_path(name)));
    pickles.push_back(record_of(archive, "data.pkl"));
  }
  std::size_t found = 0;
  for (int i = 0; i < 20000; ++i) {
    auto pickle = pickles[random() % pickles.size()];
    switch (random() % 3) {
      case 0:
        pickle.resize(random() % pickle.size());
        break;
      case 1:
        for (auto changes = random() % 4 + 1; changes > 0; --changes)
          pickle[random() % pickle.size()] = static_cast<char>(random());
        break;
      default:
        pickle.resize(random() % 100);
        for (auto& each : pickle) each = static_cast<char>(random());
        pickle.insert(0, "\x80\x02");
    }
    found += storages_in(pickle);
  }
  CHECK(found > 20000);
}

TEST_CASE("a pickle that is cut short is refused, wherever it is cut") {
  auto const is_cut = [](std::string_view pickle) {
    td::detail::storage_scan scan(pickle);
    while (scan.next()) {
    }
    CHECK(scan.cut_short() != scan.complete());
    return scan.cut_short();
  };
  for (std::string const name : {"digits_v8.ptl", "optionals.pt"}) {
    CAPTURE(name);
    auto archive = opened(test::bytes_of(TORCHDEPLOY_MODELS "/mobile/" + name));
    auto const whole = record_of(archive, "data.pkl");
    CHECK_FALSE(is_cut(whole));
    std::size_t missed = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) missed += !is_cut(std::string_view(whole).substr(0, size));
    CHECK(missed == 0);
  }
  // LibTorch's loader read on without end where a mobile module's was cut near its end
  auto const file = test::bytes_of(TORCHDEPLOY_MODELS "/mobile/digits_v8.ptl");
  for (std::size_t missing : {1, 40, 140, 154}) {
    auto const damaged =
        with(file, "data.pkl", [&](std::string& content) { content.resize(content.size() - missing); });
    auto const failure = failure_of<td::format_error>([&] { td::load<td::MobileLite>(damaged); });
    CHECK(failure.code == td::errc::file_damaged);
    CHECK_THAT(failure.text, ContainsSubstring("data.pkl") && ContainsSubstring("cut short"));
  }
}

TEST_CASE("weights that were saved on a device that is not here are refused for that, and load onto the CPU") {
  auto const sound = bytes_of(torch::jit::load(test::model_path("mlp_scripted").string()));
  for (std::string const device : {"xpu:0", "mps:0", "cuda:0"}) {
    if (td::detail::is_available(c10::Device(device))) continue;
    INFO(device);
    auto const elsewhere = with(sound, "data.pkl", [&](std::string& pickle) {
      std::string const cpu("X\3\0\0\0cpu", 8);
      auto const at = pickle.find(cpu);
      REQUIRE(at != pickle.npos);
      pickle.replace(at, cpu.size(), std::string{'X', static_cast<char>(device.size()), 0, 0, 0} + device);
    });
    auto const failure = failure_of<td::load_error>([&] { (void)td::load<td::TorchScript>(elsewhere); });
    CHECK(failure.code == td::errc::device_unavailable);
    CHECK_THAT(failure.text, ContainsSubstring(device) && ContainsSubstring("{.device = c10::kCPU}"));
    auto const model = td::load<td::TorchScript>(elsewhere, {.device = c10::kCPU});
    auto const x = test::noise({2, 16})[0];
    CHECK(test::same_bits(test::forward(model.handle(), {x}), test::forward(test::load("mlp_scripted").handle(), {x})));
    auto const asked =
        failure_of<td::load_error>([&] { (void)td::load<td::TorchScript>(sound, {.device = c10::Device(device)}); });
    CHECK(asked.code == td::errc::device_unavailable);
  }
}
