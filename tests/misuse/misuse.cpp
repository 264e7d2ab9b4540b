// What users do wrong, in one list: each gives one of our errors, with its id, what was expected and a hint, in a line of
// 200 characters at most, and leaves no file behind.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>

#include <torchdeploy/torchdeploy.hpp>

#include "support/misuse.hpp"
#include "support/models.hpp"

namespace fs = std::filesystem;

namespace {

constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
constexpr auto infinity = std::numeric_limits<double>::infinity();

using model = td::artifact<td::TorchScript, td::facts<td::evaluating>>;

model digits() { return test::load("digits_cnn"); }
std::vector<at::Tensor> images(std::int64_t count = 8) { return {test::digits(count)}; }
auto session() { return digits() | td::deploy<td::LibTorch>(); }
auto session_of(std::string const& name) { return test::load(name) | td::deploy<td::LibTorch>(); }

/// Of batches of 2, with 8 features.
auto traced_lstm() { return td::load<td::TorchScript>(TORCHDEPLOY_MODELS "/pitfalls/states_wrong.pt"); }

auto mobile() { return digits() | td::to_mobile(); }
auto mobile_session() { return mobile() | td::deploy<td::MobileRuntime>(); }
fs::path mobile_path(std::string const& name) { return TORCHDEPLOY_MODELS "/mobile/" + name; }

/// Load a file of this content.
std::function<void(fs::path const&)> loading(std::string content) {
  return [content = std::move(content)](fs::path const& folder) {
    test::write(folder / "model.pt", content);
    td::load<td::TorchScript>(folder / "model.pt");
  };
}
std::function<void(fs::path const&)> loading(char const* magic, std::size_t size) {
  return loading(magic + std::string(size, '\0'));
}
std::string part_of_digits(double fraction) {
  auto const whole = test::bytes_of(test::model_path("digits_cnn"));
  return {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(whole.size()) * fraction)};
}

/// A zip archive as LibTorch writes it, of these records.
std::string archive(std::vector<std::pair<std::string, std::string>> const& records) {
  std::string bytes;
  caffe2::serialize::PyTorchStreamWriter writer([&](void const* data, std::size_t size) {
    bytes.append(static_cast<char const*>(data), size);
    return size;
  });
  for (auto const& [name, content] : records) writer.writeRecord(name, content.data(), content.size());
  writer.writeEndOfFile();
  return bytes;
}

std::function<void(fs::path const&)> loading_mobile(std::function<std::vector<char>(std::vector<char>)> change) {
  return [change = std::move(change)](fs::path const& folder) {
    auto const bytes = change(test::bytes_of(mobile_path("digits_v8.ptl")));
    test::write(folder / "model.ptl", {bytes.data(), bytes.size()});
    td::load<td::MobileLite>(folder / "model.ptl");
  };
}

std::function<void(fs::path const&)> saving(std::function<fs::path(fs::path const&)> place) {
  return [place = std::move(place)](fs::path const& folder) { digits() | td::save(place(folder)); };
}

std::function<void(fs::path const&)> quantizing(std::string name, std::vector<td::example> samples) {
  return [name = std::move(name), samples = std::move(samples)](fs::path const&) {
    test::load(name) | td::quantize<td::Int8>(samples);
  };
}
std::function<void(fs::path const&)> calling(std::vector<c10::IValue> arguments) {
  return [arguments = std::move(arguments)](fs::path const&) { session().run(arguments); };
}
std::function<void(fs::path const&)> calling_mobile(std::vector<c10::IValue> arguments) {
  return [arguments = std::move(arguments)](fs::path const&) { mobile_session().run(arguments); };
}
template <class Criterion = td::L1, class Amount = double>
std::function<void(fs::path const&)> pruning(Amount amount, td::prune_options options = {}) {
  return [amount, options = std::move(options)](fs::path const&) { digits() | td::prune<Criterion>(amount, options); };
}
std::function<void(fs::path const&)> overriding(std::vector<td::layer_override> layers) {
  return [layers = std::move(layers)](fs::path const&) {
    digits() | td::quantize<td::Int8>(images(), {.overrides = layers});
  };
}
template <class Observer>
void observing(fs::path const&) {
  digits() | td::quantize<td::Int8, Observer>(images());
}
std::function<void(fs::path const&)> warming(int calls, std::vector<td::example> samples) {
  return [=](fs::path const&) { session().warmup(calls, {.samples = samples}); };
}
std::function<void(fs::path const&)> for_mobile(std::string name) {
  return [name = std::move(name)](fs::path const&) { td::load<td::TorchScript>(mobile_path(name)) | td::to_mobile(); };
}
std::function<void(fs::path const&)> configuring(td::process_settings settings) {
  return [=](fs::path const&) { td::configure(settings); };
}

// --- observers and criteria of a user's own, each wrong in its way
struct gives_nan {
  static constexpr std::string_view name = "gives_nan";
  void observe(at::Tensor const&) {}
  static std::optional<td::value_range> range() { return td::value_range{0, std::numeric_limits<float>::quiet_NaN()}; }
};
struct gives_backwards {
  static constexpr std::string_view name = "gives_backwards";
  void observe(at::Tensor const&) {}
  static std::optional<td::value_range> range() { return td::value_range{1, -1}; }
};
struct gives_infinity {
  static constexpr std::string_view name = "gives_infinity";
  void observe(at::Tensor const&) {}
  static std::optional<td::value_range> range() { return td::value_range{0, std::numeric_limits<float>::infinity()}; }
};
struct gives_nothing {
  static constexpr std::string_view name = "gives_nothing";
  void observe(at::Tensor const&) {}
  static std::optional<td::value_range> range() { return std::nullopt; }
};
struct throws_on_sight {
  static constexpr std::string_view name = "throws_on_sight";
  void observe(at::Tensor const&) { throw std::runtime_error("too dark"); }
  static std::optional<td::value_range> range() { return td::value_range{0, 1}; }
};
struct throws_at_last {
  static constexpr std::string_view name = "throws_at_last";
  void observe(at::Tensor const&) {}
  static std::optional<td::value_range> range() { throw std::logic_error("out of ideas"); }
};
struct one_for_all {
  static constexpr std::string_view name = "one_for_all";
  static at::Tensor importance(at::Tensor const& weight) { return weight.abs().sum(); }
};
struct nothing_at_all {
  static constexpr std::string_view name = "nothing_at_all";
  static at::Tensor importance(at::Tensor const&) { return {}; }
};
struct without_number {
  static constexpr std::string_view name = "without_number";
  static at::Tensor importance(at::Tensor const& weight) { return at::full_like(weight, nan); }
};
struct throws_an_error {
  static constexpr std::string_view name = "throws_an_error";
  static at::Tensor importance(at::Tensor const&) { throw std::runtime_error("no idea"); }
};
std::function<void(fs::path const&)> verifying(td::verify_options options) {
  return [options = std::move(options)](fs::path const&) mutable {
    if (options.samples.empty()) options.samples = images();
    digits() | td::verify(digits(), options);
  };
}
/// A reference that answers what `answer` makes of the model's own answer.
std::function<void(fs::path const&)> differing(std::function<c10::IValue(at::Tensor)> answer) {
  return [answer = std::move(answer)](fs::path const&) {
    auto const right = session();
    auto const reference = [&](at::Tensor const& x) -> c10::IValue { return answer(right(x)); };
    digits() | td::verify(reference, {.samples = images()});
  };
}

/// No file of this process may grow beyond so many bytes: a disk that is full.
void on_a_full_disk(fs::path const& folder) {
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit const now{20000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &now);
  auto const restore = [&] {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  };
  try {
    digits() | td::save(folder / "model.pt");
  } catch (...) {
    restore();
    throw;
  }
  restore();
}

model with_weight(double value) {
  auto module = torch::jit::load(test::model_path("digits_cnn").string());
  at::NoGradGuard const no_grad;
  for (auto const& each : module.named_parameters())
    if (each.value.dim() == 4) each.value.view(-1)[0].fill_(value);
  return td::evaluate(module);
}

model scripted(std::string const& source) { return td::evaluate(test::scripted(source)); }

auto const one_image = [] { return test::digits(1); };

std::vector<test::misuse> const& list() {
  static std::vector<test::misuse> const all = {
      // --- load
      {"a missing file", td::errc::file_missing, [](auto& f) { td::load<td::TorchScript>(f / "none.pt"); }},
      {"an empty path", td::errc::file_missing, [](auto&) { td::load<td::TorchScript>(""); }},
      {"a name too long", td::errc::file_missing,
       [](auto& f) { td::load<td::TorchScript>(f / std::string(300, 'x')); }},
      {"a link to nothing", td::errc::file_missing,
       [](auto& f) {
         fs::create_symlink("nothing.pt", f / "link.pt");
         td::load<td::TorchScript>(f / "link.pt");
       }},
      {"a link to itself", td::errc::file_missing,
       [](auto& f) {
         fs::create_symlink("link.pt", f / "link.pt");
         td::load<td::TorchScript>(f / "link.pt");
       }},
      {"a directory", td::errc::not_a_file, [](auto& f) { td::load<td::TorchScript>(f); }},
      {"a file used as a directory", td::errc::file_missing,
       [](auto&) { td::load<td::TorchScript>(test::model_path("digits_cnn") / "model.pt"); }},
      {"a named pipe, which nobody writes to", td::errc::not_a_file,
       [](auto& f) {
         REQUIRE(::mkfifo((f / "pipe").c_str(), 0600) == 0);
         td::load<td::TorchScript>(f / "pipe");
       }},
      {"a device", td::errc::not_a_file, [](auto&) { td::load<td::TorchScript>("/dev/zero"); }},
      {"an empty file", td::errc::file_empty, loading("")},
      {"an empty stream", td::errc::file_empty,
       [](auto&) {
         std::istringstream stream;
         td::load<td::TorchScript>(stream);
       }},
      {"a stream that could not be opened", td::errc::file_empty,
       [](auto& f) {
         std::ifstream stream(f / "none.pt");
         td::load<td::TorchScript>(stream);
       }},
      {"no bytes", td::errc::file_empty, [](auto&) { td::load<td::TorchScript>(std::vector<char>()); }},
      {"a text file", td::errc::wrong_format, loading("a shopping list")},
      {"one byte", td::errc::wrong_format, loading("P")},
      {"an ONNX file", td::errc::wrong_format, loading("\x08\x08\x12\x07pytorch", 100)},
      {"an HDF5 file", td::errc::wrong_format, loading("\x89HDF\r\n\x1a\n", 100)},
      {"a program", td::errc::wrong_format, loading("\x7f" "ELF", 100)},
      {"a download that is a web page", td::errc::wrong_format, loading("<!DOCTYPE html><html>404</html>")},
      {"a pointer of Git LFS", td::errc::wrong_format, loading("version https://git-lfs.github.com/spec/v1\noid")},
      {"a legacy pickle", td::errc::wrong_format, loading("\x80\x02}q", 100)},
      {"a safetensors file", td::errc::wrong_format,
       loading(std::string("\x40\0\0\0\0\0\0\0", 8) + R"({"weight":{"dtype":"F32"}})")},
      {"a flatbuffer for mobile", td::errc::wrong_format, loading(std::string("\x18\0\0\0PTMF", 8) + std::string(100, '\0'))},
      {"a state_dict of torch.save", td::errc::wrong_format, loading(archive({{"data.pkl", "\x80\x02}."}}))},
      {"another zip archive", td::errc::wrong_format, loading(archive({{"letter.txt", "Dear"}}))},
      {"a zip archive of nothing", td::errc::wrong_format, loading(archive({}))},
      {"a file cut to 1 %", td::errc::file_damaged, loading(part_of_digits(0.01))},
      {"a file cut to a half", td::errc::file_damaged, loading(part_of_digits(0.5))},
      {"a file without its last byte", td::errc::file_damaged, loading(part_of_digits(0.99999))},
      {"an archive without code", td::errc::file_damaged,
       loading(archive({{"constants.pkl", "\x80\x02)."}, {"data.pkl", "\x80\x02}."}}))},
      {"a pickle of nonsense", td::errc::file_damaged,
       loading(archive({{"constants.pkl", "\x80\x02)."}, {"data.pkl", "nonsense"}}))},
      {"an extra file that is not there", td::errc::extra_file_missing,
       [](auto&) { td::load<td::TorchScript>(test::model_path("digits_cnn"), {.extra_files = {"labels.txt"}}); }},
      {"a device that is not there", td::errc::device_unavailable,
       [](auto&) {
         if (at::globalContext().hasCUDA()) throw td::load_error(td::errc::device_unavailable, "expected none", "none");
         td::load<td::TorchScript>(test::model_path("digits_cnn"), {.device = c10::Device(c10::kCUDA, 0)});
       }},
      {"a module without forward", td::errc::module_unusable,
       [](auto&) { td::evaluate(torch::jit::Module("Empty")); }},
      {"an engine that this LibTorch has not", td::errc::engine_unavailable,
       [](auto& f) {
         torch::jit::ExtraFilesMap const stamp = {{"torchdeploy.engine", "warp"}};
         torch::jit::load(test::model_path("digits_cnn").string()).save((f / "m.pt").string(), stamp);
         td::load<td::TorchScript>(f / "m.pt");
       }},

      {"TorchScript read as a mobile module", td::errc::wrong_format,
       [](auto&) { td::load<td::MobileLite>(test::model_path("digits_cnn")); }},
      {"a flatbuffer read as a mobile module", td::errc::wrong_format,
       [](auto&) { td::load<td::MobileLite>(mobile_path("digits_flatbuffer.ptl")); }},
      {"a mobile module that is not there", td::errc::file_missing,
       [](auto& f) { td::load<td::MobileLite>(f / "none.ptl"); }},
      {"a directory of mobile modules", td::errc::not_a_file, [](auto& f) { td::load<td::MobileLite>(f); }},
      {"a mobile module of no bytes", td::errc::file_empty, loading_mobile([](auto) { return std::vector<char>(); })},
      {"a mobile module cut to a half", td::errc::file_damaged, loading_mobile([](auto bytes) {
         bytes.resize(bytes.size() / 2);
         return bytes;
       })},
      {"a mobile module without its last byte", td::errc::file_damaged, loading_mobile([](auto bytes) {
         bytes.pop_back();
         return bytes;
       })},
      {"a mobile module whose bytecode is nonsense", td::errc::file_damaged,
       [](auto&) {
         auto const bytes = archive({{"bytecode.pkl", "nonsense"}, {"data.pkl", "\x80\x02}."}});
         td::load<td::MobileLite>(std::vector<char>(bytes.begin(), bytes.end()));
       }},

      // --- save
      {"a save into a folder that is not there", td::errc::place_unwritable,
       saving([](auto& f) { return f / "none" / "model.pt"; })},
      {"a save into a read-only place", td::errc::place_unwritable,
       saving([](auto&) { return fs::path("/proc/model.pt"); })},
      {"a save over a directory", td::errc::place_unwritable, saving([](auto& f) { return f; })},
      {"a save into a file", td::errc::place_unwritable,
       saving([](auto& f) {
         test::write(f / "file", "text");
         return f / "file" / "model.pt";
       })},
      {"a save to no name", td::errc::place_unwritable, saving([](auto&) { return fs::path(); })},
      {"a save to a name too long", td::errc::place_unwritable, saving([](auto& f) { return f / std::string(300, 'x'); })},
      {"a save to a device", td::errc::place_unwritable, saving([](auto&) { return fs::path("/dev/full"); })},
      {"a save to a link to itself", td::errc::place_unwritable, saving([](auto& f) {
         fs::create_symlink("link.pt", f / "link.pt");
         return f / "link.pt";
       })},
      {"a save onto a full disk", td::errc::write_failed, on_a_full_disk},
      {"a generator of random numbers in a module", td::errc::not_serializable,
       [](auto& f) {
         torch::jit::Module module("Drawing");
         module.define("def forward(self, x):\n    return x\n");
         module.register_attribute("draws", c10::GeneratorType::get(), at::detail::createCPUGenerator());
         model(std::move(module)) | td::save(f / "model.pt");
       }},
      {"a module that LibTorch can't write", td::errc::not_serializable,
       [](auto& f) {
         auto module = torch::jit::load(test::model_path("digits_cnn").string());
         module.register_attribute("packed", c10::TensorType::get(), at::ones({4, 4}).to_mkldnn());
         model(std::move(module)) | td::save(f / "model.pt");
       }},

      {"a mobile module into a folder that is not there", td::errc::place_unwritable,
       [](auto& f) { mobile() | td::save(f / "none" / "model.ptl"); }},
      {"a report into a folder that is not there", td::errc::place_unwritable,
       [](auto& f) { td::save_html(digits().report(), f / "none" / "report.html"); }},
      {"a report over a directory", td::errc::place_unwritable, [](auto& f) { td::save_html(digits().report(), f); }},
      {"a report to no name", td::errc::place_unwritable, [](auto&) { td::save_html(digits().report(), ""); }},
      {"a report to a device", td::errc::place_unwritable,
       [](auto&) { td::save_html(digits().report(), "/dev/full"); }},
#ifdef TORCHDEPLOY_WITH_JSON
      {"a report in JSON into a folder that is not there", td::errc::place_unwritable,
       [](auto& f) { td::save_json(digits().report(), f / "none" / "report.json"); }},
      {"a report read from JSON that is none", td::errc::wrong_format,
       [](auto&) { (void)nlohmann::json::parse("[1, 2]").get<td::report>(); }},
      {"a report whose stages are a number", td::errc::file_damaged,
       [](auto&) { (void)nlohmann::json::parse(R"({"schema": 1, "stages": 5})").get<td::report>(); }},
      {"a report whose stages have strange names", td::errc::file_damaged,
       [](auto&) {
         (void)nlohmann::json::parse(R"({"schema": 1, "stages": [{"stage": {"stage": []}}]})").get<td::report>();
       }},
#endif

      // --- verify
      {"nothing to compare on", td::errc::no_examples, [](auto&) { digits() | td::verify(digits()); }},
      {"decibels that int8 can't reach", td::errc::out_of_tolerance,
       [](auto&) { digits() | td::quantize<td::Int8>(images()) | td::verify(digits(), {.sqnr_db = 60}); }},
      {"another model", td::errc::out_of_tolerance, differing([](auto y) { return y + 1; })},
      {"a NaN among the outputs", td::errc::out_of_tolerance, differing([](auto y) { return y * nan; })},
      {"a reference of zeros", td::errc::degenerate_reference, differing([](auto y) { return at::zeros_like(y); })},
      {"a reference that never changes", td::errc::degenerate_reference,
       [](auto&) {
         auto const reference = [](at::Tensor const& x) { return at::ones({x.size(0), 10}); };
         digits() | td::verify(reference, {.samples = test::digits(8).split(1), .agreement = 0.0});
       }},
      {"another shape", td::errc::structure_differs, differing([](auto y) { return y.flatten(); })},
      {"another dtype", td::errc::structure_differs, differing([](auto y) { return y.to(at::kDouble); })},
      {"a tuple for a tensor", td::errc::structure_differs,
       differing([](auto y) { return c10::ivalue::Tuple::create({y, y}); })},
      {"a reference that throws", td::errc::reference_raised,
       differing([](auto) -> c10::IValue { throw std::runtime_error("no licence"); })},
      {"a model that raises", td::errc::model_raised,
       [](auto&) {
         auto const reference = [](at::Tensor const& x) { return x; };
         test::load("raises") | td::verify(reference, {.samples = std::vector{at::full({2, 3}, -1)}});
       }},
      {"rtol without atol", td::errc::options_conflict, verifying({.rtol = 1e-3})},
      {"a tolerance that is NaN", td::errc::options_conflict, verifying({.rtol = nan, .atol = 0})},
      {"a tolerance below zero", td::errc::options_conflict, verifying({.max_abs = -1})},
      {"an agreement of 110 %", td::errc::options_conflict, verifying({.agreement = 1.1})},
      {"decibels that are NaN", td::errc::options_conflict, verifying({.sqnr_db = nan})},
      {"a cosine of 2", td::errc::options_conflict, verifying({.cosine = 2})},
      {"a metric without a function", td::errc::options_conflict, verifying({.metric = td::metric{"none", {}, 0.5}})},
      {"a metric that throws", td::errc::metric_raised,
       verifying({.metric = td::metric{
                      "pitch", [](auto&, auto&) -> double { throw std::out_of_range("no voice in this sample"); }, 0.5}})},
      {"a golden file that is not there", td::errc::golden_unreadable,
       [](auto& f) { digits() | td::verify(td::golden(f / "none.golden")); }},
      {"a golden file that is something else", td::errc::golden_unreadable,
       [](auto&) { digits() | td::verify(td::golden(test::model_path("digits_cnn"))); }},
      {"samples that the golden file does not hold", td::errc::options_conflict,
       [](auto& f) {
         td::record_golden(digits(), f / "digits.golden", {.samples = images(4)});
         digits() | td::verify(td::golden(f / "digits.golden"), {.samples = images(6)});
       }},

      {"a golden file that nobody writes to", td::errc::golden_unreadable,
       [](auto& f) {
         REQUIRE(::mkfifo((f / "pipe").c_str(), 0600) == 0);
         td::golden(f / "pipe");
       }},
      {"a golden file without end", td::errc::golden_unreadable, [](auto&) { td::golden("/dev/zero"); }},
      {"a golden file cut to a half", td::errc::golden_unreadable,
       [](auto& f) {
         td::record_golden(digits(), f / "digits.golden", {.samples = images(4)});
         fs::resize_file(f / "digits.golden", fs::file_size(f / "digits.golden") / 2);
         td::golden(f / "digits.golden");
       }},
      {"a golden file of another model", td::errc::structure_differs,
       [](auto& f) {
         td::record_golden(test::load("two_outputs"), f / "other.golden", {.samples = test::noise({2, 16})});
         test::load("mlp_scripted") | td::verify(td::golden(f / "other.golden"));
       }},
      {"a golden file recorded into a folder that is not there", td::errc::place_unwritable,
       [](auto& f) { td::record_golden(digits(), f / "none" / "digits.golden", {.samples = images()}); }},
      {"a golden file recorded of nothing", td::errc::no_examples,
       [](auto& f) { td::record_golden(digits(), f / "digits.golden"); }},
      {"a golden file recorded of wrong samples", td::errc::model_raised,
       [](auto& f) { td::record_golden(digits(), f / "digits.golden", {.samples = std::vector{at::ones({8})}}); }},
      {"a golden file recorded of no tensor at all", td::errc::model_raised,
       [](auto& f) { td::record_golden(digits(), f / "digits.golden", {.samples = std::vector{at::Tensor()}}); }},
      {"a golden file of a mobile module, recorded of wrong samples", td::errc::model_raised,
       [](auto& f) { td::record_golden(mobile(), f / "digits.golden", {.samples = std::vector{at::ones({8})}}); }},
      {"a mobile module against another model's golden file", td::errc::out_of_tolerance,
       [](auto& f) {
         td::record_golden(with_weight(3), f / "other.golden", {.samples = images()});
         mobile() | td::verify(td::golden(f / "other.golden"));
       }},
      {"an undefined tensor to compare on", td::errc::model_raised, verifying({.samples = std::vector{at::Tensor()}})},
      {"an argument too many to compare on", td::errc::model_raised,
       verifying({.samples = std::vector<td::example>{{one_image(), one_image()}}})},
      {"a sample without arguments to compare on", td::errc::model_raised,
       verifying({.samples = std::vector<td::example>(1)})},
      {"a tensor without data to compare on", td::errc::model_raised,
       verifying({.samples = std::vector{at::empty({1, 1, 8, 8}, at::device(c10::kMeta).dtype(at::kFloat))}})},
      {"a batch below zero", td::errc::options_conflict, verifying({.batch = -1})},
      {"a tolerance without end", td::errc::options_conflict, verifying({.rtol = infinity, .atol = 0})},
      {"a metric that gives NaN", td::errc::out_of_tolerance,
       verifying({.metric = td::metric{"nan", [](auto&, auto&) { return nan; }, 0.5}})},
      {"a metric to reach that is NaN", td::errc::options_conflict,
       verifying({.metric = td::metric{"nan", [](auto&, auto&) { return 1.0; }, nan}})},
      {"a model that knows one batch only", td::errc::batch_differs,
       [](auto&) {
         auto const open = scripted("def forward(self, x):\n    return x.view(x.size(0), -1)");
         scripted("def forward(self, x):\n    return x.view(4, -1)") |
             td::verify(open, {.samples = std::vector{at::rand({4, 6}), at::rand({4, 6})}});
       }},
      {"layers compared with a callable", td::errc::options_conflict,
       [](auto&) {
         auto const reference = session();
         digits() | td::verify([&](at::Tensor const& x) { return reference(x); }, {.samples = images(), .per_layer = true});
       }},
      {"layers compared with a golden file", td::errc::options_conflict,
       [](auto& f) {
         td::record_golden(digits(), f / "digits.golden", {.samples = images()});
         digits() | td::verify(td::golden(f / "digits.golden"), {.per_layer = true});
       }},
      {"layers of a mobile module", td::errc::options_conflict,
       [](auto&) { mobile() | td::verify(digits(), {.samples = images(), .per_layer = true}); }},
      {"layers compared of models with none in common", td::errc::no_common_layer,
       [](auto&) { (void)td::first_divergence(test::load("lstm_scripted"), digits(), {.samples = images()}); }},
      {"layers compared on nothing", td::errc::no_examples, [](auto&) { (void)td::first_divergence(digits(), digits()); }},
      {"layers compared on what neither takes", td::errc::reference_raised,
       [](auto&) { (void)td::first_divergence(digits(), digits(), {.samples = std::vector{at::ones({8})}}); }},
      {"layers compared on an undefined tensor", td::errc::reference_raised,
       [](auto&) { (void)td::first_divergence(digits(), digits(), {.samples = std::vector{at::Tensor()}}); }},
      {"layers compared within a tolerance of NaN", td::errc::options_conflict,
       [](auto&) { (void)td::first_divergence(digits(), digits(), {.samples = images(), .sqnr_db = nan}); }},
      {"a reference that nobody made", td::errc::module_unusable,
       [](auto&) { digits() | td::verify(torch::jit::Module(), {.samples = images()}); }},

      // --- quantize
      {"no sample", td::errc::no_samples, quantizing("digits_cnn", {})},
      {"a sample of the wrong rank", td::errc::calibration_raised, quantizing("digits_cnn", {{at::ones({8})}})},
      {"a sample with the wrong channels", td::errc::calibration_raised,
       quantizing("digits_cnn", {{at::ones({1, 3, 8, 8})}})},
      {"a sample of the wrong dtype", td::errc::calibration_raised,
       quantizing("digits_cnn", {{at::ones({1, 1, 8, 8}, at::kLong)}})},
      {"a sample with an argument too many", td::errc::calibration_raised,
       quantizing("digits_cnn", {{one_image(), one_image()}})},
      {"a sample without arguments", td::errc::calibration_raised, quantizing("digits_cnn", {td::example{}})},
      {"a sample that is a word", td::errc::calibration_raised, quantizing("digits_cnn", {{c10::IValue("seven")}})},
      {"an undefined tensor as a sample", td::errc::calibration_raised, quantizing("digits_cnn", {{at::Tensor()}})},
      {"a NaN in a sample", td::errc::not_finite, quantizing("digits_cnn", {{one_image().fill_(nan)}})},
      {"an infinity in a sample", td::errc::not_finite,
       [](auto&) {
         digits() | td::quantize<td::Int8, td::MinMax>(std::vector{at::full({1, 1, 8, 8}, infinity)});
       }},
      {"a NaN in a weight", td::errc::not_finite, [](auto&) { with_weight(nan) | td::quantize<td::Int8>(images()); }},
      {"an infinity in a weight", td::errc::not_finite,
       [](auto&) { with_weight(infinity) | td::quantize<td::Int8>(images()); }},
      {"a model in float64", td::errc::not_quantizable,
       [](auto&) {
         auto module = torch::jit::load(test::model_path("digits_cnn").string());
         module.to(at::kDouble);
         td::evaluate(module) | td::quantize<td::Int8>(images());
       }},
      {"a model that chooses its module as it runs", td::errc::not_quantizable, quantizing("silero_vad", {{at::zeros({1, 512}), 16000}})},
      {"a model that was quantized before", td::errc::already_quantized,
       [](auto& f) {
         digits() | td::quantize<td::Int8>(images()) | td::save(f / "int8.pt");
         td::load<td::TorchScript>(f / "int8.pt") | td::quantize<td::Int8>(images());
       }},
      {"a branch that no sample takes", td::errc::never_observed,
       [](auto&) { test::load("control_flow_scripted") | td::quantize<td::Int8>(std::vector{at::ones({2, 16})}); }},
      {"samples of no rows", td::errc::never_observed, quantizing("digits_cnn", {{at::ones({0, 1, 8, 8})}})},

      {"a layer to keep in float that is not there", td::errc::override_unmatched,
       overriding({{"classifer.*", td::float32}})},
      {"a layer of no name", td::errc::override_unmatched, overriding({{"", td::float32}})},
      {"a pattern that is not closed", td::errc::override_unmatched, overriding({{"[fc", td::float32}})},
      {"a pattern that ends in an escape", td::errc::override_unmatched, overriding({{"features.0\\", td::float32}})},
      {"one pattern of two that matches nothing", td::errc::override_unmatched,
       overriding({{"*", td::int8_per_tensor}, {std::string(3000, '*') + "x", td::float32}})},
      {"a layer to keep in float, of a model that has none", td::errc::override_unmatched,
       [](auto&) { test::load("one_op") | td::quantize<td::Int8>({.overrides = {{"fc", td::float32}}}); }},
      {"an observer that gives NaN", td::errc::not_finite, observing<gives_nan>},
      {"an observer that gives infinity", td::errc::not_finite, observing<gives_infinity>},
      {"an observer that never saw anything", td::errc::never_observed, observing<gives_nothing>},
      {"an observer that throws", td::errc::calibration_raised, observing<throws_on_sight>},
      {"an observer that throws at the end", td::errc::quantization_failed, observing<throws_at_last>},

      // --- to_mobile
      {"an operator that no mobile runtime has", td::errc::not_for_mobile, for_mobile("forks.pt")},
      {"an awaitable for mobile", td::errc::not_for_mobile, for_mobile("awaits.pt")},
      {"an enum for mobile", td::errc::not_for_mobile, for_mobile("enumerates.pt")},
      {"a class of one's own for mobile", td::errc::not_for_mobile, for_mobile("own_class.pt")},
      {"a method to preserve for mobile that is not there", td::errc::preserve_unknown,
       [](auto&) { test::load("exported_methods") | td::to_mobile({.preserve = {"decod"}}); }},
      {"a mobile method that is not there", td::errc::method_missing,
       [](auto&) { mobile() | td::deploy<td::MobileRuntime>({.method = "fordward"}); }},
      {"another mobile method that is not there", td::errc::method_missing,
       [](auto&) { (void)mobile_session().method("reset"); }},
      {"a mobile call without arguments", td::errc::wrong_arguments, calling_mobile({})},
      {"a mobile call with too many arguments", td::errc::wrong_arguments, calling_mobile({one_image(), one_image()})},
      {"a mobile call with a word", td::errc::wrong_arguments, calling_mobile({"seven"})},
      {"a mobile call with None", td::errc::wrong_arguments, calling_mobile({c10::IValue()})},
      {"a mobile call with the wrong rank", td::errc::call_raised, calling_mobile({at::ones({8})})},
      {"a mobile call with the wrong channels", td::errc::call_raised, calling_mobile({at::ones({1, 3, 8, 8})})},
      {"a mobile call with the wrong dtype", td::errc::call_raised, calling_mobile({at::ones({1, 1, 8, 8}, at::kLong)})},
      {"a mobile call with an undefined tensor", td::errc::call_raised, calling_mobile({at::Tensor()})},
      {"a mobile call with a sparse tensor", td::errc::call_raised, calling_mobile({one_image().to_sparse()})},
      {"features that a traced LSTM was not made for", td::errc::call_raised,
       [](auto&) { (traced_lstm() | td::deploy<td::LibTorch>())(at::ones({2, 5, 16})); }},
      {"a batch that a traced LSTM was not made for", td::errc::call_raised,
       [](auto&) { (traced_lstm() | td::deploy<td::LibTorch>())(at::ones({64, 5, 8})); }},
      {"features that a mobile LSTM was not made for", td::errc::call_raised,
       [](auto&) { (traced_lstm() | td::to_mobile() | td::deploy<td::MobileRuntime>())(at::ones({2, 5, 16})); }},
      {"calibration on features that a traced LSTM was not made for", td::errc::calibration_raised,
       [](auto&) { traced_lstm() | td::quantize<td::Int8>(at::ones({2, 5, 16})); }},
      {"bytes in a string", td::errc::file_missing, [](auto&) { td::load<td::TorchScript>(part_of_digits(1)); }},
      {"an attribute to preserve for mobile", td::errc::preserve_unknown,
       [](auto&) { test::load("exported_methods") | td::to_mobile({.preserve = {"state"}}); }},
      {"an observer whose range is turned round", td::errc::quantization_failed, observing<gives_backwards>},
      {"a mobile call for one tensor where there are two", td::errc::not_one_tensor,
       [](auto&) {
         (test::load("two_outputs") | td::to_mobile() | td::deploy<td::MobileRuntime>())(test::noise({2, 16}).at(0));
       }},
      {"a mobile call that the model refuses", td::errc::call_raised,
       [](auto&) {
         (test::load("raises") | td::to_mobile() | td::deploy<td::MobileRuntime>())(at::full({2, 3}, -1));
       }},

      // --- prune, freeze
      {"an amount below zero", td::errc::amount_out_of_range, pruning(-0.1)},
      {"an amount above one", td::errc::amount_out_of_range, pruning(30.0)},
      {"an amount that is NaN", td::errc::amount_out_of_range, pruning(nan)},
      {"an amount without end", td::errc::amount_out_of_range, pruning(infinity)},
      {"a model without layers to prune", td::errc::nothing_to_prune,
       [](auto&) { test::load("one_op") | td::prune<td::L1>(0.3); }},
      {"a count below zero", td::errc::amount_out_of_range, pruning(td::count{-5})},
      {"a count of more than there are", td::errc::amount_out_of_range, pruning(td::count{1'000'000'000})},
      {"a layer to prune that is not there", td::errc::pattern_unmatched, pruning(0.3, {.layers = {"featurs.0"}})},
      {"a layer to prune of no name", td::errc::pattern_unmatched, pruning(0.3, {.layers = {""}})},
      {"a layer that can't be pruned", td::errc::pattern_unmatched,
       [](auto&) { test::load("embedding_mlp") | td::prune<td::L1>(0.3, {.layers = {"embed*"}}); }},
      {"a dimension that no layer has", td::errc::dimension_out_of_range, pruning(0.3, {.dimension = 7})},
      {"a dimension that linear layers lack", td::errc::dimension_out_of_range, pruning(0.3, {.dimension = 3})},
      {"a dimension too far from the end", td::errc::dimension_out_of_range, pruning(0.3, {.dimension = -5})},
      {"slices ranked over all layers", td::errc::prune_options_conflict,
       pruning(0.3, {.dimension = 0, .global = true})},
      {"a seed for what draws nothing", td::errc::prune_options_conflict, pruning(0.3, {.seed = 7})},
      {"a criterion with one number for a layer", td::errc::criterion_unusable, pruning<one_for_all>(0.3)},
      {"a criterion without an answer", td::errc::criterion_unusable, pruning<nothing_at_all>(0.3)},
      {"a criterion that gives NaN", td::errc::criterion_unusable, pruning<without_number>(0.3)},
      {"a criterion that gives NaN of slices", td::errc::criterion_unusable,
       pruning<without_number>(0.3, {.dimension = 0})},
      {"a criterion that throws", td::errc::criterion_unusable, pruning<throws_an_error>(0.3)},
      {"a criterion that throws, of all layers", td::errc::criterion_unusable,
       pruning<throws_an_error>(0.3, {.global = true})},
      {"a NaN among the weights to prune", td::errc::criterion_unusable,
       [](auto&) { with_weight(nan) | td::prune<td::L1>(0.3); }},
      {"a method to keep that is not there", td::errc::preserve_unknown,
       [](auto&) { test::load("exported_methods") | td::freeze({.preserve = {"decode"}}); }},
      {"layers that do not fit each other", td::errc::freeze_failed,
       [](auto&) {
         torch::jit::Module module("Unfit");
         module.register_parameter("weight", at::ones({4, 1, 3, 3}), false);
         module.register_buffer("mean", at::zeros({3}));
         module.register_buffer("variance", at::ones({3}));
         module.define("def forward(self, x):\n"
                       "    x = torch.conv2d(x, self.weight, None, [1, 1], [0, 0], [1, 1], 1)\n"
                       "    return torch.batch_norm(x, None, None, self.mean, self.variance, False, 0.1, 1e-5, False)\n");
         td::evaluate(module) | td::freeze();
       }},

      {"a module that nobody made", td::errc::module_unusable, [](auto&) { td::evaluate(torch::jit::Module()); }},

      // --- what the process has once, and warming up
      {"no thread", td::errc::setting_out_of_range, configuring({.threads = {.intra = 0}})},
      {"a million threads", td::errc::setting_out_of_range, configuring({.threads = {.inter = 1'000'000}})},
      {"a cache below zero", td::errc::setting_out_of_range, configuring({.primitive_cache_capacity = -1})},
      {"no thread for a session", td::errc::setting_out_of_range,
       [](auto&) { digits() | td::deploy<td::LibTorch>({.threads = {.intra = 0}}); }},
      {"no thread for a mobile session", td::errc::setting_out_of_range,
       [](auto&) { mobile() | td::deploy<td::MobileRuntime>({.threads = {.intra = -1}}); }},
      {"two numbers of threads for one process", td::errc::settings_fixed,
       [](auto&) {
         auto const threads = at::get_num_threads();
         td::configure({.threads = {.intra = threads}});
         td::configure({.threads = {.intra = threads + 1}});
       }},
      {"a cache asked for after the first call", td::errc::settings_fixed,
       [](auto&) {
         session()(one_image());
         td::configure({.primitive_cache_capacity = 3});
       }},
      {"warming up with nothing", td::errc::nothing_to_warm_up_with, warming(3, {})},
      {"warming up with no call", td::errc::setting_out_of_range, warming(0, {{one_image()}})},
      {"warming up with fewer than no call", td::errc::setting_out_of_range, warming(-3, {{one_image()}})},
      {"warming up with the wrong rank", td::errc::call_raised, warming(3, {{at::ones({8})}})},
      {"warming up with an argument too many", td::errc::wrong_arguments, warming(3, {{one_image(), one_image()}})},
      {"warming up without arguments", td::errc::wrong_arguments, warming(3, {{}})},
      {"warming up with an undefined tensor", td::errc::call_raised, warming(3, {{at::Tensor()}})},
      {"warming up with a sparse tensor", td::errc::call_raised, warming(3, {{one_image().to_sparse()}})},
      {"warming up a mobile session with nothing", td::errc::nothing_to_warm_up_with,
       [](auto&) { mobile_session().warmup(3); }},
      {"warming up a mobile session with the wrong rank", td::errc::call_raised,
       [](auto&) { mobile_session().warmup(3, {.samples = std::vector{at::ones({8})}}); }},

      // --- deploy and the session's calls
      {"a method that is not there", td::errc::method_missing,
       [](auto&) { digits() | td::deploy<td::LibTorch>({.method = "fordward"}); }},
      {"a method whose name is nearly right", td::errc::method_missing,
       [](auto&) { test::load("exported_methods") | td::deploy<td::LibTorch>({.method = "reset_state"}); }},
      {"another method that is not there", td::errc::method_missing, [](auto&) { (void)session().method("reset"); }},
      {"a call without arguments", td::errc::wrong_arguments, calling({})},
      {"a call with too many arguments", td::errc::wrong_arguments, calling({one_image(), one_image()})},
      {"a call with a word", td::errc::wrong_arguments, calling({"seven"})},
      {"a call with a number", td::errc::wrong_arguments, calling({7})},
      {"a call with None", td::errc::wrong_arguments, calling({c10::IValue()})},
      {"a call with a list", td::errc::wrong_arguments, calling({c10::List<at::Tensor>({one_image()})})},
      {"a call for one tensor where there are two", td::errc::not_one_tensor,
       [](auto&) { session_of("two_outputs")(test::noise({2, 16}).at(0)); }},
      {"a call with the wrong rank", td::errc::call_raised, calling({at::ones({8})})},
      {"a call with the wrong channels", td::errc::call_raised, calling({at::ones({1, 3, 8, 8})})},
      {"a call with the wrong dtype", td::errc::call_raised, calling({at::ones({1, 1, 8, 8}, at::kLong)})},
      {"a call with another resolution", td::errc::call_raised, calling({at::ones({1, 1, 64, 64})})},
      {"a call with an undefined tensor", td::errc::call_raised, calling({at::Tensor()})},
      {"a call with a sparse tensor", td::errc::call_raised, calling({one_image().to_sparse()})},
      {"a call with a tensor that has no data", td::errc::call_raised,
       calling({at::empty({1, 1, 8, 8}, at::device(c10::kMeta).dtype(at::kFloat))})},
      {"a call that the model refuses", td::errc::call_raised, [](auto&) { session_of("raises")(at::full({2, 3}, -1)); }},
      {"a call that asks for more memory than there is", td::errc::call_raised,
       [](auto&) {
         auto const greedy = scripted("def forward(self, x):\n    return x.expand([1000000, 1000000, 1000]).contiguous()") |
                             td::deploy<td::LibTorch>();
         greedy(at::ones({1}));
       }},
      {"a model that counts its calls, shared", td::errc::model_keeps_state,
       [](auto&) {
         torch::jit::Module counter("Counter");
         counter.register_buffer("counter", at::zeros({1}));
         counter.define("def forward(self, x):\n    self.counter.add_(1)\n    return x + self.counter\n");
         (void)(td::evaluate(counter) | td::deploy<td::LibTorch>()).share();
       }},
      {"a pool of nothing", td::errc::setting_out_of_range, [](auto&) { (void)session().pool(0); }},
      {"an input by a wrong name", td::errc::name_unknown,
       [](auto&) {
         (void)(scripted("def forward(self, image):\n    return image") | td::deploy<td::LibTorch>())
             .run_named({{"imgae", at::ones({1})}});
       }},
      {"an input that is left out", td::errc::name_unknown, [](auto&) { (void)session().run_named({}); }},
      {"an input by name, twice", td::errc::name_unknown,
       [](auto&) { (void)session().run_named({{"x", at::ones({1})}, {"x", at::ones({1})}}); }},
      {"an output of another shape to write into", td::errc::wrong_arguments,
       [](auto&) {
         std::vector<at::Tensor> results{at::empty({3})};
         session().run_into(results, test::digits(2));
       }},
      {"a call with a shape that can't be", td::errc::call_raised,
       [](auto&) {
         (scripted("def forward(self, x):\n    return x.view([-1, -1])") | td::deploy<td::LibTorch>())(at::ones({4}));
       }},
  };
  return all;
}

/// Errors of components: the lists beside this one show them.
bool of_a_component(td::errc code) {
  return code == td::errc::external_data_refused || code >= td::errc::operator_missing ||
         (code >= td::errc::conversion_failed && code <= td::errc::provider_unused);
}

TEST_CASE("each misuse ends in an error of ours, with an id and a hint") {
  CHECK(list().size() >= 190);
  test::commit(list(), [](td::errc code) { return !of_a_component(code); });
}

}  // namespace
