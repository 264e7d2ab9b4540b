#include <torchdeploy/backend/onnx_runtime.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <torchdeploy/backend/libtorch.hpp>
#include <torchdeploy/stage/export_onnx.hpp>
#include <torchdeploy/stage/load.hpp>

#include "support/images.hpp"
#include "support/memory.hpp"
#include "support/models.hpp"
#include "support/process.hpp"

static_assert(td::backend<td::OnnxRuntime> && std::is_same_v<td::OnnxRuntime::consumes, td::Onnx>);

static_assert(td::available<td::OnnxRuntime>);

#include "support/onnx_models.hpp"

namespace {

namespace fs = std::filesystem;
namespace onnx = test::onnx;
namespace pb = td::detail;
using Catch::Approx;

auto load(std::string const& name) { return td::load<td::Onnx>(onnx::path(name)); }
auto deployed(std::string const& name, td::onnx_runtime_options const& options = {}) {
  return load(name) | td::deploy<td::OnnxRuntime>(options);
}
auto deployed_graph(std::string const& graph, td::onnx_runtime_options const& options = {}) {
  return onnx::load(onnx::model(graph).text()) | td::deploy<td::OnnxRuntime>(options);
}
auto libtorch(std::string const& name) { return td::load<td::TorchScript>(name) | td::deploy<td::LibTorch>(); }
std::string torchscript_of(std::string const& name) {
  auto const own = TORCHDEPLOY_MODELS "/onnx/" + name + ".pt";
  return fs::exists(own) ? own : test::model_path(name).string();
}

at::Tensor images(std::int64_t count, std::int64_t size = 224) { return test::noise({count, 3, size, size}, 1)[0]; }
at::Tensor tokens(std::int64_t count, std::int64_t length, std::int64_t words) {
  return at::randint(words, {count, length}, at::make_generator<at::CPUGeneratorImpl>(7), at::kLong);
}

/// In dB, of all results.
double agreement(std::string const& onnx_name, std::string const& name, at::Tensor const& input) {
  auto const wanted = test::flat(libtorch(torchscript_of(name)).run({input}));
  auto const got = test::flat(deployed(onnx_name).run({input}));
  REQUIRE(wanted.size() == got.size());
  double least = 1e9;
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].sizes() == wanted[i].sizes());
    least = std::min(least, test::sqnr_db(wanted[i], got[i]));
  }
  return least;
}
double agreement(std::string const& name, at::Tensor const& input) { return agreement(name, name, input); }

/// Where x is not 0: the shape depends on values, so it can't be known before.
std::string nonzero() {
  auto const shape = onnx::message().bytes(pb::onnx_tensor_shape::dim, "").bytes(pb::onnx_tensor_shape::dim, "");
  auto const tensor = onnx::message()
                          .number(pb::onnx_type_tensor::elem_type, onnx::int64)
                          .bytes(pb::onnx_type_tensor::shape, shape.text());
  return onnx::graph({onnx::node("NonZero", {"x"}, {"y"})}, {onnx::value("x")},
                     {onnx::value("y", onnx::message().bytes(pb::onnx_type::tensor_type, tensor.text()).text())});
}

/// y = op(x), of a type.
std::string unary(std::string const& op, std::int64_t type, onnx::sizes const& shape) {
  return onnx::graph({onnx::node(op, {"x"}, {"y"})}, {onnx::value("x", onnx::tensor_type(type, shape))},
                     {onnx::value("y", onnx::tensor_type(type, shape))});
}

}  // namespace

TEST_CASE("ONNX Runtime agrees with LibTorch at any batch size") {
  for (std::int64_t const batch : {1, 5, 8}) {
    INFO("batch " << batch);
    CHECK(agreement("digits_cnn", test::digits(batch)) >= 100);
    CHECK(agreement("onet", test::noise({batch, 3, 48, 48}, 1)[0]) >= 100);
    CHECK(agreement("two_outputs", test::noise({batch, 16}, 1)[0]) >= 100);
    CHECK(agreement("embedding_mlp", tokens(batch, 6, 50)) >= 100);
    CHECK(agreement("gru_scripted", test::noise({batch, 5, 8}, 1)[0]) >= 100);
    CHECK(agreement("mlp_wide", test::noise({batch, 512}, 1)[0]) >= 100);
    CHECK(agreement("resnet18", images(batch)) >= 100);
    CHECK(agreement("mobilenet_v2", images(batch)) >= 100);
    CHECK(agreement("encoder", tokens(batch, 128, 1000)) >= 100);
  }
  CHECK(agreement("resnet18", images(2, 160)) >= 100);
  CHECK(agreement("encoder", tokens(2, 17, 1000)) >= 100);
}

TEST_CASE("ONNX Runtime takes both ways of an if") {
  auto const inputs = test::noise({2, 16});
  for (auto const& each : inputs) {
    CHECK(agreement("control_flow_scripted", each) >= 100);
    CHECK(agreement("control_flow_scripted", each.abs()) >= 100);
    CHECK(agreement("control_flow_scripted", -each.abs()) >= 100);
  }
  auto const loop = deployed("loop");
  CHECK(loop(at::scalar_tensor(3, at::kLong), at::ones({4})).equal(at::full({4}, 8.0)));
  auto const x = at::ones({4});
  auto const untouched = loop(at::scalar_tensor(0, at::kLong), x);  // no turn: y is x
  CHECK(untouched.equal(x));
  CHECK(untouched.data_ptr() != x.data_ptr());
  for (std::int64_t const turns : {0, 3}) {
    std::array results{at::empty({4})};
    auto const* const place = results[0].data_ptr();
    loop.run_into(results, at::scalar_tensor(turns, at::kLong), x);
    CHECK(results[0].data_ptr() == place);
    CHECK(results[0].equal(at::full({4}, turns == 0 ? 1.0 : 8.0)));
  }
}

TEST_CASE("quantized ONNX models run near their float originals") {
  CHECK(agreement("digits_cnn_int8", "digits_cnn", test::digits(8)) >= 30);
  CHECK(agreement("mlp_wide_int8", "mlp_wide", test::noise({8, 512}, 1)[0]) >= 30);
  CHECK(agreement("mlp_wide_dynamic_int8", "mlp_wide", test::noise({8, 512}, 1)[0]) >= 30);
  CHECK(agreement("encoder_dynamic_int8", "encoder", tokens(2, 128, 1000)) >= 30);
  CHECK(agreement("resnet18_int8", "resnet18", test::photos(8)) >= 30);
}

TEST_CASE("silero-vad says on ONNX Runtime what it says on LibTorch, chunk after chunk of one stream") {
  auto const vad = deployed("silero_vad");
  CHECK(vad.inputs()[2].shape->empty());
  auto const stream = libtorch(test::model_path("silero_vad").string());
  // hoarse vowels between silences: harmonics of 140 Hz with formants at 700 and 1,200 Hz
  auto const t = at::arange(12 * 512, at::kFloat) / 16000;
  auto wave = at::randn(t.sizes(), at::make_generator<at::CPUGeneratorImpl>(1)) * 0.003;
  for (int n = 1; n < 25; ++n) {
    auto const formant =
        std::exp(-std::pow((140 * n - 700) / 200.0, 2)) + std::exp(-std::pow((140 * n - 1200) / 300.0, 2));
    wave += 0.15 * (formant + 0.05) * at::sin(t * (2 * 3.14159265 * 140 * n));
  }
  wave *= (at::sin(t * 20) > -0.3).to(at::kFloat);
  auto state = at::zeros({2, 1, 128}),
       before = at::zeros({1, 64});  // the end of the chunk before, which the .jit keeps
  double least = 1, most = 0;
  for (auto const& chunk : wave.view({12, 1, 512}).unbind()) {
    auto const wanted = stream.run({chunk, 16000}).toTensor();
    auto const both = vad.run_named(
        {{"input", at::cat({before, chunk}, 1)}, {"state", state}, {"sr", at::scalar_tensor(16000, at::kLong)}});
    REQUIRE(both.size() == 2);
    CHECK(both[0].name == "output");
    CHECK(at::allclose(both[0].tensor, wanted, 1e-4, 1e-5));
    least = std::min(least, wanted.item<double>());
    most = std::max(most, wanted.item<double>());
    state = both[1].tensor;
    before = chunk.narrow(1, 448, 64);
  }
  CHECK(most - least > 0.3);  // it is not one number all along
}

TEST_CASE("magika tells kinds of files apart on ONNX Runtime") {
  auto const magika = deployed("magika");
  // the first and the last 1,024 bytes without white space around them, filled up with 256
  auto const kind = [&](std::string text) {
    text = text.substr(text.find_first_not_of(" \n"));
    text.erase(text.find_last_not_of(" \n") + 1);
    auto tokens = at::full({1, 2048}, 256, at::kInt);
    auto const count = std::min<std::size_t>(text.size(), 1024);
    for (std::size_t i = 0; i < count; ++i) {
      tokens[0][static_cast<std::int64_t>(i)] = static_cast<unsigned char>(text[i]);
      tokens[0][static_cast<std::int64_t>(2048 - count + i)] =
          static_cast<unsigned char>(text[text.size() - count + i]);
    }
    auto const labels = magika(tokens);
    REQUIRE(labels.sizes() == at::IntArrayRef({1, 214}));
    CHECK(at::allclose(labels.sum(1), at::ones({1})));
    auto const [sure, which] = labels.max(1);
    CHECK(sure.item<float>() > 0.95);
    return which.item<std::int64_t>();
  };
  auto const file = [](std::string const& path) {
    auto const bytes = test::bytes_of(path);
    return std::string(bytes.begin(), bytes.end());
  };
  // the places of "cpp", "markdown" and "pytorch" in the list of labels that comes with the model
  CHECK(kind(file(TORCHDEPLOY_INCLUDE "/torchdeploy/backend/libtorch.hpp")) == 26);
  CHECK(kind(file(TORCHDEPLOY_DOCS "/errors.md")) == 100);
  CHECK(kind(file(test::model_path("digits_cnn").string())) == 145);
}

TEST_CASE("a scripted branch in a loop that export_onnx wrote runs on ONNX Runtime as on LibTorch, at any batch") {
  auto const module = test::scripted(
      "def forward(self, x):\n    for i in range(x.size(1)):\n        if bool(x[:, i].sum() > 0):\n            x = x - "
      "0.5\n"
      "        else:\n            x = x * 2 + 1\n    return x");
  auto const session =
      td::evaluate(module, {.examples = test::noise({2, 6}, 1)}) | td::export_onnx() | td::deploy<td::OnnxRuntime>();
  for (std::int64_t const batch : {1, 5, 8})
    for (auto const& x : test::noise({batch, 6}, 4))
      for (auto const& each : {x, x.abs(), -x.abs()})
        CHECK(test::sqnr_db(test::forward(module, {each}).toTensor(), session(each)) >= 100);
}

TEST_CASE("ONNX models from elsewhere run") {
  auto const x = test::noise({3, 16}, 1)[0];
  CHECK(at::allclose(deployed("contributed")(x), at::gelu(x), 1e-4, 1e-5));
  CHECK(deployed("own_function")(at::ones({2, 4})).equal(at::full({2, 4}, 7.0)));
  CHECK(deployed("narrow_types")(at::zeros({1, 4}))
            .equal(2 * at::tensor({0.5, -1.0, 2.0, 0.25}).to(at::kFloat).view({1, 4})));
  CHECK(deployed("int4_weights")(x).sizes() == at::IntArrayRef({3, 4}));
  CHECK(deployed("digits_cnn_ir3").inputs().size() == 1);
  CHECK(agreement("digits_cnn_ir3", "digits_cnn", test::digits(3)) >= 100);
}

TEST_CASE("ONNX Runtime reads external data from the model's folder") {
  CHECK(agreement("mlp_wide_external", "mlp_wide", test::noise({2, 512}, 1)[0]) >= 100);
}

TEST_CASE("a session of ONNX Runtime tells what it takes and gives") {
  auto const session = deployed("digits_cnn");
  REQUIRE(session.inputs().size() == 1);
  CHECK(td::to_text(session.inputs()[0]) == "input: float32 [?, 1, 8, 8]");
  CHECK(td::to_text(session.outputs()[0]) == "output: float32 [?, 10]");
  CHECK(session.state().empty());
  CHECK(session.share()(test::digits(1)).equal(session(test::digits(1))));
  CHECK(session.pool(3).size() == 3);
  auto const fixed = deployed("digits_cnn", {.free_dimensions = {{"batch", 4}}});
  CHECK(td::to_text(fixed.inputs()[0]) == "input: float32 [4, 1, 8, 8]");
  CHECK(td::to_text(fixed.outputs()[0]) == "output: float32 [4, 10]");
  CHECK(at::allclose(fixed(test::digits(4)), session(test::digits(4)), 1e-4, 1e-5));
  CHECK(test::failure_of<td::backend_error>([&] { fixed(test::digits(1)); }).code == td::errc::wrong_arguments);
}

TEST_CASE("the first backend that takes ONNX is ONNX Runtime") {
  using any = td::first_available<td::OnnxRuntime, td::LibTorch>;
  auto const x = test::digits(2);
  auto const one = load("digits_cnn") | td::deploy<any>();
  auto const other = test::load("digits_cnn") | td::deploy<any>();
  static_assert(std::is_same_v<decltype(one), td::session<td::OnnxRuntime> const>);
  static_assert(std::is_same_v<decltype(other), td::session<td::LibTorch> const>);
  CHECK(test::sqnr_db(other(x), one(x)) >= 100);
}

TEST_CASE("tensors of every type go through ONNX Runtime") {
  for (std::int64_t type = 1; type < 24; ++type) {
    auto const* const known = pb::data_type_of(type);
    if (!known->dtype) continue;
    INFO(known->name);
    auto const model = onnx::model(unary("Identity", type, {-1, 4}).data(), 21, 10).text();
    if (at::isComplexType(*known->dtype)) {
      auto const failure = test::failure_of<td::error>([&] { onnx::load(model) | td::deploy<td::OnnxRuntime>(); });
      CHECK(failure.code == td::errc::compile_failed);
      continue;
    }
    auto const session = onnx::load(model) | td::deploy<td::OnnxRuntime>();
    CHECK(session.inputs()[0].dtype == known->dtype);
    auto const bytes = known->bits / 8;
    auto const x = at::arange(3 * 4 * bytes, at::kByte).remainder(2).view({3, 4 * bytes}).view(*known->dtype);
    auto const y = session(x);
    CHECK(y.scalar_type() == *known->dtype);
    CHECK(y.sizes() == x.sizes());
    CHECK(y.view(at::kByte).equal(x.view(at::kByte)));
  }
}

TEST_CASE("ONNX Runtime takes empty tensors and scalars") {
  auto const session = onnx::load(onnx::relu()) | td::deploy<td::OnnxRuntime>();
  CHECK(session(at::empty({0, 4})).sizes() == at::IntArrayRef({0, 4}));
  CHECK(deployed("digits_cnn")(test::digits(0)).sizes() == at::IntArrayRef({0, 10}));
  auto const scalar = deployed_graph(unary("Neg", onnx::float32, {}));
  auto const y = scalar(at::scalar_tensor(3.0));
  CHECK(y.dim() == 0);
  CHECK(y.item<float>() == -3);
}

TEST_CASE("ONNX Runtime writes into the caller's tensors, without a copy") {
  auto const session = deployed("two_outputs");
  auto const x = test::noise({3, 16}, 1)[0];
  std::array results{at::full({3, 4}, 7.0), at::Tensor()};
  auto const* const place = results[0].data_ptr();
  session.run_into(results, x);
  CHECK(results[0].data_ptr() == place);
  auto const wanted = session.run({x}).toTupleRef().elements();
  CHECK(results[0].equal(wanted[0].toTensor()));
  CHECK(results[1].equal(wanted[1].toTensor()));

  auto const refuses = [&](at::Tensor first, at::Tensor second) {
    std::array<at::Tensor, 2> wrong{first, second};
    auto const failure = test::failure_of<td::backend_error>([&] { session.run_into(wrong, x); });
    CHECK(failure.code == td::errc::wrong_arguments);
    return failure.text;
  };
  CHECK_THAT(refuses(at::empty({2, 4}), {}), ContainsSubstring("output_0: float32 [3, 4], got float32 [2, 4]"));
  refuses(at::empty({3, 5}), {});
  refuses(at::empty({4, 3}).t(), {});
  refuses(at::empty({3, 4}, at::kDouble), {});
  auto const same = at::empty({3, 4});
  CHECK_THAT(refuses(same, same.flatten().slice(0, 0, 6).view({3, 2})), ContainsSubstring("memory of its own"));
}

TEST_CASE("results that ONNX Runtime allocates outlive the session") {
  at::Tensor kept;
  {
    auto const session = deployed_graph(nonzero());
    kept = session(at::eye(4));
    std::array results{at::empty({2, 4}, at::kLong)};
    auto const* const place = results[0].data_ptr();
    session.run_into(results, at::eye(4));
    CHECK(results[0].data_ptr() == place);
    CHECK(results[0].equal(kept));
    CHECK(session(at::ones({3, 4})).sizes() == at::IntArrayRef({2, 12}));
    CHECK(session(at::zeros({3, 4})).sizes() == at::IntArrayRef({2, 0}));
    results[0] = at::empty({2, 3}, at::kLong);
    auto const failure = test::failure_of<td::backend_error>([&] { session.run_into(results, at::eye(4)); });
    CHECK(failure.code == td::errc::wrong_arguments);
    CHECK_THAT(failure.text, ContainsSubstring("y: int64 [2, 4], got int64 [2, 3]"));
    for (int i = 0; i < 100; ++i) session(at::eye(4));
  }
  CHECK(kept.equal(at::arange(4).expand({2, 4})));
  kept.fill_(1);
}

TEST_CASE("an output that is an input belongs to the caller too") {
  auto const graph =
      onnx::graph({onnx::node("Relu", {"x"}, {"y"})}, {onnx::value("x")}, {onnx::value("x"), onnx::value("y")});
  auto const session = deployed_graph(graph);
  auto const x = test::noise({2, 4}, 1)[0];
  auto both = session.run_named({{"x", x}});
  CHECK(both[0].tensor.equal(x));
  CHECK(both[0].tensor.data_ptr() != x.data_ptr());
  CHECK(both[1].tensor.equal(x.relu()));
  std::array results{at::zeros({2, 4}), at::zeros({2, 4})};
  auto const* const place = results[0].data_ptr();
  session.run_into(results, x);
  CHECK(results[0].data_ptr() == place);
  CHECK(results[0].equal(x));

  auto const alone = deployed_graph(onnx::graph({}, {onnx::value("x")}, {onnx::value("x")}));
  CHECK(alone(x).equal(x));
}

TEST_CASE("weights that are outputs are copies of the caller's own") {
  auto const one = onnx::tensor("c", onnx::int64, {3}, onnx::raw({1, 2, 3})).text();
  auto const graph = onnx::graph({onnx::node("Relu", {"x"}, {"y"})}, {onnx::value("x")},
                                 {onnx::value("y"), onnx::value("c", onnx::tensor_type(onnx::int64, {3}))}, {one});
  auto const session = deployed_graph(graph);
  auto const x = at::ones({1, 4});
  session.run({x}).toTupleRef().elements()[1].toTensor().fill_(9);
  CHECK(session.run({x}).toTupleRef().elements()[1].toTensor().equal(at::arange(1, 4)));
}

TEST_CASE("a model that is wrong about the shapes of its outputs still runs") {
  // y is x's elements in a shape that is given, and the file says that it has n rows of 4, as x
  auto const graph =
      onnx::graph({onnx::node("Reshape", {"x", "shape"}, {"y"})},
                  {onnx::value("x"), onnx::value("shape", onnx::tensor_type(onnx::int64, {2}))}, {onnx::value("y")});
  auto const session = deployed_graph(graph);
  auto const x = at::arange(32, at::kFloat).view({8, 4});
  auto const shape = at::tensor({4, 8}, at::kLong);
  for (int i = 0; i < 3; ++i) CHECK(session(x, shape).equal(x.view({4, 8})));
  CHECK(session(x, at::tensor({8, 4}, at::kLong)).equal(x));
  std::array results{at::empty({8, 4})};
  CHECK(test::failure_of<td::backend_error>([&] { session.run_into(results, x, shape); }).code ==
        td::errc::wrong_arguments);

  // two inputs with the same name for a size, of which one is broadcast
  auto const sum =
      onnx::graph({onnx::node("Add", {"a", "b"}, {"y"})}, {onnx::value("a"), onnx::value("b")}, {onnx::value("y")});
  auto const add = deployed_graph(sum);
  std::array sums{at::empty({3, 4})};
  add.run_into(sums, at::ones({1, 4}), at::ones({3, 4}));
  CHECK(sums[0].equal(at::full({3, 4}, 2.0)));
  CHECK(add(at::ones({1, 4}), at::ones({3, 4})).equal(at::full({3, 4}, 2.0)));
  CHECK(add(at::ones({3, 4}), at::ones({3, 4})).equal(at::full({3, 4}, 2.0)));
}

TEST_CASE("what ONNX Runtime throws at a call becomes one of ours") {
  auto const graph = onnx::graph({onnx::node("Reshape", {"x", "shape"}, {"y"})},
                                 {onnx::value("x"), onnx::value("shape", onnx::tensor_type(onnx::int64, {2}))},
                                 {onnx::value("y", onnx::tensor_type(onnx::float32, {-1, -1}))});
  auto const session = deployed_graph(graph);
  auto const failure = test::failure_of<td::backend_error>([&] {
    session(at::ones({2, 4}), at::tensor({3, 3}, at::kLong));
  });
  CHECK(failure.code == td::errc::call_raised);
  CHECK_THAT(failure.text, ContainsSubstring("ONNX Runtime raised: "));
  CHECK_FALSE(failure.nested.empty());
}

TEST_CASE("execution providers are strict unless told otherwise") {
  CHECK(deployed("digits_cnn").executable().providers().size() == 1);
  auto const cpu = deployed("digits_cnn", {.providers = {"CPUExecutionProvider"}});
  REQUIRE(cpu.executable().providers().size() == 1);
  CHECK(cpu.executable().providers()[0].name == "CPUExecutionProvider");
  CHECK(cpu.executable().providers()[0].nodes > 0);
  CHECK(cpu.executable().providers()[0].nodes <= load("digits_cnn").handle().summary->nodes());
  CHECK(cpu.report().find("deploy")->detail("CPUExecutionProvider") ==
        std::to_string(cpu.executable().providers()[0].nodes) + " nodes");
  CHECK(cpu.report().find("deploy")->detail("runtime").starts_with("ONNX Runtime "));

  td::onnx_runtime_options wanted{.providers = {"CUDAExecutionProvider", "CPUExecutionProvider"}};
  auto const missing = test::failure_of<td::backend_error>([&] { deployed("digits_cnn", wanted); });
  CHECK(missing.code == td::errc::provider_missing);
  CHECK_THAT(missing.text, ContainsSubstring("CPUExecutionProvider") && ContainsSubstring("'CUDAExecutionProvider'"));
  wanted.fallback = td::allowed;
  CHECK(deployed("digits_cnn", wanted)(test::digits(1)).sizes() == at::IntArrayRef({1, 10}));
  CHECK(test::failure_of<td::backend_error>([&] {
          deployed("digits_cnn", {.providers = {{"TensorrtExecutionProvider", {{"trt_fp16_enable", "1"}}}}});
        }).code == td::errc::provider_missing);

  // which other providers are there depends on the build; Azure's is in the packages of Python, and calls a service
  auto const all = Ort::GetAvailableProviders();
  if (std::find(all.begin(), all.end(), "AzureExecutionProvider") == all.end()) return;
  auto const unused =
      test::failure_of<td::backend_error>([&] { deployed("digits_cnn", {.providers = {"AzureExecutionProvider"}}); });
  CHECK(unused.code == td::errc::provider_unused);
  CHECK_THAT(unused.text, ContainsSubstring("AzureExecutionProvider"));
  deployed("digits_cnn", {.providers = {"AzureExecutionProvider"}, .fallback = td::allowed});
}

TEST_CASE("settings of a session of ONNX Runtime keep its results") {
  auto const x = test::digits(8);
  auto const wanted = deployed("digits_cnn")(x);
  for (auto const& options : std::vector<td::onnx_runtime_options>{
           {.optimization = td::graph_optimization::none},
           {.optimization = td::graph_optimization::basic},
           {.optimization = td::graph_optimization::extended},
           {.threads = {.intra = 1}},
           {.threads = {.intra = 2, .inter = 2}, .parallel = true},
           {.threads = {.intra = 2}, .spinning = false},
           {.memory_arena = false, .memory_pattern = false},
           {.deterministic = true},
           {.config = {{"session.set_denormal_as_zero", "1"}, {"session.disable_prepacking", "1"}}}})
    CHECK(test::sqnr_db(wanted, deployed("digits_cnn", options)(x)) >= 100);
  CHECK(deployed("digits_cnn", {.optimization = td::graph_optimization::none}).executable().providers()[0].nodes >
        deployed("digits_cnn").executable().providers()[0].nodes);
}

TEST_CASE("ONNX Runtime profiles into a file") {
  test::temporary_folder const folder;
  auto const session = deployed("digits_cnn", {.profile = folder / "profile"});
  session(test::digits(1));
  auto const path = session.executable().end_profiling();
  CHECK(path.string().starts_with((folder / "profile").string()));
  CHECK(session.executable().end_profiling() == path);
  auto const text = test::bytes_of(path);
  CHECK_THAT(std::string(text.begin(), text.end()), ContainsSubstring("CPUExecutionProvider"));
  session(test::digits(1));
  CHECK(deployed("digits_cnn").executable().end_profiling().empty());
}

TEST_CASE("ONNX Runtime writes the optimized model") {
  test::temporary_folder const folder;
  auto const x = test::digits(3);
  auto const first = deployed(
      "digits_cnn", {.optimization = td::graph_optimization::extended, .optimized_model = folder / "fast.onnx"});
  CHECK(folder.files() == 1);
  auto const again = td::load<td::Onnx>(folder / "fast.onnx") | td::deploy<td::OnnxRuntime>();
  CHECK(test::sqnr_db(first(x), again(x)) >= 100);
  test::failure_of<td::backend_error>([&] {
    deployed("digits_cnn", {.providers = {"AzureExecutionProvider"}, .optimized_model = folder / "unused.onnx"});
  });
  CHECK(folder.files() == 1);
}

TEST_CASE("a model of ONNX's tells who made it") {
  auto const metadata = deployed("digits_cnn").executable().metadata();
  CHECK(metadata.producer == "pytorch");
  CHECK(metadata.graph == "main_graph");
  auto const own = onnx::message()
                       .number(pb::onnx_model::ir_version, 8)
                       .bytes(pb::onnx_model::opset_import, onnx::opset("", 17))
                       .bytes(pb::onnx_model::domain, "org.acme")
                       .number(pb::onnx_model::model_version, 7)
                       .bytes(pb::onnx_model::doc_string, "adds nothing")
                       .bytes(pb::onnx_model::metadata_props, onnx::entry("author", "me"))
                       .bytes(pb::onnx_model::graph, onnx::graph({onnx::node("Relu", {"x"}, {"y"})}).text())
                       .text();
  auto const more = (onnx::load(own) | td::deploy<td::OnnxRuntime>()).executable().metadata();
  CHECK(more.domain == "org.acme");
  CHECK(more.version == 7);
  CHECK(more.description == "adds nothing");
  CHECK(more.custom == std::map<std::string, std::string>{{"author", "me"}});
}

TEST_CASE("an older library of ONNX Runtime is refused") {
  auto const failure = test::failure_of<td::backend_error>([] { pb::demand_onnx_runtime(nullptr, "1.10.0"); });
  CHECK(failure.code == td::errc::runtime_unusable);
  CHECK_THAT(failure.text, ContainsSubstring("got version 1.10.0"));
}

TEST_CASE("eight threads share a session of ONNX Runtime") {
  auto const check = [](auto const& session, std::vector<at::Tensor> const& inputs) {
    std::vector<at::Tensor> wanted;
    for (auto const& each : inputs) wanted.push_back(session(each));
    std::atomic<int> different = 0, thrown = 0;
    std::vector<std::thread> all;
    for (int t = 0; t < 8; ++t)
      all.emplace_back([&, t] {
        for (int i = 0; i < 1000; ++i) try {
            auto const at = static_cast<std::size_t>(i + t) % inputs.size();
            if (!session(inputs[at]).equal(wanted[at])) ++different;
          } catch (std::exception const&) {
            ++thrown;
          }
      });
    for (auto& each : all) each.join();
    CHECK(different == 0);
    CHECK(thrown == 0);
  };
  check(deployed("digits_cnn", {.threads = {.intra = 1}}), test::digits(8).split(3));
  check(deployed("digits_cnn", {.threads = {.intra = 2}}), test::digits(8).split(2));
  check(deployed("digits_cnn_int8", {.threads = {.intra = 1}}), test::digits(8).split(3));
  check(deployed("control_flow_scripted", {.threads = {.intra = 1}}), test::noise({2, 16}));
}

TEST_CASE("memory stays flat over many calls of ONNX Runtime") {
  if (!test::frees_at_once) return;
  auto const check = [](auto const& session, at::Tensor const& x) {
    for (int i = 0; i < 200; ++i) session(x);
    auto const before = test::resident_mb();
    for (int i = 0; i < 10000; ++i) session(x);
    CHECK(test::resident_mb() < before + 2);
  };
  check(deployed("digits_cnn", {.threads = {.intra = 1}}), test::digits(8));
  check(deployed_graph(nonzero(), {.threads = {.intra = 1}}), at::eye(4));
}

TEST_CASE("memory is bounded over many shapes in ONNX Runtime") {
  if (!test::frees_at_once) return;
  for (bool const pattern : {true, false}) {
    auto const session = deployed("resnet18", {.threads = {.intra = 1}, .memory_pattern = pattern});
    std::minstd_rand random(1);
    auto const call = [&](int times) {
      for (int i = 0; i < times; ++i) {
        auto const side = [&] { return static_cast<std::int64_t>(32 + random() % 33); };
        session(at::zeros({1, 3, side(), side()}));
      }
    };
    session(at::zeros({1, 3, 64, 64}));
    auto const before = test::resident_mb();
    call(1000);
    CHECK(test::resident_mb() < before + 20);
  }
}
