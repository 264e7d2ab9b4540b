#include <torchdeploy/pruning/criterion.hpp>

#include <string_view>
#include <type_traits>

#include <torchdeploy/stage/prune.hpp>

#include "support/models.hpp"

namespace acme {

/// Signed: the most negative go.
struct Smallest {
  static constexpr std::string_view name = "smallest";
  static at::Tensor importance(at::Tensor const& weight) { return weight; }
};

/// Distance from the mean of the row: it looks at the whole layer, each time.
struct Unusual {
  static constexpr std::string_view name = "unusual";
  double power = 1;
  [[nodiscard]] at::Tensor importance(at::Tensor const& weight) const {
    return (weight - weight.flatten(1).mean(1).view({-1, 1})).abs().pow(power);
  }
};

/// Slices are ranked by their last element.
struct Last {
  static constexpr std::string_view name = "last";
  static at::Tensor importance(at::Tensor const& weight) { return weight.abs(); }
  static at::Tensor slice_importance(at::Tensor const& weight, std::int64_t dimension) {
    return weight.movedim(dimension, 0).flatten(1).select(1, -1);
  }
};

/// Draws whole numbers: 0 from an even seed, 1 from an odd one, for all.
struct Stubborn {
  static constexpr std::string_view name = "stubborn";
  void seed(std::uint64_t value) { answer = static_cast<std::int64_t>(value % 2); }
  at::Tensor importance(at::Tensor const& weights) {
    shown = weights.dim();
    return at::full(weights.sizes(), answer + shown, at::kLong);
  }
  std::int64_t answer{}, shown{};
};

struct WrongShape {
  static constexpr std::string_view name = "wrong_shape";
  static at::Tensor importance(at::Tensor const& weight) { return weight.flatten(); }
};
struct Nothing {
  static constexpr std::string_view name = "nothing";
  static at::Tensor importance(at::Tensor const&) { return {}; }
};
struct NotANumber {
  static constexpr std::string_view name = "not_a_number";
  static at::Tensor importance(at::Tensor const& weight) {
    return weight.sub(weight).log().sub(weight.sub(weight).log());
  }
};
struct Throws {
  static constexpr std::string_view name = "throws";
  static at::Tensor importance(at::Tensor const& weight) { return weight.view({-1, 7919}); }
};
struct ThrowsOurs {
  static constexpr std::string_view name = "throws_ours";
  static at::Tensor importance(at::Tensor const&) { throw td::error(td::errc::no_samples, "mine"); }
};
struct WrongSlices {
  static constexpr std::string_view name = "wrong_slices";
  static at::Tensor importance(at::Tensor const& weight) { return weight; }
  static at::Tensor slice_importance(at::Tensor const& weight, std::int64_t) { return weight; }
};

struct NoName {
  static at::Tensor importance(at::Tensor const& weight) { return weight; }
};
struct NoImportance {
  static constexpr std::string_view name = "no_importance";
};

}  // namespace acme

namespace {

at::Tensor weight_of(torch::jit::Module const& module) { return module.attr("0").toModule().attr("weight").toTensor(); }

}  // namespace

TEST_CASE("a criterion has a name and tells the importance of weights; one that draws takes a seed") {
  STATIC_REQUIRE(td::pruning_criterion<td::L1>);
  STATIC_REQUIRE(td::pruning_criterion<td::L2>);
  STATIC_REQUIRE(td::pruning_criterion<td::Random>);
  STATIC_REQUIRE(td::pruning_criterion<acme::Unusual>);
  STATIC_REQUIRE_FALSE(td::pruning_criterion<acme::NoName>);
  STATIC_REQUIRE_FALSE(td::pruning_criterion<acme::NoImportance>);
  STATIC_REQUIRE_FALSE(td::pruning_criterion<double>);
  STATIC_REQUIRE(td::seeded_criterion<td::Random>);
  STATIC_REQUIRE(td::seeded_criterion<acme::Stubborn>);
  STATIC_REQUIRE_FALSE(td::seeded_criterion<td::L1>);
  STATIC_REQUIRE_FALSE(td::seeded_criterion<acme::Unusual>);
}

TEST_CASE("l1 and l2 agree on elements and not on slices") {
  auto const weight = at::tensor(at::ArrayRef<float>{3, -4, 0, 6, 1, -1}).view({3, 2});
  CHECK(at::equal(td::L1::importance(weight), weight.abs()));
  CHECK(at::equal(td::L2::importance(weight), weight.abs()));
  CHECK(at::equal(td::L1::slice_importance(weight, 0), at::tensor(at::ArrayRef<float>{7, 6, 2})));
  CHECK(at::allclose(td::L2::slice_importance(weight, 0), at::tensor(at::ArrayRef<float>{5, 6, 1.41421356f})));
  CHECK(at::equal(td::L1::slice_importance(weight, 1), at::tensor(at::ArrayRef<float>{4, 11})));
}

TEST_CASE("random goes on drawing until it is seeded again") {
  td::Random random;
  auto const weights = at::zeros({1000});
  random.seed(7);
  auto const first = random.importance(weights), second = random.importance(weights);
  CHECK_FALSE(at::equal(first, second));
  random.seed(7);
  CHECK(at::equal(first, random.importance(weights)));
  CHECK(random.importance(weights.to(at::kHalf)).scalar_type() == at::kHalf);
  CHECK(random.slice_importance(weights.view({10, 100}), 1).sizes() == at::IntArrayRef{100});
}

TEST_CASE("a criterion of the user's own ranks slices by their mean, and goes on to see whole layers") {
  auto const original = weight_of(test::load("mlp_scripted").handle());
  auto const half = original.size(0) / 2;
  auto const slices = test::load("mlp_scripted") | td::prune<acme::Smallest>(0.5, {.dimension = 0});
  auto const lowest = std::get<1>(original.mean({1}).topk(half, 0, false));
  CHECK(weight_of(slices.handle()).index_select(0, lowest).count_nonzero().item<std::int64_t>() == 0);
  CHECK(slices.report().find("prune")->layers.at(0).zero_slices == static_cast<std::uint64_t>(half));
  auto const twice = test::load("mlp_scripted") | td::prune<acme::Unusual>(0.5) | td::prune<acme::Unusual>(0.5) |
                     td::prune<acme::Unusual>(0.5, {.global = true});
  CHECK(twice.report().find("prune")->detail("sparsity") == "0.8750");
  CHECK(twice.report().find("prune")->detail("criterion") == "unusual");
}

TEST_CASE("a criterion may rank slices by itself") {
  auto const original = weight_of(test::load("mlp_scripted").handle());
  auto const model = test::load("mlp_scripted") | td::prune<acme::Last>(td::count{3}, {.dimension = 0});
  auto const lowest = std::get<1>(original.select(1, -1).topk(3, 0, false));
  CHECK(weight_of(model.handle()).index_select(0, lowest).count_nonzero().item<std::int64_t>() == 0);
}

TEST_CASE("a criterion of the user's own that draws is seeded, and shown what is left, flat") {
  auto const model =
      test::load("mlp_scripted") | td::prune<acme::Stubborn>(0.5, {.seed = 3}) | td::prune<acme::Stubborn>(0.5);
  CHECK(model.report().find("prune")->detail("sparsity") == "0.7500");
  CHECK(model.report().find("prune")->detail("seed") == "0");
}

TEST_CASE("a criterion whose answer ranks nothing is refused, and changes nothing") {
  auto const refused = [](auto&& stage) {
    auto model = test::load("mlp_scripted");
    auto const weight = weight_of(model.handle());
    auto const before = weight.clone();
    auto const failure = test::failure_of([&] { std::move(model) | stage; });
    CHECK(failure.code == td::errc::criterion_unusable);
    CHECK(at::equal(weight, before));
    return failure.text;
  };
  CHECK_THAT(refused(td::prune<acme::WrongShape>(0.5)), ContainsSubstring("'wrong_shape', got ["));
  CHECK_THAT(refused(td::prune<acme::WrongShape>(0.5, {.dimension = 0})), ContainsSubstring("'wrong_shape'"));
  CHECK_THAT(refused(td::prune<acme::Nothing>(0.5, {.global = true})), ContainsSubstring("got none"));
  CHECK_THAT(refused(td::prune<acme::NotANumber>(0.5)), ContainsSubstring("got NaN"));
  CHECK_THAT(refused(td::prune<acme::Throws>(0.5)), ContainsSubstring("can't rank"));
  CHECK_THAT(refused(td::prune<acme::WrongSlices>(0.5, {.dimension = 0})), ContainsSubstring("'wrong_slices'"));
  CHECK(test::failure_of([] { test::load("mlp_scripted") | td::prune<acme::ThrowsOurs>(0.5); }).code ==
        td::errc::no_samples);
}
