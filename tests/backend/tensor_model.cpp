#include <torchdeploy/backend/tensor_model.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <torchdeploy/backend/backend.hpp>
#include <torchdeploy/format/torchscript.hpp>

#include "support/models.hpp"

namespace {

/// Adds two tensors and counts its calls: a runtime with a state, without a library.
class adder {
 public:
  static constexpr std::string_view runtime = "Adder";

  std::vector<td::tensor_info> const& inputs() const { return inputs_; }
  std::vector<td::tensor_info> const& outputs() const { return outputs_; }
  std::vector<std::string> state() const {
    return counts_ ? std::vector<std::string>{"calls"} : std::vector<std::string>{};
  }
  adder fork() const {
    adder twin = *this;
    twin.calls_ = std::make_shared<std::atomic<int>>(calls_->load());
    return twin;
  }
  void run(std::span<at::Tensor const* const> given, std::span<at::Tensor> results) const {
    if (given[0]->numel() == 0) throw std::runtime_error("nothing to add");
    auto const calls = ++*calls_;
    for (auto const* each : given) CHECK(each->is_contiguous());
    auto sum = given[0]->add(*given[1]);
    if (counts_) sum = sum.add(calls);
    if (hasty_) {
      results[0] = sum;
      throw std::runtime_error("too hasty");
    }
    if (results[0].defined())
      results[0].copy_(sum);
    else
      results[0] = sum;
    if (results.size() == 2) results[1] = given[0]->sum();
  }

  bool counts_ = false, hasty_ = false;
  std::vector<td::tensor_info> inputs_{{.name = "left", .dtype = at::kFloat, .shape = {{-1, 3}}},
                                       {.name = "right", .dtype = at::kFloat, .shape = {{-1, 3}}}};
  std::vector<td::tensor_info> outputs_{{.name = "sum", .dtype = at::kFloat, .shape = {{-1, 3}}}};

 private:
  std::shared_ptr<std::atomic<int>> calls_ = std::make_shared<std::atomic<int>>(0);
};

/// TorchScript goes in, whatever it is, and an adder comes out.
struct Adding {
  using consumes = td::TorchScript;
  static constexpr bool available = true;
  struct options {
    bool counts = false;
  };
  static td::tensor_model<adder> compile(torch::jit::Module const&, td::record<td::TorchScript> const&,
                                         options const& told) {
    adder made;
    made.counts_ = told.counts;
    return td::tensor_model(made);
  }
};

/// The call ends with this error, and its text has these words.
template <class Call>
std::string refuses(td::errc code, std::string const& words, Call&& call) {
  auto const failure = test::failure_of<td::backend_error>(call);
  CHECK(failure.code == code);
  CHECK_THAT(failure.text, ContainsSubstring(words));
  return failure.nested;
}

at::Tensor const ones = at::ones({2, 3}), twos = at::full({2, 3}, 2.0);
td::tensor_model<adder> const model{adder{}};

}  // namespace

TEST_CASE("a tensor model is called with tensors, values or names") {
  CHECK(model(ones, twos).equal(at::full({2, 3}, 3.0)));
  CHECK(model.run({ones, twos}).toTensor().equal(at::full({2, 3}, 3.0)));
  auto const named = model.run_named({{"right", twos}, {"left", at::zeros({2, 3})}});
  REQUIRE(named.size() == 1);
  CHECK(named[0].name == "sum");
  CHECK(named[0].tensor.equal(twos));
}

TEST_CASE("results go into the caller's tensors, or become new ones") {
  std::array<at::Tensor, 1> results{at::empty({2, 3})};
  auto const* const place = results[0].data_ptr();
  model.run_into(results, ones, ones);
  CHECK(results[0].data_ptr() == place);
  CHECK(results[0].equal(twos));
  results = {};
  model.run_into(results, ones, ones);
  CHECK(results[0].equal(twos));
  results[0] = at::empty({3, 2}).t();
  refuses(td::errc::wrong_arguments, "contiguous output sum", [&] { model.run_into(results, ones, ones); });
  results[0] = at::empty({2, 3}, at::kDouble);
  refuses(td::errc::wrong_arguments, "float64 [2, 3]", [&] { model.run_into(results, ones, ones); });
  auto const negated = at::imag(at::complex(ones, ones).conj());
  REQUIRE((negated.is_neg() && negated.sizes() == ones.sizes()));
  results[0] = negated.expand({2, 3});
  refuses(td::errc::wrong_arguments, "contiguous output sum", [&] { model.run_into(results, ones, ones); });
  results[0] = at::_efficientzerotensor({2, 3}, at::kFloat);
  refuses(td::errc::wrong_arguments, "contiguous output sum", [&] { model.run_into(results, ones, ones); });
  std::vector<at::Tensor> none;
  refuses(td::errc::wrong_arguments, "1 outputs: sum, got 0", [&] { model.run_into(none, ones, ones); });
}

TEST_CASE("a call that fails leaves the caller's results as they were") {
  adder hasty;
  hasty.hasty_ = true;
  td::tensor_model<adder> const first{hasty};
  std::array<at::Tensor, 1> results;
  refuses(td::errc::call_raised, "too hasty", [&] { first.run_into(results, ones, ones); });
  CHECK_FALSE(results[0].defined());
  results[0] = at::full({2, 3}, 7.0);
  auto const* const place = results[0].data_ptr();
  refuses(td::errc::call_raised, "too hasty", [&] { first.run_into(results, ones, ones); });
  CHECK(results[0].data_ptr() == place);
}

TEST_CASE("a runtime sees what was checked, and contiguous") {
  CHECK(model(at::ones({3, 2}).t(), twos).equal(at::full({2, 3}, 3.0)));
  CHECK(model(at::ones({2, 6}).slice(1, 0, 6, 2), twos).equal(at::full({2, 3}, 3.0)));
  auto const negated = at::imag(at::complex(ones, ones).conj());  // a view that says: negate me
  REQUIRE(negated.is_neg());
  CHECK(model(negated, twos).equal(ones));
  auto const without_memory = at::_efficientzerotensor({2, 3}, at::kFloat);
  REQUIRE(without_memory._is_zerotensor());
  CHECK(model(without_memory, twos).equal(twos));

  auto const no = [](auto&& call, char const* text) { refuses(td::errc::wrong_arguments, text, call); };
  no([] { model(ones); }, "expected 2 inputs: left, right, got 1");
  no([] { model(ones, ones, ones); }, "got 3");
  no([] { model(ones, ones.to(at::kDouble)); }, "right: float32 [?, 3], got float64 [2, 3]");
  no([] { model(ones, at::ones({3})); }, "got float32 [3]");
  no([] { model(ones, at::ones({2, 4})); }, "got float32 [2, 4]");
  no([] { model(ones, at::Tensor()); }, "an undefined tensor");
  no([] { model(ones, ones.to_sparse()); }, "Sparse");
  no([] { model(ones, at::_nested_tensor_from_tensor_list({ones[0], twos[0]})); }, "got a nested tensor");
  no([] { model(ones, at::empty({2, 3}, at::device(at::kMeta))); }, "on meta");
  no([] { (void)model.run({ones, 3}); }, "expected tensors, got Int");
}

TEST_CASE("names that a model has not are refused, with the nearest") {
  auto const no = [](auto&& call, char const* text) { refuses(td::errc::name_unknown, text, call); };
  no([] { (void)model.run_named({{"lefd", ones}, {"right", ones}}); }, "did you mean 'left'?");
  no([] { (void)model.run_named({{"left", ones}}); }, "'right', got none");
  no([] { (void)model.run_named({{"left", ones}, {"left", ones}}); }, "'left' twice");
}

TEST_CASE("what a runtime throws becomes one of ours, nested") {
  auto const nothing = at::empty({0, 3});
  CHECK(refuses(td::errc::call_raised, "Adder raised: nothing to add", [&] { model(nothing, nothing); }) ==
        "nothing to add");
}

TEST_CASE("a model of several results is called by run") {
  adder two;
  two.outputs_.push_back({.name = "total", .dtype = at::kFloat, .shape = {{}}});
  td::tensor_model<adder> const pair{two};
  refuses(td::errc::not_one_tensor, "one that gives 2", [&] { pair(ones, twos); });
  auto const both = pair.run({ones, twos}).toTupleRef().elements();
  REQUIRE(both.size() == 2);
  CHECK(both[1].toTensor().item<float>() == 6);
  CHECK(pair.run_named({{"left", ones}, {"right", ones}})[1].name == "total");
}

TEST_CASE("sessions without state are shared, others pooled") {
  auto const plain = test::load("one_op") | td::deploy<Adding>();
  CHECK(plain.share()(ones, twos).equal(at::full({2, 3}, 3.0)));

  auto const counting = test::load("one_op") | td::deploy<Adding>({.counts = true});
  refuses(td::errc::model_keeps_state, "writes 'calls'", [&] { (void)counting.share(); });
  CHECK(counting(ones, ones).equal(at::full({2, 3}, 3.0)));
  auto const pool = counting.pool(2);
  CHECK(pool.size() == 2);
  {
    auto const first = pool.acquire(), second = pool.acquire();
    CHECK((*first)(ones, ones).equal(at::full({2, 3}, 4.0)));
    CHECK((*first)(ones, ones).equal(at::full({2, 3}, 5.0)));
    CHECK((*second)(ones, ones).equal(at::full({2, 3}, 4.0)));
  }
  CHECK(pool(ones, ones).sizes() == at::IntArrayRef({2, 3}));
  CHECK(counting(ones, ones).equal(at::full({2, 3}, 4.0)));
  refuses(td::errc::setting_out_of_range, "got 0", [&] { (void)counting.pool(0); });
}

TEST_CASE("a warm-up leaves the state as it was") {
  auto const counting = test::load("one_op") | td::deploy<Adding>({.counts = true});
  (void)counting.warmup(3, {.samples = std::vector<td::example>{{ones, ones}}});
  CHECK(counting(ones, ones).equal(at::full({2, 3}, 3.0)));
}
