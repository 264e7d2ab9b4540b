#include <torchdeploy/stage/prune.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>

#include "support/models.hpp"

namespace {

using test::failure_of;

at::Tensor weight_at(torch::jit::Module module, std::string const& path) {
  std::size_t begin = 0;
  for (auto dot = path.find('.'); dot != path.npos; begin = dot + 1, dot = path.find('.', begin))
    module = module.attr(path.substr(begin, dot - begin)).toModule();
  return module.attr(path.substr(begin)).toTensor();
}

double sparsity_of(at::Tensor const& t) {
  return 1 - static_cast<double>(t.count_nonzero().item<std::int64_t>()) / static_cast<double>(t.numel());
}

/// What a user might write: the smallest first, whatever the sign.
struct Smallest {
  static constexpr std::string_view name = "smallest";
  static at::Tensor importance(at::Tensor const& weight) { return weight; }
};

}  // namespace

TEST_CASE("the masks are those of torch.nn.utils.prune") {
  auto const records = test::reference("prune_l1").toListRef().vec();
  REQUIRE(records.size() >= 30);
  std::string prepared;
  std::optional<decltype(test::load("") | td::prune<td::L1>(0))> pruned;
  for (auto const& record : records) {
    auto const dict = record.toGenericDict();
    auto const name = dict.at("model").toStringRef(), layer = dict.at("layer").toStringRef();
    auto const amount = dict.at("amount").toDouble();
    if (auto const key = name + std::to_string(amount); prepared != key) {
      pruned.emplace(test::load(name) | td::prune<td::L1>(amount));
      prepared = key;
    }
    INFO(name << " " << layer << " " << amount);
    auto const weight = weight_at(pruned->handle(), layer + ".weight");
    auto const original = weight_at(test::load(name).handle(), layer + ".weight");
    CHECK(at::equal(weight, original * dict.at("mask").toTensor()));
  }
}

TEST_CASE("the report has the sparsity of each layer and of all") {
  auto const model = test::load("digits_cnn") | td::prune<td::L1>(0.3);
  auto const* const entry = model.report().find("prune");
  REQUIRE(entry);
  REQUIRE(entry->layers.size() > 2);
  for (auto const& layer : entry->layers) {
    INFO(layer.name);
    auto const weight = weight_at(model.handle(), layer.name + ".weight");
    CHECK(layer.sparsity == Approx(sparsity_of(weight)));
    CHECK(layer.sparsity == Approx(0.3).margin(1.0 / static_cast<double>(layer.weights)));
    CHECK(layer.weights == static_cast<std::uint64_t>(weight.numel()));
  }
  CHECK(std::stod(std::string(entry->detail("sparsity"))) == Approx(0.3).margin(0.01));
  CHECK(entry->detail("criterion") == "l1");
}

TEST_CASE("biases and batch norms are left alone") {
  auto const before = test::load("digits_cnn");
  auto const after = before.clone() | td::prune<td::L1>(0.9);
  auto const names = [](auto const& model) { return model.handle().named_parameters(); };
  auto left = names(before).begin();
  for (auto const& now : names(after)) {
    auto const was = *left;
    ++left;
    if (was.value.dim() > 1) continue;
    INFO(was.name);
    CHECK(at::equal(was.value, now.value));
  }
}

TEST_CASE("pruning nothing changes nothing, pruning all leaves zeros") {
  auto const images = test::digits(8);
  auto const plain = test::load("digits_cnn");
  auto const same = plain.clone() | td::prune<td::L1>(0);
  CHECK(test::same_bits(test::forward(same.handle(), {images}), test::forward(plain.handle(), {images})));
  auto const none = plain.clone() | td::prune<td::L1>(1);
  for (auto const& layer : none.report().find("prune")->layers) CHECK(layer.sparsity == 1);
}

TEST_CASE("an amount outside 0..1, or none at all, is refused") {
  for (double const amount :
       {-0.1, 1.1, 30.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    auto const failure = failure_of([&] { test::load("mlp_scripted") | td::prune<td::L1>(amount); });
    CHECK(failure.code == td::errc::amount_out_of_range);
  }
}

TEST_CASE("a model without layers, and one whose weights are constants, have nothing to prune") {
  test::temporary_folder const folder;
  CHECK(failure_of([] { test::load("one_op") | td::prune<td::L1>(0.3); }).code == td::errc::nothing_to_prune);
  test::load("mlp_scripted") | td::freeze() | td::save(folder / "frozen.pt");
  CHECK(failure_of([&] { td::load<td::TorchScript>(folder / "frozen.pt") | td::prune<td::L1>(0.3); }).code ==
        td::errc::nothing_to_prune);
}

TEST_CASE("a clone shares no weight: pruning it leaves the original") {
  auto const original = test::load("digits_cnn");
  auto const before = weight_at(original.handle(), "features.0.weight").clone();
  auto const pruned = original.clone() | td::prune<td::L1>(0.5);
  CHECK(at::equal(weight_at(original.handle(), "features.0.weight"), before));
  CHECK(sparsity_of(weight_at(pruned.handle(), "features.0.weight")) == Approx(0.5).margin(0.01));
}

TEST_CASE("a module given to evaluate is not pruned with the artifact") {
  auto const mine = torch::jit::load(test::model_path("digits_cnn").string());
  auto const before = weight_at(mine, "features.0.weight").clone();
  td::evaluate(mine) | td::prune<td::L1>(0.5);
  CHECK(at::equal(weight_at(mine, "features.0.weight"), before));
}

TEST_CASE("pruning after quantizing keeps its zeros in int8") {
  auto const model = test::load("digits_cnn") | td::quantize<td::Int8, td::MinMax>(test::calibration_digits()) |
                     td::prune<td::L1>(0.5);
  auto const images = test::digits(16);
  CHECK(td::same_facts<decltype(model)::known, td::facts<td::evaluating, td::quantized, td::pruned>>);
  // the reference form computes in float what int8 computes: its weights were quantized and pruned, so they agree
  auto const session = model.clone() | td::deploy<td::LibTorch>();
  auto const unpruned = test::load("digits_cnn") | td::quantize<td::Int8, td::MinMax>(test::calibration_digits()) |
                        td::deploy<td::LibTorch>();
  CHECK_FALSE(test::same_bits(session(images), unpruned(images)));
  CHECK(test::sqnr_db(test::forward(model.handle(), {images}).toTensor(), session(images)) > 30);
  for (auto const& layer : model.report().find("prune")->layers) CHECK(layer.sparsity == Approx(0.5).margin(0.01));
}

TEST_CASE("quantize, prune, save, load: the file answers as the session") {
  test::temporary_folder const folder;
  auto model =
      test::load("onet") |
      td::quantize<td::Int8, td::MinMax>(test::tensors_at(test::reference("static_minmax_onet"), "calibration")) |
      td::prune<td::L1>(0.3) | td::save(folder / "small.pt");
  auto const input = test::tensors_at(test::reference("static_minmax_onet"), "inputs").at(0);
  auto const wanted = (std::move(model) | td::deploy<td::LibTorch>()).run({input});
  auto const loaded = td::load<td::TorchScript>(folder / "small.pt") | td::deploy<td::LibTorch>();
  CHECK(test::same_bits(loaded.run({input}), wanted));
}

TEST_CASE("a weight that two layers share is pruned once") {
  auto const model = test::load("shared_weights") | td::prune<td::L1>(0.5);
  auto const& layers = model.report().find("prune")->layers;
  REQUIRE(layers.size() == 2);
  CHECK(layers[0].sparsity == Approx(0.5));
}

TEST_CASE("weights that belong to no layer module are pruned under their own names") {
  auto const model = test::load("functional_cnn") | td::prune<td::L1>(0.25);
  auto const& layers = model.report().find("prune")->layers;
  REQUIRE(layers.size() == 3);
  CHECK(layers[0].name == "weight1");
  CHECK(sparsity_of(weight_at(model.handle(), "weight3")) == Approx(0.25));
  auto const traced = test::load("addmm_traced") | td::prune<td::L1>(0.25);
  CHECK(sparsity_of(weight_at(traced.handle(), "weight1")) == Approx(0.25));
}

TEST_CASE("a user's own criterion decides what goes") {
  auto const model = test::load("mlp_scripted") | td::prune<Smallest>(0.25);
  auto const original = weight_at(test::load("mlp_scripted").handle(), "0.weight");
  auto const weight = weight_at(model.handle(), "0.weight");
  auto const threshold = std::get<0>(original.flatten().kthvalue(original.numel() / 4)).item<float>();
  CHECK((weight.masked_select(original <= threshold) == 0).all().item<bool>());
  CHECK(at::equal(weight.masked_select(original > threshold), original.masked_select(original > threshold)));
  CHECK(model.report().find("prune")->detail("criterion") == "smallest");
}

TEST_CASE("pruning twice by the same amount is pruning once") {
  auto const once = test::load("mlp_scripted") | td::prune<td::L1>(0.5);
  auto const twice = test::load("mlp_scripted") | td::prune<td::L1>(0.5) | td::prune<td::L1>(0.5);
  auto const x = at::randn({2, 16});
  CHECK(test::same_bits(test::forward(once.handle(), {x}), test::forward(twice.handle(), {x})));
}
