#include <torchdeploy/backend/tensor_check.hpp>

#include <string>
#include <vector>

#include "support/models.hpp"

namespace {

using td::detail::fits;

std::string refusal(auto work, td::errc code) {
  auto const failure = test::failure_of<td::backend_error>(work);
  CHECK(failure.code == code);
  return failure.text;
}

std::vector<td::tensor_info> const image_and_mask{{.name = "image"}, {.name = "mask"}};

}  // namespace

TEST_CASE("a tensor fits by dtype, rank and the sizes that are not open") {
  td::tensor_info const wanted{.name = "x", .dtype = at::kFloat, .shape = {{-1, 3}}};
  CHECK(fits(at::ones({2, 3}), wanted));
  CHECK(fits(at::ones({0, 3}), wanted));
  CHECK(fits(at::ones({3, 2}).t(), wanted));  // contiguous or not
  CHECK_FALSE(fits(at::ones({2, 4}), wanted));
  CHECK_FALSE(fits(at::ones({3}), wanted));
  CHECK_FALSE(fits(at::ones({1, 2, 3}), wanted));
  CHECK_FALSE(fits(at::ones({2, 3}, at::kDouble), wanted));
  CHECK_FALSE(fits(at::Tensor(), wanted));
  CHECK_FALSE(fits(at::ones({2, 3}).to_sparse(), wanted));
  CHECK_FALSE(fits(at::empty({2, 3}, at::device(at::kMeta)), wanted));

  CHECK(fits(at::ones({7}, at::kLong), {.name = "anything"}));
  CHECK_FALSE(fits(at::Tensor(), {.name = "anything"}));
  CHECK(fits(at::ones({}), {.shape = {{}}}));
  CHECK_FALSE(fits(at::ones({1}), {.shape = {{}}}));
}

TEST_CASE("what a tensor is, is said with what is unusual of it") {
  using td::detail::kind_of;
  CHECK(kind_of(at::ones({2, 3})) == "float32 [2, 3]");
  CHECK(kind_of(at::ones({}, at::kLong)) == "int64 []");
  CHECK(kind_of(at::Tensor()) == "an undefined tensor");
  CHECK(kind_of(at::eye(2).to_sparse()) == "float32 [2, 2] with layout Sparse");
  CHECK(kind_of(at::empty({2}, at::device(at::kMeta))) == "float32 [2] on meta");
}

TEST_CASE("a tensor that does not fit is refused with its name, what was asked and what came") {
  td::tensor_info const wanted{.name = "image", .dtype = at::kFloat, .shape = {{-1, 3}}};
  auto const text =
      refusal([&] { td::detail::refuse_tensor("input", wanted, at::ones({3})); }, td::errc::wrong_arguments);
  CHECK_THAT(text, ContainsSubstring("expected input image: float32 [?, 3], got float32 [3]"));
  auto const unnamed = refusal([&] { td::detail::refuse_tensor("output", {.name = "output"}, at::Tensor()); },
                               td::errc::wrong_arguments);
  CHECK_THAT(unnamed, ContainsSubstring("expected output: Tensor, got an undefined tensor"));
  auto const count = refusal([&] { td::detail::refuse_count("inputs", image_and_mask, 3); }, td::errc::wrong_arguments);
  CHECK_THAT(count, ContainsSubstring("expected 2 inputs: image, mask, got 3"));
}

TEST_CASE("named tensors come in the model's order, each once, and a name that is near is proposed") {
  auto const a = at::zeros({1}), b = at::ones({1});
  using td::detail::in_order;
  std::vector<td::named_tensor> given{{"mask", b}, {"image", a}};
  auto const both = in_order(given, image_and_mask);
  CHECK(both.at(0)->is_same(a));
  CHECK(both.at(1)->is_same(b));
  given.resize(1);
  CHECK(in_order(given, image_and_mask).at(0) == nullptr);

  given.push_back({"mask", a});
  CHECK_THAT(refusal([&] { (void)in_order(given, image_and_mask); }, td::errc::name_unknown),
             ContainsSubstring("got 'mask' twice"));
  given = {{"imag", a}};
  CHECK_THAT(refusal([&] { (void)in_order(given, image_and_mask); }, td::errc::name_unknown),
             ContainsSubstring("of: image, mask; got 'imag'") && ContainsSubstring("did you mean 'image'"));
}
