#include <torchdeploy/stage/quantize.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <range/v3/view/iota.hpp>
#include <range/v3/view/take.hpp>
#include <range/v3/view/transform.hpp>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/prune.hpp>
#include <torchdeploy/stage/save.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

/// The artifact's session, and the session of the file it saves, give the bits that Python gave.
template <class Artifact>
void check_python_agrees(Artifact&& model, c10::IValue const& record) {
  test::temporary_folder const folder;
  auto const path = folder / "int8.pt";
  auto const session = std::move(model) | td::save(path) | td::deploy<td::LibTorch>();
  auto const loaded = td::load<td::TorchScript>(path) | td::deploy<td::LibTorch>();
  auto const inputs = test::list_at(record, "inputs");
  auto const outputs = test::list_at(record, "outputs");
  REQUIRE(inputs.size() == 3);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CHECK(test::same_bits(session.run({inputs[i]}), outputs[i]));
    CHECK(test::same_bits(loaded.run({inputs[i]}), outputs[i]));
    CHECK_FALSE(test::same_bits(session.run({inputs[i]}), test::list_at(record, "float_outputs")[i]));
  }
}

/// Torch's own range for the engine: ours follows the CPU.
td::quantize_options as_torch(bool reduced = true) { return {.reduce_range = reduced}; }

template <class... Choices>
void check_static(std::string const& file, std::string const& model, bool reduced = true) {
  INFO(file);
  auto const record = test::reference(file);
  check_python_agrees(test::load(model) | td::quantize<td::Int8, Choices...>(test::tensors_at(record, "calibration"),
                                                                             as_torch(reduced)),
                      record);
}

auto rows() { return test::noise({2, 16}); }

template <class Artifact>
td::stage_report const& entry_of(Artifact const& model) {
  auto const* const entry = model.report().find("quantize");
  REQUIRE(entry);
  return *entry;
}

/// name -> the reason why it stays in float; empty: int8
template <class Artifact>
std::map<std::string, std::string> reasons_of(Artifact const& model) {
  std::map<std::string, std::string> reasons;
  for (auto const& each : entry_of(model).layers) {
    CHECK((each.precision == "int8") == each.reason.empty());
    CHECK((each.precision == "int8" || each.precision == "float32"));
    reasons[each.name] = each.reason;
  }
  return reasons;
}
template <class Artifact>
std::size_t int8_count(Artifact const& model) {
  std::size_t count = 0;
  for (auto const& each : entry_of(model).layers) count += each.precision == "int8";
  return count;
}

struct Unit {
  static constexpr std::string_view name = "unit";
  void observe(at::Tensor const&) {}
  std::optional<td::value_range> range() const { return td::value_range{-1, 1}; }
};

torch::jit::Module linear(at::Tensor const& weight) {
  torch::jit::Module module("Linear");
  module.register_parameter("weight", weight, false);
  module.define("def forward(self, x): return torch.linear(x, self.weight)\n");
  return module;
}

}  // namespace

// --- bit for bit what torch.ao.quantization gives ----------------------------------------------------------

TEST_CASE("static quantization with MinMax is bit-equal to quantize_jit, deployed and saved") {
  for (auto const* name :
       {"digits_cnn", "onet", "resnet18", "mobilenet_v2", "mlp_scripted", "conv1d_bn", "functional_cnn"})
    check_static<td::MinMax>("static_minmax_" + std::string(name), name);
}

TEST_CASE("static quantization by default, with Histogram, is bit-equal to quantize_jit, deployed and saved") {
  for (auto const* name :
       {"digits_cnn", "onet", "resnet18", "mobilenet_v2", "mlp_scripted", "conv1d_bn", "functional_cnn"})
    check_static<>("static_histogram_" + std::string(name), name);
}

TEST_CASE("the engines Onednn and Fbgemm are bit-equal to quantize_jit too, in any order of choices") {
  check_static<td::MinMax, td::Onednn>("static_minmax_onednn_digits_cnn", "digits_cnn", false);
  check_static<td::Onednn, td::MinMax>("static_minmax_onednn_digits_cnn", "digits_cnn", false);
  check_static<td::MinMax, td::Fbgemm>("static_minmax_fbgemm_digits_cnn", "digits_cnn");
}

TEST_CASE("dynamic quantization is bit-equal to quantize_dynamic_jit, deployed and saved") {
  for (std::string const name : {"digits_cnn", "onet", "resnet18", "mlp_scripted"}) {
    INFO(name);
    check_python_agrees(test::load(name) | td::quantize<td::Int8>(as_torch()), test::reference("dynamic_" + name));
  }
}

TEST_CASE("the files that Python quantized and ours hold the same int8 layers") {
  for (std::string const name :
       {"digits_cnn", "onet", "mlp_scripted", "conv1d_bn", "functional_cnn", "resnet18", "mobilenet_v2"}) {
    INFO(name);
    auto const theirs = torch::jit::load(TORCHDEPLOY_MODELS "/reference/static_minmax_" + name + "_int8.pt");
    auto const model = test::load(name) | td::quantize<td::Int8, td::MinMax>(test::tensors_at(
                                              test::reference("static_minmax_" + name), "calibration"));
    CHECK(int8_count(model) == test::int8_layers(theirs));
  }
}

// --- the report tells what became of every layer --------------------------------------------------------------

TEST_CASE("the report counts the int8 layers that the saved graph has, and gives each other layer a reason", "[zoo]") {
  test::temporary_folder const folder;
  auto const path = folder / "int8.pt";
  auto const check = [&](auto model, std::string const& name, std::size_t reused = 0) {
    INFO(name);
    auto saved = std::move(model) | td::save(path);
    auto const in_graph = test::int8_layers(torch::jit::load(path.string()));
    CHECK(int8_count(saved) + reused == in_graph);
    for (auto const& each : entry_of(saved).layers) {
      INFO(each.name << " " << each.kind);
      CHECK((each.precision == "int8") == each.reason.empty());
      CHECK_FALSE(each.name.empty());
    }
    CHECK(test::has_finding(saved.report(), "nothing-quantized") == (in_graph == 0));
  };
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    auto const inputs = test::list_at(each.value(), "inputs");
    std::vector<td::example> samples;
    for (auto const& input : inputs) samples.push_back({input});
    std::size_t const reused = name == "shared_weights";  // one layer of the report, two in the graph
    check(test::load(name) | td::quantize<td::Int8>(), name + ", dynamic", reused);
    if (name == "control_flow_scripted") samples = {{at::ones({2, 16})}, {-at::ones({2, 16})}};
    check(test::load(name) | td::quantize<td::Int8, td::MinMax>(samples), name, reused);
  }
  for (auto const& [name, shape] : std::map<std::string, std::vector<std::int64_t>>{{"digits_cnn_traced", {4, 1, 8, 8}},
                                                                                    {"onet_traced", {2, 3, 48, 48}},
                                                                                    {"pnet", {2, 3, 24, 24}},
                                                                                    {"rnet", {2, 3, 24, 24}},
                                                                                    {"resnet18_traced", {1, 3, 64, 64}},
                                                                                    {"mobilenet_v2", {1, 3, 64, 64}}})
    check(test::load(name) | td::quantize<td::Int8, td::MinMax>(test::noise(shape)), name);
}

TEST_CASE("quantized models answer much like the float ones", "[zoo]") {
  for (auto const& each : test::reference("zoo").toGenericDict()) {
    auto const name = each.key().toStringRef();
    if (name == "control_flow_scripted" || name == "dead_batchnorm") continue;  // one-sided samples; outputs near zero
    INFO(name);
    auto const inputs = test::list_at(each.value(), "inputs"), outputs = test::list_at(each.value(), "outputs");
    std::vector<td::example> samples;
    for (auto const& input : inputs) samples.push_back({input});
    auto const session = test::load(name) | td::quantize<td::Int8>(samples) | td::deploy<td::LibTorch>();
    auto const got = test::flat(session.run({inputs[0]})), wanted = test::flat(outputs[0]);
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(test::sqnr_db(wanted[i], got[i]) > 15);
  }
}

TEST_CASE("int8 layers are counted with the bytes that they will have") {
  auto const model = test::load("resnet18") | td::quantize<td::Int8>();
  auto const& entry = entry_of(model);
  auto const& fc = entry.layers.back();
  CHECK(fc.name == "fc");
  CHECK(fc.weights == 512 * 1000);
  CHECK(fc.bytes == 512 * 1000 + 1000 * 12);
  CHECK(entry.bytes_before - entry.bytes_after == 4 * fc.weights - fc.bytes);
  CHECK(entry.detail("mode") == "dynamic");
  CHECK(entry.detail("engine") == "x86");
  CHECK(entry.detail("int8") == "1 of 21");
}

TEST_CASE("the report's bytes are near those of the saved file") {
  test::temporary_folder const folder;
  auto const model =
      test::load("onet") |
      td::quantize<td::Int8, td::MinMax>(test::tensors_at(test::reference("static_minmax_onet"), "calibration")) |
      td::save(folder / "int8.pt");
  auto const file = static_cast<double>(std::filesystem::file_size(folder / "int8.pt"));
  CHECK(static_cast<double>(entry_of(model).bytes_after) == Approx(file).epsilon(0.15));
}

TEST_CASE("a fused encoder layer hides its linear layers, and the report says how to trace it instead") {
  auto const model = test::load("encoder_traced") | td::quantize<td::Int8>(test::noise({2, 5, 16}));
  CHECK(int8_count(model) == 0);
  CHECK(test::has_finding(model.report(), "nothing-quantized"));
  REQUIRE(entry_of(model).layers.size() == 2);
  CHECK_THAT(entry_of(model).layers[0].reason, ContainsSubstring("set_fastpath_enabled(False)"));
}

TEST_CASE("linear layers written by hand stay in float, and the report says which operator they are") {
  auto const reasons = reasons_of(test::load("addmm_traced") | td::quantize<td::Int8>(rows()));
  REQUIRE(reasons.contains("weight1"));
  CHECK_THAT(reasons.at("weight1"), ContainsSubstring("aten::addmm"));
  CHECK(reasons.contains("weight2"));
}

TEST_CASE("recurrent layers stay in float and the linear layer after them does not") {
  for (auto const* name : {"lstm_scripted", "gru_scripted"}) {
    INFO(name);
    auto const reasons = reasons_of(test::load(name) | td::quantize<td::Int8>());
    REQUIRE(reasons.contains("recurrent"));
    CHECK_THAT(reasons.at("recurrent"), ContainsSubstring("recurrent"));
    CHECK(reasons.at("head").empty());
  }
}

TEST_CASE("operators between int8 layers that go through float are named with their place") {
  auto const relu6 = reasons_of(test::load("relu6_cnn") | td::quantize<td::Int8>(test::noise({2, 3, 8, 8})));
  CHECK(relu6.at("conv1").empty());
  CHECK(relu6.at("head").empty());
  CHECK_THAT(relu6.at("relu6"), ContainsSubstring("aten::relu6"));
  auto const gelu = reasons_of(test::load("gelu_mlp_traced") | td::quantize<td::Int8>(rows()));
  bool named = false;
  for (auto const& [place, reason] : gelu) named = named || reason.find("aten::gelu") != reason.npos;
  CHECK(named);
}

TEST_CASE("scripted multi-head attention, of which LibTorch dies, stays in float with a reason") {
  auto const samples = test::noise({2, 5, 16});
  auto const model = test::load("mha_scripted") | td::quantize<td::Int8>(samples);
  auto const reasons = reasons_of(model);
  REQUIRE_FALSE(reasons.empty());
  for (auto const& [name, reason] : reasons) CHECK_FALSE(reason.empty());
  auto const session = model.clone() | td::deploy<td::LibTorch>();
  CHECK(test::close(session(samples[0]), test::forward(test::load("mha_scripted").handle(), {samples[0]})));
  auto const dynamic = test::load("mha_scripted") | td::quantize<td::Int8>() | td::deploy<td::LibTorch>();
  CHECK(test::sqnr_db(test::forward(test::load("mha_scripted").handle(), {samples[0]}).toTensor(),
                      dynamic(samples[0])) > 20);
}

TEST_CASE("a transposed convolution is int8 on Fbgemm and Qnnpack, and float where the engine gives wrong numbers") {
  auto const samples = test::noise({2, 3, 8, 8});
  auto const plain = test::forward(test::load("conv_transpose").handle(), {samples[0]}).toTensor();
  auto const x86 = test::load("conv_transpose") | td::quantize<td::Int8>(samples);
  CHECK_THAT(reasons_of(x86).at("2"), ContainsSubstring("transposed") && ContainsSubstring("Fbgemm"));
  CHECK(reasons_of(x86).at("0").empty());
  CHECK(test::sqnr_db(plain, (x86.clone() | td::deploy<td::LibTorch>())(samples[0])) > 25);
  auto const fbgemm = test::load("conv_transpose") | td::quantize<td::Int8, td::Fbgemm>(samples);
  CHECK(reasons_of(fbgemm).at("2").empty());
  CHECK(reasons_of(fbgemm).at("0").empty());
  CHECK(test::sqnr_db(plain, (fbgemm.clone() | td::deploy<td::LibTorch>())(samples[0])) > 25);
  auto const qnnpack = test::load("conv_transpose") | td::quantize<td::Int8, td::Qnnpack>(samples);
  CHECK(reasons_of(qnnpack).at("2").empty());
  CHECK(test::sqnr_db(plain, (qnnpack.clone() | td::deploy<td::LibTorch>())(samples[0])) > 25);
}

TEST_CASE("without samples convolutions stay in float, and the report says what to give") {
  auto const reasons = reasons_of(test::load("digits_cnn") | td::quantize<td::Int8>());
  CHECK_THAT(reasons.at("features.0"), ContainsSubstring("samples"));
  auto const only_convolutions = test::load("pnet") | td::quantize<td::Int8>();
  CHECK(test::has_finding(only_convolutions.report(), "nothing-quantized"));
}

TEST_CASE("an embedding is a table: it stays as it is") {
  std::vector<at::Tensor> tokens;
  for (int i = 0; i < 4; ++i) tokens.push_back(at::randint(0, 50, {2, 7}, at::kLong));
  auto const reasons = reasons_of(test::load("embedding_mlp") | td::quantize<td::Int8>(tokens));
  CHECK_THAT(reasons.at("embedding"), ContainsSubstring("table"));
  CHECK(reasons.at("mlp.0").empty());
}

// --- what can't be quantized is refused with the place -------------------------------------------------------

TEST_CASE("silero-vad is refused with the place that graph mode can't follow") {
  auto const failure = failure_of<td::quantization_error>([] { test::load("silero_vad") | td::quantize<td::Int8>(); });
  CHECK(failure.code == td::errc::not_quantizable);
  CHECK_THAT(failure.text, ContainsSubstring("run time"));
}

TEST_CASE("a model that was quantized before is refused, Python's file and ours") {
  test::temporary_folder const folder;
  auto const quantize_file = [](std::string const& path) {
    return failure_of<td::quantization_error>([&] { td::load<td::TorchScript>(path) | td::quantize<td::Int8>(rows()); })
        .code;
  };
  CHECK(quantize_file(TORCHDEPLOY_MODELS "/reference/static_minmax_mlp_scripted_int8.pt") ==
        td::errc::already_quantized);
  test::load("mlp_scripted") | td::quantize<td::Int8>() | td::save(folder / "int8.pt");
  CHECK(quantize_file((folder / "int8.pt").string()) == td::errc::already_quantized);
}

TEST_CASE("a file that was frozen before is quantized, and each of its nameless layers is counted") {
  test::temporary_folder const folder;
  test::load("digits_cnn") | td::freeze() | td::save(folder / "frozen.pt");
  auto const model =
      td::load<td::TorchScript>(folder / "frozen.pt") | td::quantize<td::Int8>(test::calibration_digits());
  auto const images = test::digits(16);
  auto const plain = test::forward(test::load("digits_cnn").handle(), {images}).toTensor();
  CHECK(int8_count(model) == 4);
  for (auto const& each : entry_of(model).layers) CHECK(each.weights > 0);
  CHECK(entry_of(model).bytes_after * 3 < entry_of(model).bytes_before);
  CHECK(test::int8_layers(td::TorchScript::leaving(model.handle(), model.record())) == 4);
  CHECK(test::sqnr_db(plain, (model.clone() | td::deploy<td::LibTorch>())(images)) > 20);
}

TEST_CASE("no samples, a NaN among them, infinity, a sample the model raises on: each has its error") {
  auto const code = [](auto const& name, auto samples) {
    return failure_of<td::quantization_error>([&] { test::load(name) | td::quantize<td::Int8, td::MinMax>(samples); });
  };
  CHECK(code("mlp_scripted", std::vector<at::Tensor>{}).code == td::errc::no_samples);

  auto samples = rows();
  samples[2][1][3] = std::numeric_limits<float>::quiet_NaN();
  auto const nan = code("mlp_scripted", samples);
  CHECK(nan.code == td::errc::not_finite);
  samples[2][1][3] = std::numeric_limits<float>::infinity();
  CHECK(code("mlp_scripted", samples).code == td::errc::not_finite);

  auto const raised = code("raises", std::vector{at::ones({2, 16}), -at::ones({2, 16})});
  CHECK(raised.code == td::errc::calibration_raised);
  CHECK_THAT(raised.text, ContainsSubstring("sample 1") && ContainsSubstring("negative"));
  CHECK_FALSE(raised.nested.empty());
  auto const shape = code("mlp_scripted", std::vector{at::ones({2, 15})});
  CHECK(shape.code == td::errc::calibration_raised);
  CHECK_THAT(shape.text, ContainsSubstring("sample 0"));
}

TEST_CASE("a NaN in a sample is found by Histogram, and with it all later samples don't matter") {
  auto samples = rows();
  samples[0][0][0] = std::numeric_limits<float>::quiet_NaN();
  CHECK(failure_of<td::quantization_error>([&] {
          test::load("mlp_scripted") | td::quantize<td::Int8>(samples);
        }).code == td::errc::not_finite);
}

TEST_CASE("a NaN in a weight is named with its layer") {
  auto const mine = torch::jit::load(test::model_path("mlp_scripted").string());
  at::NoGradGuard const no_grad;
  mine.attr("2").toModule().attr("weight").toTensor()[0][0] = std::numeric_limits<float>::quiet_NaN();
  for (bool const dynamic : {true, false}) {
    auto const failure = failure_of<td::quantization_error>([&] {
      if (dynamic)
        td::evaluate(mine) | td::quantize<td::Int8>();
      else
        td::evaluate(mine) | td::quantize<td::Int8>(rows());
    });
    CHECK(failure.code == td::errc::not_finite);
    CHECK_THAT(failure.text, ContainsSubstring("'2.weight'"));
  }
}

TEST_CASE("a branch that no sample took is named") {
  auto const one_sided = std::vector{at::ones({2, 16}), at::ones({2, 16}) * 2};
  auto const failure = failure_of<td::quantization_error>(
      [&] { test::load("control_flow_scripted") | td::quantize<td::Int8>(one_sided); });
  CHECK(failure.code == td::errc::never_observed);
  CHECK_THAT(failure.text, ContainsSubstring("negative"));
  auto const both = std::vector{at::ones({2, 16}), -at::ones({2, 16})};
  auto const session = test::load("control_flow_scripted") | td::quantize<td::Int8>(both) | td::deploy<td::LibTorch>();
  for (auto const& x : both)
    CHECK(test::sqnr_db(test::forward(test::load("control_flow_scripted").handle(), {x}).toTensor(), session(x)) > 20);
}

TEST_CASE("a failed quantization leaves the engine as it was") {
  auto const before = at::globalContext().qEngine();
  CHECK_THROWS(test::load("mlp_scripted") | td::quantize<td::Int8, td::Onednn>(std::vector<at::Tensor>{}));
  CHECK(at::globalContext().qEngine() == before);
  test::load("mlp_scripted") | td::quantize<td::Int8, td::Onednn>(rows()) | td::deploy<td::LibTorch>();
  CHECK(at::globalContext().qEngine() == before);
}

// --- samples of every kind give the same model ---------------------------------------------------------------

TEST_CASE("tensors, tuples, pairs, IValues, views and a stream of samples give the same model") {
  auto const tensors = rows();
  auto const with_scale = [&](auto make) {
    std::vector<decltype(make(tensors[0]))> all;
    for (auto const& each : tensors) all.push_back(make(each));
    return all;
  };
  auto const outputs = [&](auto&& session) { return session(tensors[0]); };
  auto const quantized = [&](auto&& samples) {
    return outputs(test::load("kwargs_default") | td::quantize<td::Int8>(std::forward<decltype(samples)>(samples)) |
                   td::deploy<td::LibTorch>());
  };
  auto const wanted = quantized(tensors);
  CHECK(test::same_bits(quantized(with_scale([](at::Tensor const& x) { return std::tuple(x); })), wanted));
  CHECK(test::same_bits(quantized(with_scale([](at::Tensor const& x) { return std::tuple(x, 2.0); })), wanted));
  CHECK(test::same_bits(quantized(with_scale([](at::Tensor const& x) { return std::pair(x, 2.0); })), wanted));
  CHECK(
      test::same_bits(quantized(with_scale([](at::Tensor const& x) { return std::vector<c10::IValue>{x}; })), wanted));
  CHECK(test::same_bits(quantized(with_scale([](at::Tensor const& x) { return td::example{x, 2.0}; })), wanted));
  CHECK(test::same_bits(quantized(std::list(tensors.begin(), tensors.end())), wanted));
  auto const at = [&](std::size_t i) { return tensors[i]; };
  CHECK(test::same_bits(quantized(ranges::views::iota(std::size_t{0}, tensors.size()) | ranges::views::transform(at)),
                        wanted));
  CHECK(
      test::same_bits(quantized(std::views::iota(std::size_t{0}, tensors.size()) | std::views::transform(at)), wanted));
  std::istringstream numbers("0 1 2 3");
  CHECK(test::same_bits(quantized(std::views::istream<std::size_t>(numbers) | std::views::transform(at)), wanted));
  at::Tensor const array[] = {tensors[0], tensors[1], tensors[2], tensors[3]};
  CHECK(test::same_bits(quantized(array), wanted));
}

TEST_CASE("an infinite view is taken as far as it is asked for") {
  auto const samples = rows();
  auto const model =
      test::load("mlp_scripted") |
      td::quantize<td::Int8>(ranges::views::iota(0) |
                             ranges::views::transform([&](int i) { return samples[static_cast<std::size_t>(i % 4)]; }) |
                             ranges::views::take(20));
  CHECK(entry_of(model).detail("samples") == "20");
  REQUIRE(model.examples().size() == 8);
  CHECK(at::equal(model.examples()[7].at(0).toTensor(), samples[3]));
}

TEST_CASE("examples given to load come first, and samples fill up to eight") {
  auto const first = at::ones({2, 16});
  auto const model = td::load<td::TorchScript>(test::model_path("mlp_scripted"), {.examples = std::vector{first}}) |
                     td::quantize<td::Int8>(rows());
  REQUIRE(model.examples().size() == 5);
  CHECK(model.examples()[0].at(0).toTensor().is_same(first));
}

TEST_CASE("a lvalue container is borrowed: what is in it when the recipe runs counts") {
  auto samples = rows();
  auto const recipe = td::load<td::TorchScript>() | td::quantize<td::Int8>(samples);
  samples.resize(1);
  samples[0] = at::ones({2, 16});
  auto const model = recipe(test::model_path("mlp_scripted"));
  CHECK(entry_of(model).detail("samples") == "1");
  CHECK(at::equal(model.examples().at(0).at(0).toTensor(), samples[0]));
}

TEST_CASE("a rvalue container is owned, a view is copied: both may go away before the recipe runs") {
  auto const kept = rows();
  auto const path = test::model_path("mlp_scripted");
  auto const owned = [&] {
    auto samples = kept;
    return td::load<td::TorchScript>() | td::quantize<td::Int8>(std::move(samples));
  }();
  auto const viewed = [&] {
    auto const view = ranges::views::iota(0, 4) |
                      ranges::views::transform([&kept](int i) { return kept[static_cast<std::size_t>(i)]; });
    return td::load<td::TorchScript>() | td::quantize<td::Int8>(view);
  }();
  auto const a = owned(path) | td::deploy<td::LibTorch>();
  auto const b = viewed(path) | td::deploy<td::LibTorch>();
  CHECK(test::same_bits(a(kept[0]), b(kept[0])));
}

TEST_CASE("a recipe gives the same model each time it runs") {
  auto const samples = rows();
  auto const recipe = td::load<td::TorchScript>() | td::quantize<td::Int8>(samples) | td::prune<td::L1>(0.3) |
                      td::deploy<td::LibTorch>();
  auto const path = test::model_path("mlp_scripted");
  auto const first = recipe(path), second = recipe(path);
  CHECK(test::same_bits(first(samples[0]), second(samples[0])));
}

TEST_CASE("the caller's samples and module stay as they are") {
  auto const samples = rows();
  std::vector<at::Tensor> copies;
  for (auto const& each : samples) copies.push_back(each.clone());
  auto mine = torch::jit::load(test::model_path("digits_cnn").string());
  mine.train();
  std::vector<at::Tensor> before;
  for (auto const& each : mine.parameters()) before.push_back(each.clone());
  auto const graph = mine.get_method("forward").graph()->toString();

  test::load("mlp_scripted") | td::quantize<td::Int8>(samples);
  for (std::size_t i = 0; i < samples.size(); ++i) CHECK(at::equal(samples[i], copies[i]));

  td::evaluate(mine) | td::quantize<td::Int8>(test::calibration_digits()) | td::prune<td::L1>(0.5) |
      td::deploy<td::LibTorch>();
  CHECK(mine.is_training());
  CHECK(mine.get_method("forward").graph()->toString() == graph);
  std::size_t i = 0;
  for (auto const& each : mine.parameters()) CHECK(at::equal(each, before[i++]));
}

TEST_CASE("the artifact that was cloned is not quantized with its clone") {
  auto const original = test::load("digits_cnn");
  auto const images = test::digits(8);
  auto const wanted = test::forward(original.handle(), {images}).toTensor().clone();
  auto const quantized = original.clone() | td::quantize<td::Int8>(test::calibration_digits());
  CHECK(test::same_bits(test::forward(original.handle(), {images}), wanted));
  CHECK_FALSE(test::same_bits(test::forward(quantized.handle(), {images}), wanted));
}

TEST_CASE("calibration leaves no trace in a model with state") {
  auto const x = test::noise({64, 16}, 1, 5).front();  // one row alone scores from 10 to 43 dB
  auto const model = test::load("exported_methods") | td::quantize<td::Int8>(test::noise({1, 16}, 64));
  CHECK(model.handle().attr("calls").toInt() == 0);
  CHECK(model.handle().attr("state").toTensor().count_nonzero().item<std::int64_t>() == 0);
  auto const session = model.clone() | td::deploy<td::LibTorch>();
  auto const plain = test::forward(test::load("exported_methods").handle(), {x}).toTensor();
  CHECK(test::sqnr_db(plain, session(x)) > 20);
}

TEST_CASE("exported methods of a quantized model are there in the file") {
  test::temporary_folder const folder;
  test::load("exported_methods") | td::quantize<td::Int8>(test::noise({1, 16})) | td::save(folder / "int8.pt");
  auto module = torch::jit::load((folder / "int8.pt").string());
  auto const x = at::randn({1, 16});
  auto const first = test::forward(module, {x}).toTensor().clone();
  test::forward(module, {x});
  module.run_method("reset_states");
  CHECK(test::same_bits(test::forward(module, {x}), first));
}

// --- choices ---------------------------------------------------------------------------------------------------

TEST_CASE("a user's own observer decides the range") {
  auto const samples = std::vector{at::full({1, 4}, 100.0)};
  auto const model = td::evaluate(linear(at::eye(4))) | td::quantize<td::Int8, Unit>(samples, {.reduce_range = false});
  CHECK(entry_of(model).detail("observer") == "unit");
  auto const session = model.clone() | td::deploy<td::LibTorch>();
  CHECK(test::same_bits(session(at::full({1, 4}, 100.0)), session(at::full({1, 4}, 2.0))));
  CHECK(session(at::full({1, 4}, 100.0)).max().item<float>() == Approx(1).margin(0.02));
}

TEST_CASE("eight bits instead of seven lose less where the range is narrow") {
  auto const samples = test::noise({64, 16});
  auto const plain = test::forward(test::load("mlp_scripted").handle(), {samples[0]}).toTensor();
  auto const db = [&](bool reduced) {
    auto const session = test::load("mlp_scripted") |
                         td::quantize<td::Int8, td::MinMax>(samples, {.reduce_range = reduced}) |
                         td::deploy<td::LibTorch>();
    return test::sqnr_db(plain, session(samples[0]));
  };
  CHECK(db(false) > db(true) + 1);
}

TEST_CASE("the range follows the target, unless it is asked for") {
  auto const samples = rows();
  auto const outputs = [&](td::quantize_options const& options) {
    return (test::load("mlp_scripted") | td::quantize<td::Int8, td::MinMax>(samples, options) |
            td::deploy<td::LibTorch>())(samples[0]);
  };
  auto const reduced = outputs({.reduce_range = true}), full = outputs({.reduce_range = false});
  CHECK_FALSE(test::same_bits(reduced, full));
  CHECK(test::same_bits(outputs({.target = td::isa::avx2}), reduced));
  CHECK(test::same_bits(outputs({.target = td::isa::avx512_vnni}), full));
  CHECK(test::same_bits(outputs({.target = td::isa::avx2, .reduce_range = false}), full));
  CHECK(test::same_bits(outputs({}), td::detail::saturates_here(at::QEngine::X86) ? reduced : full));
}

namespace {

/// Made a range: as a careless observer would.
struct Backwards {
  static constexpr std::string_view name = "backwards";
  void observe(at::Tensor const&) {}
  std::optional<td::value_range> range() const { return td::value_range{1, -1}; }
};

/// Asks from another thread for what the compiler's lock guards.
struct Elsewhere {
  static constexpr std::string_view name = "elsewhere";
  void observe(at::Tensor const&) {}
  std::optional<td::value_range> range() const {
    std::thread([] { td::detail::compiler_lock const alone; }).join();
    return td::value_range{-1, 1};
  }
};

}  // namespace

TEST_CASE("a model that writes into its input writes into neither the samples nor the examples") {
  torch::jit::Module module("Writes");
  module.register_parameter("weight", at::eye(4), false);
  module.define("def forward(self, x): return torch.linear(x.div_(255.), self.weight)\n");
  auto const samples = std::vector{at::full({1, 4}, 255.0), at::full({1, 4}, 51.0)};
  auto const model = td::evaluate(module) | td::quantize<td::Int8>(samples);
  CHECK(at::equal(samples[0], at::full({1, 4}, 255.0)));
  CHECK(at::equal(samples[1], at::full({1, 4}, 51.0)));
  REQUIRE(model.examples().size() == 2);
  CHECK(at::equal(model.examples()[0].at(0).toTensor(), at::full({1, 4}, 255.0)));
}

TEST_CASE("a range that fills one buffer again and again gives the examples that it gave") {
  auto const buffer = at::zeros({2, 16});
  auto const frames = std::views::iota(0, 3) | std::views::transform([&](int i) { return buffer.fill_(i + 1); });
  auto const model = test::load("mlp_scripted") | td::quantize<td::Int8>(frames);
  REQUIRE(model.examples().size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(at::equal(model.examples()[i].at(0).toTensor(), at::full({2, 16}, static_cast<double>(i + 1))));
}

TEST_CASE("one tensor is one sample") {
  auto const x = rows()[0];
  auto const entry =
      entry_of(test::load("mlp_scripted") | td::quantize<td::Int8, td::MinMax>(x, {.target = td::isa::avx2}));
  CHECK(entry.detail("samples") == "1");
  CHECK(entry.detail("mode") == "static");
}

TEST_CASE("a user's range that is turned round is refused, with the observer's name") {
  auto const failure = failure_of<td::quantization_error>(
      [] { test::load("mlp_scripted") | td::quantize<td::Int8, Backwards>(rows()); });
  CHECK(failure.code == td::errc::quantization_failed);
  CHECK_THAT(failure.text, ContainsSubstring("'backwards'") && ContainsSubstring("1 to -1"));
}

TEST_CASE("a user's observer may wait for a thread that loads or quantizes") {
  CHECK_NOTHROW(test::load("mlp_scripted") | td::quantize<td::Int8, Elsewhere>(rows()));
}

TEST_CASE("a model with complex arguments and results is quantized, one with a complex attribute is refused") {
  auto const made = [](std::string const& z) {
    torch::jit::Module module("Complex");
    module.register_parameter("weight", at::eye(4), false);
    module.register_attribute("z", c10::ComplexType::get(), c10::complex<double>(0, 1));
    module.define("def forward(self, x, c: complex): return torch.linear(x, self.weight), " + z + "\n");
    return module;
  };
  std::vector<td::example> const samples{{at::ones({1, 4}), c10::complex<double>(1, 2)}};
  auto const model = td::evaluate(made("self.z"));
  auto const result = (model.clone() | td::freeze() | td::deploy<td::LibTorch>()).run(samples[0]);
  CHECK(result.toTupleRef().elements()[1].toComplexDouble() == c10::complex<double>(0, 1));
  // LibTorch's own passes clone it
  CHECK(failure_of<td::quantization_error>([&] { model.clone() | td::quantize<td::Int8>(samples); }).code ==
        td::errc::not_quantizable);

  torch::jit::Module plain("Plain");
  plain.register_parameter("weight", at::eye(4), false);
  plain.define("def forward(self, x, c: complex): return torch.linear(x, self.weight), c\n");
  auto const int8 = td::evaluate(plain) | td::quantize<td::Int8>(samples) | td::deploy<td::LibTorch>();
  CHECK(int8.run(samples[0]).toTupleRef().elements()[1].toComplexDouble() == c10::complex<double>(1, 2));
}
