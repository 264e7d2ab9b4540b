// Every runtime and precision of this build on six models, in one run on one thread: a session's call and the same call
// written by hand take turns. Runtimes that this build has not are left out.
//
//     bench_backends [--benchmark_min_time=SECONDS] [MODEL...]       SECONDS for each model, 12 unless told
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "by_hand.hpp"
#include "interleaved.hpp"

namespace td = torchdeploy;
namespace fs = std::filesystem;

namespace {

using call = std::function<tensors(at::Tensor const&)>;

struct row {
  std::string name;
  call ours, by_hand;
  double sqnr_db{};
  std::vector<double> ours_seconds{}, by_hand_seconds{};
};

struct model {
  std::string name;
  fs::path torchscript;  ///< NAME.onnx and NAME_int8.onnx, of the same weights, are beside it or in onnx/
  tensors samples;  ///< to calibrate with, and to call with
};

/// Images with structure, not noise, normalised as for ImageNet.
tensors images() {
  auto const layer = [](std::int64_t cells) {
    return at::upsample_bicubic2d(at::rand({1, 3, cells, cells}), {224, 224}, false);
  };
  tensors all;
  for (int i = 0; i < 8; ++i) {
    auto const weight = at::rand({1, 3, 1, 1});
    all.push_back((weight * layer(2 + i) + (1 - weight) * layer(4 * (2 + i)) - 0.45) / 0.225);
  }
  return all;
}

tensors digits() {
  std::ifstream in(TORCHDEPLOY_TEST_DATA "/digits_test_images.u8", std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  auto const count = static_cast<std::int64_t>(bytes.size()) / 64;
  return at::from_blob(bytes.data(), {count, 1, 8, 8}, at::kByte)
      .to(at::kFloat)
      .div(16)
      .narrow(0, 0, count / 64 * 64)
      .split(64);
}

tensors noise(at::IntArrayRef shape) {
  tensors all;
  for (int i = 0; i < 8; ++i) all.push_back(at::randn(shape));
  return all;
}

tensors words() {
  tensors all;
  for (int i = 0; i < 8; ++i) all.push_back(at::randint(1000, {1, 128}, at::kLong));
  return all;
}

double sqnr_db(tensors const& expected, tensors const& got) {
  double signal = 0, error = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    signal += expected[i].to(at::kDouble).square().sum().item<double>();
    error += (expected[i].to(at::kDouble) - got[i].to(at::kDouble)).square().sum().item<double>();
  }
  return 10 * std::log10(signal / error);
}

class contest {
 public:
  explicit contest(tensors const& samples) : samples_(samples) {}

  template <class B>
  void enter(std::string name, td::session<B> session, by_hand<B> hand) {
    auto const shared = std::make_shared<by_hand<B>>(std::move(hand));
    row entered{.name = std::move(name), .ours = {}, .by_hand = [shared](at::Tensor const& x) { return (*shared)(x); }};
    auto const results = entered.by_hand(samples_[0]);
    if (results.size() == 1)
      entered.ours = [session = std::move(session)](at::Tensor const& x) { return tensors{session(x)}; };
    else
      entered.ours = [session = std::move(session)](at::Tensor const& x) { return all_of(session.run({x})); };
    auto const expected = rows_.empty() ? results : rows_[0].by_hand(samples_[0]);
    entered.sqnr_db = sqnr_db(expected, entered.ours(samples_[0]));
    rows_.push_back(std::move(entered));
  }

  void run(double budget) {
    for (auto const& sample : samples_)  // LibTorch compiles in its first calls
      for (auto& each : rows_) (void)each.ours(sample), (void)each.by_hand(sample);
    std::mt19937 random(1);
    std::vector<std::size_t> order(rows_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    double spent = 0;
    for (std::size_t round = 0; spent < budget || round < 5; ++round) {
      auto const& sample = samples_[round % samples_.size()];
      // Each is called twice: the first brings its weights into the caches, the second is measured.
      auto const turn = [&](call const& each) {
        auto const cold = seconds([&] { each(sample); });
        auto const warm = seconds([&] { each(sample); });
        spent += cold + warm;
        return warm;
      };
      std::shuffle(order.begin(), order.end(), random);
      for (auto const i : order) {
        auto& each = rows_[i];
        if (round % 2) each.ours_seconds.push_back(turn(each.ours));
        each.by_hand_seconds.push_back(turn(each.by_hand));
        if (round % 2 == 0) each.ours_seconds.push_back(turn(each.ours));
      }
    }
  }

  void print(std::string const& title) const {
    std::printf("\n%-34s %10s %10s %13s %17s %9s\n", title.c_str(), "by hand ms", "session ms", "session/hand",
                "x frozen float32", "SQNR dB");
    for (auto const& each : rows_)
      std::printf("  %-32s %10.3f %10.3f %13.3f %17.2f %9.1f\n", each.name.c_str(), 1e3 * median(each.by_hand_seconds),
                  1e3 * median(each.ours_seconds), ratio(each.ours_seconds, each.by_hand_seconds),
                  ratio(rows_[0].by_hand_seconds, each.ours_seconds), each.sqnr_db);
    std::printf("  (%zu rounds)\n", rows_[0].ours_seconds.size());
    std::fflush(stdout);
  }

 private:
  /// Of each round by itself, so that a machine that gets slower meanwhile does not matter.
  static double ratio(std::vector<double> const& of, std::vector<double> const& to) {
    std::vector<double> all;
    for (std::size_t i = 0; i < of.size(); ++i) all.push_back(of[i] / to[i]);
    return median(all);
  }

  tensors const& samples_;
  std::vector<row> rows_;
};

auto opened(model const& of) { return td::load<td::TorchScript>(of.torchscript, {.examples = of.samples}); }

template <class B>
void enter_libtorch(contest& to, model const& of) {
  to.enter<B>("LibTorch float32", opened(of) | td::freeze() | td::deploy<B>(), {of.torchscript, true});
  auto const file = fs::temp_directory_path() / ("bench_backends_" + of.name + ".pt");
  auto session = opened(of) | td::quantize<td::Int8>(of.samples) | td::save(file) | td::deploy<B>();
  to.enter<B>("LibTorch int8", std::move(session), {file, false});
  fs::remove(file);
}

template <class B>
void enter_mobile(contest& to, model const& of) {
  auto const add = [&](std::string const& name, auto artifact) {
    auto const file = fs::temp_directory_path() / ("bench_backends_" + of.name + ".ptl");
    auto session = std::move(artifact) | td::to_mobile() | td::save(file) | td::deploy<B>();
    to.enter<B>(name, std::move(session), by_hand<B>(file));
    fs::remove(file);
  };
  add("MobileRuntime float32", opened(of) | td::freeze());
  add("MobileRuntime int8", opened(of) | td::quantize<td::Int8>(of.samples));
}

template <class B>
void enter_openvino(contest& to, model const& of) {
  if constexpr (td::available<B>) {
    auto const add = [&](std::string const& name, auto artifact, at::ScalarType precision) {
      auto session = std::move(artifact) | td::deploy<B>({.precision = precision, .threads = 1});
      auto compiled = session.executable().model();
      to.enter<B>(name, std::move(session), by_hand<B>(std::move(compiled)));
    };
    add("OpenVINO float32", opened(of), at::kFloat);
    add("OpenVINO bfloat16", opened(of), at::kBFloat16);
    add("OpenVINO int8", opened(of) | td::quantize<td::Int8>(of.samples), at::kFloat);
    add("OpenVINO int8, bfloat16", opened(of) | td::quantize<td::Int8>(of.samples), at::kBFloat16);
  }
}

template <class B>
void enter_onnx_runtime(contest& to, model const& of) {
  if constexpr (td::available<B>) {
    auto const stem = TORCHDEPLOY_MODELS "/onnx/" + of.torchscript.stem().string();
    auto const add = [&](std::string const& name, std::string const& file) {
      if (fs::exists(file))
        to.enter<B>(name, td::load<td::Onnx>(file) | td::deploy<B>({.threads = {.intra = 1}}), by_hand<B>(file));
    };
    add("ONNX Runtime float32", stem + ".onnx");
    add("ONNX Runtime int8", stem + "_int8.onnx");
    add("ONNX Runtime int8, dynamic", stem + "_dynamic_int8.onnx");
  }
}

void compare(model const& of, double budget) {
  contest all(of.samples);
  enter_libtorch<td::LibTorch>(all, of);
  enter_mobile<td::MobileRuntime>(all, of);
  enter_openvino<td::OpenVino>(all, of);
  enter_onnx_runtime<td::OnnxRuntime>(all, of);
  all.run(budget);
  all.print(of.name + " " + c10::str(of.samples[0].sizes()));
}

}  // namespace

int main(int count, char** arguments) {
  at::set_num_threads(1);
  td::quiet = true;
  at::manual_seed(0);
  double budget = 12;
  std::vector<std::string> wanted;
  for (std::string_view const each : std::vector<std::string_view>(arguments + 1, arguments + count)) {
    constexpr std::string_view time = "--benchmark_min_time=";
    if (each.starts_with(time))
      budget = std::strtod(each.data() + time.size(), nullptr);
    else if (!each.starts_with("--"))  // Google Benchmark's other options
      wanted.emplace_back(each);
  }
  fs::path const models = TORCHDEPLOY_MODELS;
  for (auto const& each :
       {model{"digits_cnn", TORCHDEPLOY_TEST_DATA "/digits_cnn.pt", digits()},
        model{"onet", models / "onet.pt", noise({8, 3, 48, 48})}, model{"resnet18", models / "resnet18.pt", images()},
        model{"mobilenet_v2", models / "mobilenet_v2.pt", images()},
        model{"encoder", models / "onnx/encoder.pt", words()},
        model{"mlp_wide", models / "onnx/mlp_wide.pt", noise({64, 512})}})
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), each.name) != wanted.end()) compare(each, budget);
}
