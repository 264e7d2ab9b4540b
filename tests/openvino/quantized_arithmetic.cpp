// Arithmetic by channel in front of a quantization: OpenVINO joins the two, and must not where that is wrong.
#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <torchdeploy/openvino/quantized_arithmetic.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include <torchdeploy/backend/openvino.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"
#include "support/openvino.hpp"
#include "support/process.hpp"

namespace {

using shape = std::vector<std::int64_t>;
constexpr std::int64_t channels = 6;
constexpr double step = 0.031;

/// `expression` of x. It may use self.q and self.up, quantizations of both signs and of what is not negative, and c, a, m and
/// n, which have a number for each channel: any, positive ones, some negative, all negative.
torch::jit::Module quantized(std::string const& expression, std::size_t rank) {
  torch::jit::Module module("Quantized");
  auto const quantization = [&](std::string const& name, int zero_point) {
    module.define("def " + name + "(self, x):\n  return torch.dequantize(torch.quantize_per_tensor(x, " +
                  std::to_string(step) + ", " + std::to_string(zero_point) + ", 13))\n");
  };
  quantization("q", 129);
  quantization("up", 0);
  std::string sizes = "[1, 6";
  for (std::size_t i = 2; i < rank; ++i) sizes += ", 1";
  std::string source = "def forward(self, x):\n";
  for (auto const& [name, numbers] :
       std::map<std::string, std::string>{{"c", "0.31, -0.77, 1.4, -0.12, 0.05, -1.9"},
                                          {"a", "0.713, 1.327, 0.559, 2.117, 0.911, 1.063"},
                                          {"m", "0.713, -1.327, -0.559, 2.117, 0.911, -1.063"},
                                          {"n", "-0.713, -1.327, -0.559, -2.117, -0.911, -1.063"}})
    source +=
        "  " + name + "_ = torch.tensor([" + numbers + "])\n  " + name + " = " + name + "_.reshape(" + sizes + "])\n";
  if (rank == 4) source += "  w = torch.diag(a_).reshape([6, 6, 1, 1])\n  y = torch.conv2d(x, w)\n";
  module.define(source + "  return " + expression + "\n");
  module.eval();
  return module;
}

auto session_of(std::shared_ptr<ov::Model const> model, td::openvino_options options = {.threads = 1}) {
  return td::artifact<td::OpenVinoIr, td::facts<td::evaluating>>({std::move(model)}) |
         td::deploy<td::OpenVino>(std::move(options));
}

shape sizes_of(std::size_t rank, std::int64_t batch, std::int64_t of = channels) {
  shape sizes{batch, of, 5, 7, 3};
  sizes.resize(rank);
  return sizes;
}

/// Which part of the numbers is another than LibTorch's: a few lie between two steps.
double differing(at::Tensor const& expected, at::Tensor const& got) {
  if (expected.sizes() != got.sizes()) return 1;
  return expected.sub(got).abs().gt(step / 2).to(at::kFloat).mean().item<double>();
}

template <class Session>
void same_as_libtorch(torch::jit::Module const& module, Session const& session, shape const& sizes) {
  auto const input = test::noise(sizes, 1, 11).front();
  auto const expected = test::forward(module, {input}).toTensor();
  INFO("batch " << sizes[0]);
  CHECK(differing(expected, session(input)) < 0.01);
  CHECK(differing(expected, session(input)) < 0.01);
}

/// With all sizes open, with six channels, and with fixed sizes.
void at_all_sizes(torch::jit::Module const& module, std::size_t rank) {
  auto const converted = [&](shape const& known) {
    auto const example = test::noise(sizes_of(rank, 2), 1).front();
    auto model = td::detail::to_openvino(module, "forward", std::vector<td::example>{{example}});
    model->reshape(ov::PartialShape(std::vector<ov::Dimension>(known.begin(), known.end())));
    return session_of(model);
  };
  shape open(rank, -1), by_channel = open;
  by_channel[1] = channels;
  auto const all_open = converted(open), channels_known = converted(by_channel);
  for (auto const batch : {1, 5}) {
    same_as_libtorch(module, all_open, sizes_of(rank, batch));
    same_as_libtorch(module, channels_known, sizes_of(rank, batch));
  }
  same_as_libtorch(module, converted(sizes_of(rank, 5)), sizes_of(rank, 5));
}

}  // namespace

TEST_CASE("a quantization of arithmetic by channel is LibTorch's, whatever of the sizes is known") {
  auto const rank = GENERATE(std::size_t{2}, 3U, 4U, 5U);
  if (!test::frees_at_once && rank != 4) return;  // AddressSanitizer: 450 models compile in four minutes
  auto const* const expression = GENERATE(
      "self.q(x + c)", "self.q(c + x)", "self.q(x - c)", "self.q(c - x)", "self.q(x * a)", "self.q(x * m)",
      "self.q(n * x)", "self.q(x / a)", "self.q(x / m)", "self.q(x + 0.3)", "self.q(x * -0.7)", "self.q(x - 0.3)",
      "self.q(x * torch.tensor([-0.7]))", "self.up(torch.relu(x + c))", "self.up(torch.relu(x * m))",
      "self.q((x - c) / a)", "self.up(torch.relu((c - x) * -0.7))", "self.up(torch.relu((x - c) / a))",
      "self.q((x + c) * m)", "self.q(x * m + c)", "self.q((x + c) * 1.3)", "self.q(self.q(x) + c)",
      "self.q(self.q(x) * a)", "self.q(self.q(x) * m)", "self.q(torch.tanh(x) + c)",
      "self.q(torch.transpose(x + c, 1, -1))", "self.q(self.q(self.q(x) + c) + c)",
      "self.q(self.q(self.q(x) + 0.3) + 0.3)", "self.q(self.q(x) * -0.713)",
      "self.up(torch.relu(self.up(torch.relu(x + 0.3)) + 0.3))", "self.q(self.q(x * m) * m)",
      "self.up(torch.relu(self.up(torch.relu(x + a)) + a))", "self.q(self.q(self.q(x + c) * n) - c) + self.q(x * m)",
      "self.q(torch.batch_norm(x, a_, c_, c_, a_, False, 0.0, 1e-5, False))",
      "self.up(torch.relu(torch.batch_norm(x, a_, c_, c_, a_, False, 0.0, 1e-5, False)))",
      "self.q(torch.batch_norm(x, m_, c_ * 0, c_ * 0, a_, False, 0.0, 1e-5, False))",
      "self.q(torch.batch_norm(self.q(x), a_ * 0 + 1, c_, c_ * 0, a_ * 0 + 1, False, 0.0, 1e-5, False))");
  DYNAMIC_SECTION(expression << ", rank " << rank) { at_all_sizes(quantized(expression, rank), rank); }
}

TEST_CASE("a quantization of arithmetic by channel behind layers is LibTorch's") {
  auto const* const expression = GENERATE(
      "self.q(torch.max_pool2d(x, [2, 2], [1, 1]) * m)", "self.up(torch.relu(torch.max_pool2d(x, [2, 2], [1, 1]) - c))",
      "self.q(torch.conv2d(x, w) * m)", "self.q(torch.conv2d(x, w, c_) * m + c)", "self.q(torch.conv2d(x, w) / m) + x",
      "self.q(y * m) + y", "self.q(y + c) * y", "self.q(torch.conv_transpose2d(x, w) * m)",
      "self.q(torch.conv2d(self.q(x * m), self.q(w)) - c)", "self.q(self.q(torch.conv2d(self.q(x), self.q(w))) * m)",
      "self.q(torch.matmul(x, x.transpose(2, 3)) / 5 * m)", "self.q(torch.sigmoid(x) * n)",
      "self.q(torch.instance_norm(x, m_, c_, None, None, True, 0.0, 1e-5, False))",
      "self.q(torch.upsample_nearest2d(x, None, [2.0, 2.0]) * m)", "self.q(torch.cat([x + c, x * m], 1))",
      "self.q(x.mean([2, 3], keepdim=True) * m)", "self.q(self.q(torch.avg_pool2d(x * m, [1, 1])) + c)",
      "self.q(torch.linear(x.mean([2, 3]), torch.diag(a_)) * m_)");
  DYNAMIC_SECTION(expression) { at_all_sizes(quantized(expression, 4), 4); }
}

TEST_CASE("one channel meets many in front of a quantization") {
  auto const* const expression = GENERATE("self.q(x + c)", "self.q(x - c)", "self.q(self.q(x) * m)", "self.q(x / a)");
  DYNAMIC_SECTION(expression) {
    auto const module = quantized(expression, 4);
    auto const session =
        td::evaluate(module, {.examples = test::noise({2, 1, 5, 7}, 1)}) | td::deploy<td::OpenVino>({.threads = 1});
    for (auto const batch : {1, 5}) {
      same_as_libtorch(module, session, sizes_of(4, batch, 1));
      same_as_libtorch(module, session, sizes_of(4, batch));
    }
  }
}

TEST_CASE("a compiled model that comes from the cache quantizes arithmetic by channel right") {
  auto const folder = std::filesystem::temp_directory_path() / ("quantized_arithmetic_" + std::to_string(::getpid()));
  auto const module = quantized("self.q(self.q(x * m) + c)", 4);
  for (auto const* const from_cache : {"0", "1"}) {
    auto const session = td::evaluate(module, {.examples = test::noise({2, channels, 5, 7}, 1)}) |
                         td::deploy<td::OpenVino>({.threads = 1, .cache = folder});
    CHECK(session.report().stages().back().detail("loaded from cache") == from_cache);
    same_as_libtorch(module, session, sizes_of(4, 5));
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("layers stay as they are, and int8, behind a sum that is kept from its quantization") {
  auto const kept = [](std::string const& name, shape const& sizes) {
    auto const artifact = test::load(name) | td::quantize<td::Int8>(test::noise(sizes, 2), {.progress = false});
    std::shared_ptr<ov::Model const> const model = td::detail::to_openvino(
        artifact.handle(), "forward", std::vector<td::example>{{test::noise(sizes, 1).front()}});
    return td::detail::quantized_arithmetic::kept_right(model) == model;
  };
  CHECK(kept("resnet18", {2, 3, 64, 64}));
  CHECK(kept("mobilenet_v2", {2, 3, 64, 64}));
  CHECK(kept("onet", {2, 3, 48, 48}));
  CHECK(kept("int8/wide_mlp", {2, 512}));
}
#endif
