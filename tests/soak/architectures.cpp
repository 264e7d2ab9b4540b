// What export_onnx makes of whole architectures, beside Python's exporter: .deps/models/architectures/, made by
// script/architectures. Each file in a process of its own, within a time limit.
//
//     soak_architectures [--save FOLDER] [--openvino 0] [COUNT | NAME ...]
//
// Each is exported with the batch open, and run in ONNX Runtime and OpenVINO at batches 2, 1 and 3; and, where other sizes
// may vary, again with those open and run at others. Not 0 when a file that was made computes something else than LibTorch,
// is refused by a runtime, or something crashed.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <torchdeploy/torchdeploy.hpp>

#include "support/exported.hpp"
#include "support/models.hpp"

namespace {

using onnx_artifact = td::artifact<td::Onnx, td::facts<td::evaluating>>;

constexpr unsigned seconds_for_each = 240;
constexpr double tolerance = 1e-4;  // of an output's largest value
constexpr double least_db = 90;

struct case_file {
  std::filesystem::path model{};
  std::vector<td::example> inputs{};
  std::map<std::string, std::map<std::int64_t, std::string>> batch{}, all{};
  std::vector<std::size_t> valid{};  ///< indexes of the inputs that a trace was not made for other sizes than
  c10::IValue python{};
};

std::string name_of(std::filesystem::path const& model) {
  return model.parent_path().filename().string() + "/" + model.stem().string();
}

case_file read_case(std::filesystem::path const& model) {
  auto const content = torch::jit::pickle_load(test::bytes_of(model.parent_path() / "case.pt"));
  case_file made{model};
  for (auto const& each : test::list_at(content, "inputs")) {
    auto const tensors = each.isTuple() ? each.toTupleRef().elements().vec() : each.toListRef().vec();
    made.inputs.emplace_back(tensors.begin(), tensors.end());
  }
  for (auto const& each : test::list_at(content, "axes")) {
    auto const& axis = each.toListRef();
    auto const input = "input_" + std::to_string(axis[0].toInt());
    made.all[input][axis[1].toInt()] = axis[2].toStringRef();
    if (axis[2].toStringRef() == "batch") made.batch[input][axis[1].toInt()] = "batch";
  }
  auto const form = content.toGenericDict().at("forms").toGenericDict().at(model.stem().string());
  for (auto const& each : test::list_at(form, "valid")) made.valid.push_back(static_cast<std::size_t>(each.toInt()));
  made.python = form.toGenericDict().at("python");
  return made;
}

/// How far two results are apart: why they can't be compared, or the difference and the SQNR.
struct distance {
  std::string why{};
  double share = 0, db = std::numeric_limits<double>::infinity();
  /// A net may be one that amplifies rounding: then LibTorch's own float32 is as far from float64.
  [[nodiscard]] bool is_wrong(distance const& rounding) const {
    return !why.empty() || !(share <= std::max(tolerance, 4 * rounding.share)) ||
           db < std::min(least_db, rounding.db - 12);
  }
  [[nodiscard]] std::string text() const {
    if (!why.empty()) return why;
    std::array<char, 64> line{};
    std::snprintf(line.data(), line.size(), "%.1e of the largest value, %.0f dB", share, db);
    return line.data();
  }
};
c10::IValue forward(torch::jit::Module model, td::example inputs) { return model.forward(std::move(inputs)); }

distance between(c10::IValue const& expected, c10::IValue const& got) {
  distance found;
  auto const wanted = test::leaves(expected), made = test::leaves(got);
  if (wanted.size() != made.size()) {
    found.why = std::to_string(made.size()) + " outputs instead of " + std::to_string(wanted.size());
    return found;
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto const &a = wanted[i], &b = made[i];
    if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) {
      found.why = "output " + std::to_string(i) + " is " + toString(b.scalar_type()) +
                  td::detail::dims_text(b.sizes().vec()) + " instead of " + toString(a.scalar_type()) +
                  td::detail::dims_text(a.sizes().vec());
      return found;
    }
    if (a.numel() == 0 || at::equal(a, b)) continue;
    auto const x = a.to(at::kDouble), y = b.to(at::kDouble);
    auto const share = ((x - y).abs().max() / x.abs().max()).item<double>();
    found.share = std::isfinite(share) ? std::max(found.share, share) : std::numeric_limits<double>::infinity();
    found.db = std::min(found.db, test::sqnr_db(x, y));
  }
  return found;
}

/// How far LibTorch's results are from those in float64; nothing where the model has no such form.
distance rounding_of(torch::jit::Module const& model, td::example const& inputs) {
  try {
    auto in_double = model.deepcopy();
    in_double.to(at::kDouble);
    auto doubled = td::detail::copy_of(inputs);
    for (auto& each : doubled)
      if (each.toTensor().is_floating_point()) each = each.toTensor().to(at::kDouble);
    std::vector<c10::IValue> results;
    for (auto const& leaf : test::leaves(forward(in_double, doubled)))
      results.push_back(leaf.scalar_type() == at::kDouble ? leaf.to(at::kFloat) : leaf);
    auto const found =
        between(forward(model.deepcopy(), td::detail::copy_of(inputs)), c10::ivalue::Tuple::create(results));
    if (found.why.empty() && std::isfinite(found.share)) return found;
  } catch (std::exception const&) {
  }
  return {};
}

struct outcome {
  enum kind : int { equal, refused, unrunnable, wrong } result = equal;
  std::string why{};
};

std::string text_of(std::exception const& failure) {
  std::string text = failure.what();
  try {
    std::rethrow_if_nested(failure);
  } catch (std::exception const& nested) {
    text += " | " + std::string(nested.what());
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.substr(0, 400);
}

template <class Runtime>
outcome compared(char const* runtime, onnx_artifact const& model, torch::jit::Module const& reference,
                 std::vector<td::example> const& sizes) {
  try {
    auto const session = model.clone() | td::deploy<Runtime>({.threads = 1});
    for (auto const& each : sizes) {
      auto const expected = forward(reference.deepcopy(), td::detail::copy_of(each));
      auto const found = between(expected, session.run(td::detail::copy_of(each)));
      if (!found.is_wrong({}) || !found.is_wrong(rounding_of(reference, each))) continue;
      std::string shapes;
      for (auto const& input : each) shapes += " " + td::detail::dims_text(input.toTensor().sizes().vec());
      return {outcome::wrong, std::string(runtime) + " with" + shapes + ": " + found.text()};
    }
  } catch (std::exception const& failure) {
    return {outcome::unrunnable, std::string(runtime) + ": " + text_of(failure)};
  }
  return {};
}

struct figures {
  double seconds = 0;
  std::size_t nodes = 0, bytes = 0;
};

struct settings {
  std::filesystem::path save{};
  bool openvino = true;
};

outcome exported(case_file const& file, bool all_open, settings const& asked, figures& found) {
  td::export_onnx_options options{.dynamic_axes = all_open ? file.all : file.batch,
                                  .samples = std::vector<td::example>{file.inputs[0]}};
  for (std::size_t i = 0; i < file.inputs[0].size(); ++i) options.inputs.push_back("input_" + std::to_string(i));
  std::optional<onnx_artifact> model;
  auto const source = td::load<td::TorchScript>(file.model);
  try {
    auto const start = std::chrono::steady_clock::now();
    model = source.clone() | td::export_onnx(options);
    found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  } catch (td::export_error const& failure) {
    return {outcome::refused, text_of(failure)};
  }
  found.nodes = model->handle().summary->nodes();
  found.bytes = td::Onnx::bytes(model->handle());
  if (!asked.save.empty()) {
    auto name = name_of(file.model) + (all_open ? "_open" : "");
    std::replace(name.begin(), name.end(), '/', '.');
    model->clone() | td::save(asked.save / (name + ".onnx"));
  }
  std::vector<td::example> sizes;
  for (auto const i : file.valid)
    if (all_open || i < 3) sizes.push_back(file.inputs[i]);
  auto result = compared<td::OnnxRuntime>("ONNX Runtime", *model, source.handle(), sizes);
  if (result.result == outcome::equal && asked.openvino)
    result = compared<td::OpenVino>("OpenVINO", *model, source.handle(), sizes);
  return result;
}

/// In the child. A line of the table, and what went wrong.
outcome tried(std::filesystem::path const& model, settings const& asked) {
  c10::NoGradGuard const no_gradients;  // and no InferenceMode: in that no module can be made one of float64
  auto const file = read_case(model);
  figures ours, ignored;
  auto result = exported(file, false, asked, ours);
  std::string open = "-";
  if (file.all != file.batch &&
      std::any_of(file.valid.begin(), file.valid.end(), [](std::size_t i) { return i > 2; }) &&
      result.result == outcome::equal) {
    result = exported(file, true, asked, ignored);
    open = result.result == outcome::equal ? "ok" : "see below";
    if (!result.why.empty()) result.why = "with all sizes open: " + result.why;
  }
  auto const python = file.python.toGenericDict();
  bool const python_equal = python.at("equal").toBool();
  constexpr std::array words{"ok", "refused", "FAILS", "WRONG"};
  std::printf("%-42s %-8s %-9s %7.0f %5zu %8.0f | %-8s %7.0f %5lld %8.0f\n", name_of(model).c_str(),
              words[result.result], open.c_str(), ours.seconds * 1e3, ours.nodes, static_cast<double>(ours.bytes) / 1e3,
              python_equal                     ? "ok"
              : python.at("exported").toBool() ? "fails"
                                               : "refused",
              python.at("seconds").toDouble() * 1e3, static_cast<long long>(python.at("nodes").toInt()),
              static_cast<double>(python.at("bytes").toInt()) / 1e3);
  if (!result.why.empty()) std::printf("    %s\n", result.why.c_str());
  if (!python_equal && result.result == outcome::equal)
    std::printf("    Python: %s\n", python.at("error").toStringRef().substr(0, 160).c_str());
  std::fflush(stdout);
  return result;
}

}  // namespace

int main(int count, char** arguments) {
  settings asked;
  std::size_t most = std::numeric_limits<std::size_t>::max();
  std::vector<std::string> names;
  for (int i = 1; i < count; ++i) {
    std::string const word = arguments[i];
    if (word == "--save" && i + 1 < count) {
      asked.save = arguments[++i];
      std::filesystem::create_directories(asked.save);
    } else if (word == "--openvino" && i + 1 < count) {
      asked.openvino = std::string(arguments[++i]) != "0";
    } else if (word.find_first_not_of("0123456789") == std::string::npos) {
      most = std::stoul(word);
    } else {
      names.push_back(word);
    }
  }
  std::filesystem::path const folder = TORCHDEPLOY_MODELS "/architectures";
  std::vector<std::filesystem::path> models;
  if (std::filesystem::exists(folder))
    for (auto const& each : std::filesystem::recursive_directory_iterator(folder)) {
      auto const& path = each.path();
      auto const is_asked = [&](std::string const& name) {
        return name == path.parent_path().filename() || name == name_of(path);
      };
      if ((path.filename() == "traced.pt" || path.filename() == "scripted.pt") &&
          std::filesystem::exists(path.parent_path() / "case.pt") &&
          (names.empty() || std::any_of(names.begin(), names.end(), is_asked)))
        models.push_back(path);
    }
  std::sort(models.begin(), models.end());
  if (models.size() > most) models.resize(most);
  if (models.empty()) std::puts("no architectures: script/architectures makes them");

  std::printf("%-42s %-8s %-9s %7s %5s %8s | %-8s %7s %5s %8s\n", "", "", "all open", "ms", "nodes", "kB", "Python",
              "ms", "nodes", "kB");
  std::array<int, 4> outcomes{};
  int crashed = 0;
  for (auto const& model : models) {
    std::fflush(stdout);
    auto const child = ::fork();  // before this process has run any operator: LibTorch's threads don't survive a fork
    if (child == 0) {
      ::alarm(seconds_for_each);
      int result = 100;
      try {
        result = tried(model, asked).result;
      } catch (std::exception const& failure) {
        std::printf("%-42s FAILS\n    %s\n", name_of(model).c_str(), text_of(failure).c_str());
        std::fflush(stdout);
      }
      std::_Exit(result);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) < 4) {
      ++outcomes[static_cast<std::size_t>(WEXITSTATUS(status))];
      continue;
    }
    ++crashed;
    if (WIFSIGNALED(status)) std::printf("%-42s CRASHED by signal %d\n", name_of(model).c_str(), WTERMSIG(status));
  }
  std::printf("%zu files: %d equal, %d refused, %d that a runtime refuses, %d wrong, %d crashed\n", models.size(),
              outcomes[outcome::equal], outcomes[outcome::refused], outcomes[outcome::unrunnable],
              outcomes[outcome::wrong], crashed);
  return outcomes[outcome::unrunnable] + outcomes[outcome::wrong] + crashed != 0;
}
