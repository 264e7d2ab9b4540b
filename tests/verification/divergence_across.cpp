#include <torchdeploy/verification/divergence_across.hpp>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/models.hpp"

namespace {

/// A runtime whose layers can be looked at: LibTorch's, with one layer off.
class showing_executable {
 public:
  static constexpr std::string_view runtime = "Showing";

  showing_executable(torch::jit::Module const& module, td::example const& sample, std::span<std::string const> wanted,
                     std::string off)
      : look_(std::make_shared<td::detail::layer_look>(td::detail::look_into(td::detail::layered_of(module)))),
        off_(std::move(off)) {
    for (std::size_t i = 0; i < sample.size(); ++i) inputs_.push_back({.name = "input_" + std::to_string(i)});
    auto const answers = look_->run(sample);
    std::vector<td::named_tensor> own;
    td::detail::flatten(answers.output, own);
    own_ = own.size();
    for (auto const& each : own) outputs_.push_back({.name = each.name});
    for (std::size_t call = 0; call < answers.calls.size(); ++call) {
      auto const& layer = look_->layers[answers.calls[call].first];
      if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), layer.name) == wanted.end()) continue;
      shown.push_back({layer.name, layer.kind, "f32", outputs_.size()});
      calls_.push_back(call);
      outputs_.push_back({.name = layer.name + " call " + std::to_string(call)});
    }
  }

  std::vector<td::tensor_info> const& inputs() const { return inputs_; }
  std::vector<td::tensor_info> const& outputs() const { return outputs_; }
  std::vector<std::string> state() const { return {}; }
  showing_executable fork() const { return *this; }
  void run(std::span<at::Tensor const* const> given, std::span<at::Tensor> results) const {
    td::example inputs;
    for (auto const* each : given) inputs.emplace_back(*each);
    auto const answers = look_->run(inputs);
    std::vector<td::named_tensor> own;
    td::detail::flatten(answers.output, own);
    for (std::size_t i = 0; i < own.size(); ++i) results[i] = own[i].tensor;
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      auto const& [layer, output] = answers.calls.at(calls_[i]);
      results[own_ + i] = look_->layers[layer].name == off_ ? output * 1.01 : output;
    }
  }

  std::size_t own() const { return own_; }
  std::vector<td::shown_layer> shown{};

 private:
  std::shared_ptr<td::detail::layer_look> look_;
  std::string off_;
  std::size_t own_{};
  std::vector<std::size_t> calls_;
  std::vector<td::tensor_info> inputs_, outputs_;
};

struct Showing {
  using consumes = td::TorchScript;
  struct options {
    std::string off{};
    std::string only{};
  };
  static constexpr bool available = true;
  using compiled = td::tensor_model<showing_executable>;

  static compiled compile(torch::jit::Module const& module, td::record<td::TorchScript> const& record,
                          options const& told) {
    return compiled(showing_executable(module, record.examples.at(0), {}, told.off));
  }
  static td::layer_outputs<showing_executable> look_into(torch::jit::Module const& module,
                                                         td::record<td::TorchScript> const& record, options const& told,
                                                         std::span<std::string const> layers) {
    showing_executable made(module, record.examples.at(0), told.only.empty() ? layers : std::span(&told.only, 1),
                            told.off);
    return {compiled(made), made.own(), made.shown};
  }
};

auto vectors(int count = 3) { return test::noise({2, 16}, count); }

}  // namespace

static_assert(td::shows_layers<Showing, td::TorchScript> && !td::shows_layers<td::LibTorch, td::TorchScript>);

TEST_CASE("the first layer that another runtime computes differently is found by its name") {
  auto const model = test::load("two_outputs");
  auto const same = td::first_divergence(td::on<Showing>(model), model, {.samples = vectors()});
  CAPTURE(same);
  CHECK_FALSE(same.diverged);
  CHECK(same.matched_by == "name");
  CHECK(same.why == "default, as two runtimes sum in different orders");
  CHECK(same.samples == 3);
  REQUIRE(same.layers.size() == 5);
  CHECK(same.layers[0].name == "trunk");
  CHECK(same.layers[0].precision == "f32");
  CHECK(same.layers[0].calls == 3);
  CHECK(same.layers[4].kind == "output");

  for (std::string const off : {"trunk", "classes", "box"}) {
    auto const found = td::first_divergence(td::on<Showing>(model, {.off = off}), model, {.samples = vectors()});
    CHECK(found.diverged);
    CHECK(found.layer == off);
    auto const turned = td::first_divergence(model, td::on<Showing>(model, {.off = off}), {.samples = vectors()});
    CHECK(turned.layer == off);
    auto const both =
        td::first_divergence(td::on<Showing>(model), td::on<Showing>(model, {.off = off}), {.samples = vectors()});
    CHECK(both.layer == off);
    CHECK(both.layers.size() == same.layers.size());
  }
  CHECK_FALSE(td::first_divergence(td::on<Showing>(model, {.off = "box"}), model, {.samples = vectors(), .sqnr_db = 30})
                  .diverged);
}

TEST_CASE("calls of a layer that is used twice are compared one by one") {
  auto const model = test::load("shared_weights");
  auto const found =
      td::first_divergence(td::on<Showing>(model, {.off = "shared"}), model.handle(), {.samples = vectors(2)});
  REQUIRE_FALSE(found.layers.empty());
  CHECK(found.layer == "shared");
  CHECK(found.layers[0].calls == 4);
}

TEST_CASE("layers without a counterpart are counted, and none at all is an error") {
  auto const model = test::load("two_outputs");
  auto const found = td::first_divergence(td::on<Showing>(model, {.only = "box"}), model, {.samples = vectors()});
  REQUIRE(found.layers.size() == 3);
  REQUIRE(found.notes.size() == 1);
  CHECK(found.notes[0] == "2 layer(s) of the reference have no counterpart");
  auto const none = test::raised_by<td::verification_error>(
      [&] { (void)td::first_divergence(td::on<Showing>(model, {.only = "nothing"}), model, {.samples = vectors()}); });
  CHECK(none.code() == td::errc::no_common_layer);
  CHECK(test::raised_by<td::verification_error>([&] {
          (void)td::first_divergence(td::on<Showing>(model), model);
        }).code() == td::errc::no_examples);
}
