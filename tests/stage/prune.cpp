#include <torchdeploy/stage/prune.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/freeze.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/tap.hpp>

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
  std::optional<decltype(test::load("") | td::prune<td::L1>(0.0))> pruned;
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
  auto const same = plain.clone() | td::prune<td::L1>(0.0);
  CHECK(test::same_bits(test::forward(same.handle(), {images}), test::forward(plain.handle(), {images})));
  auto const none = plain.clone() | td::prune<td::L1>(1.0);
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

TEST_CASE("a second pruning counts among what the first has left") {
  auto model = test::load("mlp_scripted") | td::prune<td::L1>(0.5) | td::prune<td::L1>(0.5);
  CHECK(model.report().find("prune")->detail("sparsity") == "0.7500");
  auto const thrice = std::move(model) | td::prune<td::Random>(td::count{1});
  for (auto const& layer : thrice.report().find("prune")->layers)
    CHECK(layer.sparsity == Approx(0.75 + 1 / static_cast<double>(layer.weights)));
}

TEST_CASE("a saved file holds zeros and no masks: what is loaded counts as never pruned") {
  test::temporary_folder const folder;
  test::load("mlp_scripted") | td::prune<td::L1>(0.5) | td::save(folder / "half.pt");
  auto const again = td::load<td::TorchScript>(folder / "half.pt") | td::prune<td::L1>(0.5);
  CHECK(again.report().find("prune")->detail("sparsity") == "0.5000");
}

TEST_CASE("masks outlast quantization and go with a clone") {
  auto const samples = test::calibration_digits();
  auto model = test::load("digits_cnn") | td::prune<td::L1>(0.5) | td::quantize<td::Int8, td::MinMax>(samples);
  auto const twice = model.clone() | td::prune<td::L1>(0.5);
  auto const slices = std::move(model) | td::prune<td::L2>(0.25, {.dimension = 0});
  CHECK(twice.report().find("prune")->detail("sparsity") == "0.7500");
  for (auto const& layer : slices.report().find("prune")->layers) CHECK(layer.sparsity > 0.5);
  auto const images = test::digits(16);
  CHECK(test::sqnr_db(test::forward(twice.handle(), {images}).toTensor(),
                      (twice.clone() | td::deploy<td::LibTorch>())(images)) > 25);
}

TEST_CASE("slices: the report counts them in each layer and in all") {
  auto const model = test::load("digits_cnn") | td::prune<td::L2>(0.5, {.dimension = 0});
  auto const* const entry = model.report().find("prune");
  std::uint64_t zero = 0, all = 0;
  for (auto const& layer : entry->layers) {
    INFO(layer.name);
    auto const weight = weight_at(model.handle(), layer.name + ".weight");
    CHECK(layer.slices == static_cast<std::uint64_t>(weight.size(0)));
    CHECK(layer.zero_slices == layer.slices / 2);
    CHECK(layer.sparsity == Approx(0.5));
    CHECK((weight.flatten(1) == 0).all(1).sum().item<std::int64_t>() == weight.size(0) / 2);
    zero += layer.zero_slices;
    all += layer.slices;
  }
  CHECK(entry->detail("criterion") == "l2");
  CHECK(entry->detail("amount") == "0.5");
  CHECK(entry->detail("dimension") == "0");
  CHECK(entry->detail("slices") == std::to_string(zero) + " of " + std::to_string(all));
  CHECK(entry->detail("seed").empty());
  CHECK_THAT(td::to_text(model.report()), ContainsSubstring("% zeros, ") && ContainsSubstring(" slices\n"));
}

TEST_CASE("global: the layers lose what is least of all") {
  auto const model = test::load("digits_cnn") | td::prune<td::L1>(0.5, {.global = true});
  auto const* const entry = model.report().find("prune");
  CHECK(entry->detail("global") == "true");
  CHECK(entry->detail("sparsity") == "0.5000");
  double lowest = 1, highest = 0, dropped = 0;
  double left = std::numeric_limits<double>::infinity();
  auto const original = test::load("digits_cnn");
  for (auto const& layer : entry->layers) {
    lowest = std::min(lowest, layer.sparsity);
    highest = std::max(highest, layer.sparsity);
    auto const weight = weight_at(model.handle(), layer.name + ".weight");
    auto const before = weight_at(original.handle(), layer.name + ".weight").abs();
    dropped = std::max(dropped, before.masked_select(weight == 0).max().item<double>());
    left = std::min(left, before.masked_select(weight != 0).min().item<double>());
  }
  CHECK(highest > lowest + 0.1);
  CHECK(dropped <= left);
}

TEST_CASE("layers are picked by patterns, and the others stay as they were") {
  auto const original = test::load("mlp_scripted");
  auto const model =
      original.clone() | td::prune<td::L1>(0.5, {.layers = {"0"}}) | td::prune<td::L1>(0.25, {.layers = {"[2-9]*"}});
  auto const& stages = model.report().stages();
  auto const& first = stages[stages.size() - 2].layers;
  REQUIRE(first.size() == 1);
  CHECK(first[0].name == "0");
  CHECK(sparsity_of(weight_at(model.handle(), "0.weight")) == Approx(0.5));
  for (auto const& layer : stages.back().layers) {
    CHECK(layer.name != "0");
    CHECK(layer.sparsity == Approx(0.25).margin(0.01));
  }
}

TEST_CASE("a pattern that matches nothing, or no layer that is pruned, is refused with what there is") {
  auto const refused = [](std::string const& name, std::vector<std::string> const& layers) {
    auto const failure = failure_of([&] { test::load(name) | td::prune<td::L1>(0.3, {.layers = layers}); });
    CHECK(failure.code == td::errc::pattern_unmatched);
    return failure.text;
  };
  CHECK_THAT(refused("digits_cnn", {"features.0", "featurs.3"}),
             ContainsSubstring("'featurs.3'") && ContainsSubstring("'features.3'"));
  CHECK_THAT(refused("digits_cnn", {""}), ContainsSubstring("got ''"));
  CHECK_THAT(refused("digits_cnn", {"["}), ContainsSubstring("got '['"));
  CHECK_THAT(refused("digits_cnn", {std::string(10'000, '*') + "!"}), ContainsSubstring(" ... "));
  CHECK_THAT(refused("digits_cnn", {"conv*"}), ContainsSubstring("there are: 'features.0'"));
  CHECK_THAT(refused("lstm_scripted", {"recurrent"}), ContainsSubstring("'recurrent' is lstm"));
  CHECK_THAT(refused("embedding_mlp", {"*embed*"}), ContainsSubstring("is embedding"));
}

TEST_CASE("what recurs and what is looked up is not pruned") {
  auto const model = test::load("lstm_scripted") | td::prune<td::L1>(0.5);
  for (auto const& layer : model.report().find("prune")->layers) CHECK(layer.kind == "linear");
  auto const table = test::load("embedding_mlp") | td::prune<td::L1>(0.5, {.layers = {"*"}});
  for (auto const& layer : table.report().find("prune")->layers) CHECK(layer.kind == "linear");
}

TEST_CASE("counts: so many of each layer, of all, of slices; never more than there are") {
  auto const total = [](auto const& model) {
    double zeros = 0;
    for (auto const& layer : model.report().find("prune")->layers)
      zeros += layer.sparsity * static_cast<double>(layer.weights);
    return zeros;
  };
  auto const each = test::load("digits_cnn") | td::prune<td::L1>(td::count{5});
  CHECK(total(each) == Approx(5.0 * static_cast<double>(each.report().find("prune")->layers.size())));
  CHECK(each.report().find("prune")->detail("amount") == "5 weights");
  CHECK(total(test::load("digits_cnn") | td::prune<td::L1>(td::count{5}, {.global = true})) == Approx(5));
  auto const slices = test::load("digits_cnn") | td::prune<td::L1>(td::count{2}, {.dimension = 0});
  for (auto const& layer : slices.report().find("prune")->layers) CHECK(layer.zero_slices == 2);
  CHECK(slices.report().find("prune")->detail("amount") == "2 slices");

  auto const refused = [](auto&& work) {
    auto const failure = failure_of(work);
    CHECK(failure.code == td::errc::amount_out_of_range);
    return failure.text;
  };
  CHECK_THAT(refused([] { test::load("digits_cnn") | td::prune<td::L1>(td::count{-1}); }), ContainsSubstring("got -1"));
  CHECK_THAT(refused([] { test::load("digits_cnn") | td::prune<td::L1>(td::count{100'000}); }),
             ContainsSubstring("of 'features.0'"));
  CHECK_THAT(refused([] {
               test::load("digits_cnn") |
                   td::prune<td::L1>(td::count{std::numeric_limits<std::int64_t>::max()}, {.global = true});
             }),
             ContainsSubstring("of all layers"));
  CHECK_THAT(refused([] { test::load("digits_cnn") | td::prune<td::L1>(td::count{1000}, {.dimension = 1}); }),
             ContainsSubstring("at most the 1 not yet pruned of 'features.0'"));
  CHECK_THAT(refused([] { test::load("mlp_scripted") | td::prune<td::L1>(1.0) | td::prune<td::L1>(td::count{1}); }),
             ContainsSubstring("at most the 0"));
}

TEST_CASE("a dimension that some layer lacks is refused with the layer's name") {
  using limits = std::numeric_limits<std::int64_t>;
  for (std::int64_t const dimension : {std::int64_t{2}, std::int64_t{-3}, limits::min(), limits::max()}) {
    auto const failure =
        failure_of([&] { test::load("digits_cnn") | td::prune<td::L1>(0.3, {.dimension = dimension}); });
    CHECK(failure.code == td::errc::dimension_out_of_range);
    CHECK_THAT(failure.text, ContainsSubstring("got " + std::to_string(dimension) + " for '"));
  }
  auto const kernels = test::load("digits_cnn") | td::prune<td::L1>(0.3, {.dimension = 3, .layers = {"features.*"}});
  for (auto const& layer : kernels.report().find("prune")->layers) CHECK(layer.slices == 3);
}

TEST_CASE("a vector has no slices, and is pruned by weights") {
  auto const make = [] {
    torch::jit::Module module("Vector");
    module.register_parameter("w", at::arange(1, 9, at::kFloat), false);
    module.define("def forward(self, x):\n  return torch.matmul(x, self.w)\n");
    return td::evaluate(module);
  };
  auto const failure = failure_of([&] { make() | td::prune<td::L1>(0.5, {.dimension = 0}); });
  CHECK(failure.code == td::errc::dimension_out_of_range);
  CHECK_THAT(failure.text, ContainsSubstring("got 1 in 'w'"));
  CHECK(sparsity_of(weight_at((make() | td::prune<td::L1>(0.5)).handle(), "w")) == 0.5);
}

TEST_CASE("options that contradict each other are refused") {
  CHECK(failure_of([] { test::load("digits_cnn") | td::prune<td::L1>(0.3, {.dimension = 0, .global = true}); }).code ==
        td::errc::prune_options_conflict);
  auto const seeded = failure_of([] { test::load("digits_cnn") | td::prune<td::L1>(0.3, {.seed = 7}); });
  CHECK(seeded.code == td::errc::prune_options_conflict);
  CHECK_THAT(seeded.text, ContainsSubstring("'l1'"));
}

TEST_CASE("a refusal leaves every weight as it was") {
  auto model = test::load("digits_cnn");
  auto const first = weight_at(model.handle(), "features.0.weight");
  auto const before = first.clone();
  // the first layers have eleven channels to lose, the last has ten
  auto const failure = failure_of([&] { std::move(model) | td::prune<td::L1>(td::count{11}, {.dimension = 0}); });
  CHECK(failure.code == td::errc::amount_out_of_range);
  CHECK_THAT(failure.text, ContainsSubstring("at most the 10 not yet pruned of"));
  CHECK(at::equal(first, before));
}

TEST_CASE("a seed decides what random takes, and the global generator is left alone") {
  auto const draw = [](td::prune_options options) {
    return weight_at((test::load("digits_cnn") | td::prune<td::Random>(0.5, options)).handle(), "features.0.weight");
  };
  auto const state = at::globalContext().defaultGenerator(at::kCPU).get_state().clone();
  auto const seven = draw({.seed = 7});
  CHECK(at::equal(seven, draw({.seed = 7})));
  CHECK_FALSE(at::equal(seven, draw({.seed = 8})));
  CHECK(at::equal(draw({}), draw({.seed = 0})));
  CHECK(at::equal(state, at::globalContext().defaultGenerator(at::kCPU).get_state()));
  auto const model = test::load("digits_cnn") | td::prune<td::Random>(0.5, {.seed = 7});
  CHECK(model.report().find("prune")->detail("seed") == "7");
}

TEST_CASE("a stage of pruning is a value: a recipe prunes each model alike") {
  static constexpr auto half = td::prune<td::L1>(0.5);
  CHECK(half.amount == 0.5);
  auto const recipe = td::load<td::TorchScript>() | td::prune<td::Random>(0.5, {.layers = {"*"}, .seed = 3});
  auto const one = recipe(test::model_path("mlp_scripted")), other = recipe(test::model_path("mlp_scripted"));
  CHECK(at::equal(weight_at(one.handle(), "0.weight"), weight_at(other.handle(), "0.weight")));
}

namespace {

/// One linear layer with that weight.
auto linear(at::Tensor const& weight) {
  torch::jit::Module module("Linear");
  module.register_parameter("weight", weight, false);
  module.define("def forward(self, x):\n  return torch.matmul(x, self.weight)\n");
  return td::evaluate(module);
}

template <class Stage>
at::Tensor pruned_weight(at::Tensor const& weight, Stage const& stage) {
  return weight_at((linear(weight) | stage).handle(), "weight");
}

}  // namespace

TEST_CASE("weights of every floating type, layout and size are pruned") {
  auto const weight = test::noise({6, 10}).at(0);
  for (auto const dtype : {at::kHalf, at::kBFloat16, at::kDouble, at::kComplexFloat}) {
    INFO(dtype);
    CHECK(sparsity_of(pruned_weight(weight.to(dtype), td::prune<td::L1>(0.5))) == Approx(0.5));
    CHECK(sparsity_of(pruned_weight(weight.to(dtype), td::prune<td::L2>(0.5, {.dimension = 1}))) == Approx(0.5));
    CHECK(sparsity_of(pruned_weight(weight.to(dtype), td::prune<td::Random>(0.5, {.global = true}))) == Approx(0.5));
    CHECK(sparsity_of(pruned_weight(weight.to(dtype), td::prune<td::Random>(0.5, {.dimension = 0}))) == Approx(0.5));
  }
  CHECK(at::equal(pruned_weight(weight.t().clone().t(), td::prune<td::L1>(0.3)),
                  pruned_weight(weight, td::prune<td::L1>(0.3))));
  CHECK(failure_of([] { linear(at::empty({0, 4})) | td::prune<td::L1>(0.5); }).code == td::errc::nothing_to_prune);
}

TEST_CASE("an empty weight beside others stays empty") {
  torch::jit::Module module("Pair");
  module.register_parameter("a", at::ones({0, 4}), false);
  module.register_parameter("b", at::ones({4, 4}), false);
  module.define("def forward(self, x):\n  return torch.matmul(torch.matmul(x, self.b), torch.t(self.a)) @ self.a\n");
  auto const model = td::evaluate(module) | td::prune<td::L1>(0.5) | td::prune<td::Random>(0.5, {.dimension = 0}) |
                     td::prune<td::L1>(0.5, {.global = true}) | td::prune<td::L2>(1.0, {.dimension = 1});
  CHECK(sparsity_of(weight_at(model.handle(), "b")) == 1);
}

TEST_CASE("infinities are worth most, and become zero if they must; a NaN can't be ranked") {
  auto weight = test::noise({4, 4}).at(0);
  weight[1][2] = std::numeric_limits<float>::infinity();
  auto const pruned = pruned_weight(weight, td::prune<td::L1>(0.9));
  CHECK(std::isinf(pruned[1][2].item<float>()));
  CHECK(pruned_weight(weight, td::prune<td::L1>(1.0)).count_nonzero().item<std::int64_t>() == 0);
  weight[1][2] = std::numeric_limits<float>::quiet_NaN();
  for (auto const& options :
       {td::prune_options{}, td::prune_options{.dimension = 0}, td::prune_options{.global = true}}) {
    auto const failure = failure_of([&] { linear(weight) | td::prune<td::L2>(0.5, options); });
    CHECK(failure.code == td::errc::criterion_unusable);
    CHECK_THAT(failure.text, ContainsSubstring("NaN") && ContainsSubstring("'l2'"));
  }
  CHECK(pruned_weight(weight, td::prune<td::Random>(1.0)).count_nonzero().item<std::int64_t>() == 0);
}

TEST_CASE("a module loaded or pruned in inference mode is pruned") {
  auto const outside = [] { return td::load<td::TorchScript>(test::model_path("mlp_scripted")); };
  auto const inside = [&] {
    c10::InferenceMode const inference;
    return outside();
  };
  auto const wanted = weight_at((outside() | td::prune<td::L1>(0.5)).handle(), "0.weight");
  CHECK(
      at::equal(weight_at((inside() | td::prune<td::L1>(0.5) | td::prune<td::L1>(0.0)).handle(), "0.weight"), wanted));
  auto model = outside();
  {
    c10::InferenceMode const inference;
    model = outside() | td::tap([](auto const&) {});
    auto const pruned = std::move(model) | td::prune<td::L1>(0.5) | td::prune<td::L1>(0.0);
    CHECK(at::equal(weight_at(pruned.handle(), "0.weight"), wanted));
  }
}

TEST_CASE("a weight whose elements share memory is refused") {
  test::temporary_folder const folder;
  torch::jit::Module module("Expanded");
  module.register_parameter("weight", at::ones({1, 4}).expand({4, 4}), false);
  module.define("def forward(self, x):\n  return torch.matmul(x, self.weight)\n");
  module.save((folder / "expanded.pt").string());
  auto const failure = failure_of([&] { td::load<td::TorchScript>(folder / "expanded.pt") | td::prune<td::L1>(0.5); });
  CHECK(failure.code == td::errc::nothing_to_prune);
  CHECK_THAT(failure.text, ContainsSubstring("share memory in"));
}

TEST_CASE("a tensor that two modules share is pruned once") {
  auto const shared = test::noise({8, 8}).at(0);
  torch::jit::Module module("Tied"), one("One"), two("Two");
  for (auto* each : {&one, &two}) {
    each->register_parameter("weight", shared, false);
    each->define("def forward(self, x):\n  return torch.matmul(x, self.weight)\n");
  }
  module.register_module("one", one);
  module.register_module("two", two);
  module.define("def forward(self, x):\n  return self.two.forward(self.one.forward(x))\n");
  test::temporary_folder const folder;
  module.save((folder / "tied.pt").string());
  auto const model = td::load<td::TorchScript>(folder / "tied.pt") | td::prune<td::Random>(0.5);
  CHECK(model.report().find("prune")->layers.size() == 1);
  CHECK(sparsity_of(weight_at(model.handle(), "two.weight")) == Approx(0.5));
}

TEST_CASE(
    "in a transposed convolution the first dimension is what comes in; in a grouped one the second is of a group") {
  auto const before = test::load("conv_transpose");
  auto const model = before.clone() | td::prune<td::L1>(0.5, {.dimension = 0});
  for (auto const& layer : model.report().find("prune")->layers) {
    auto const weight = weight_at(model.handle(), layer.name + ".weight");
    CHECK(layer.slices == static_cast<std::uint64_t>(weight.size(0)));
  }
  auto const depthwise = test::load("mobilenet_v2") | td::prune<td::L1>(0.5, {.dimension = 1});
  std::size_t single = 0;
  for (auto const& layer : depthwise.report().find("prune")->layers)
    single += layer.slices == 1 && layer.zero_slices == 0;
  CHECK(single > 10);
}
