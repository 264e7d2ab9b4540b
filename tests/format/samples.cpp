#include <torchdeploy/format/samples.hpp>

#include <array>
#include <list>
#include <ranges>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <range/v3/view/filter.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>

#include <torchdeploy/stage/diagnose.hpp>
#include <torchdeploy/stage/quantize.hpp>
#include <torchdeploy/stage/save.hpp>
#include <torchdeploy/stage/verify.hpp>

#include "support/models.hpp"

namespace {

template <class R>
std::vector<float> read(td::detail::held_range<R> const& held) {
  std::vector<float> all;
  held.for_each([&](auto&& each) { all.push_back(td::to_example(each).at(0).toTensor().template item<float>()); });
  return all;
}
template <class R>
auto hold(R&& range) {
  return td::detail::held_range<R>(std::forward<R>(range));
}
at::Tensor number(int i) { return at::scalar_tensor(i); }

}  // namespace

TEST_CASE("a sample is what a model's forward takes") {
  CHECK(td::sample<at::Tensor>);
  CHECK(td::sample<at::Tensor const&>);
  CHECK(td::sample<std::tuple<at::Tensor, at::Tensor>>);
  CHECK(td::sample<std::pair<at::Tensor, std::int64_t>>);
  CHECK(td::sample<std::vector<c10::IValue>>);
  CHECK(td::sample<c10::IValue>);
  CHECK_FALSE(td::sample<std::vector<at::Tensor>>);
  CHECK_FALSE(td::sample<std::string>);
  CHECK_FALSE(td::sample<int>);
  CHECK_FALSE(td::sample<std::tuple<at::Tensor, std::ostringstream>>);
}

TEST_CASE("samples are any input range of samples, and no sample is one") {
  CHECK(td::sample_range<std::vector<at::Tensor>>);
  CHECK(td::sample_range<std::vector<at::Tensor> const&>);
  CHECK(td::sample_range<std::list<td::example>&>);
  CHECK(td::sample_range<std::array<std::tuple<at::Tensor, at::Tensor>, 2>>);
  CHECK(td::sample_range<decltype(ranges::views::iota(0, 3) | ranges::views::transform(number))>);
  CHECK(td::sample_range<decltype(std::views::iota(0, 3) | std::views::transform(number))>);
  CHECK(td::sample_range<decltype(std::declval<std::ranges::istream_view<int>>() | std::views::transform(number))>);
  CHECK_FALSE(td::sample_range<at::Tensor>);
  CHECK_FALSE(td::sample_range<td::example>);
  CHECK_FALSE(td::sample_range<std::vector<std::string>>);
  CHECK_FALSE(td::sample_range<int>);
  CHECK_FALSE(td::sample_range<std::string>);
  CHECK_FALSE(td::sample_range<char const(&)[5]>);
}

TEST_CASE("an example has one value for each argument, and shares its tensors") {
  auto const x = at::ones({2});
  CHECK(td::to_example(x).size() == 1);
  CHECK(td::to_example(x)[0].toTensor().is_same(x));
  auto const both = td::to_example(std::tuple(x, 16000));
  REQUIRE(both.size() == 2);
  CHECK(both[0].toTensor().is_same(x));
  CHECK(both[1].toInt() == 16000);
  CHECK(td::to_example(std::pair(x, true))[1].toBool());
  CHECK(td::to_example(td::example{x, x, x}).size() == 3);
}

TEST_CASE("a lvalue container is borrowed, a rvalue owned") {
  std::vector<at::Tensor> container{number(1)};
  auto const borrowed = hold(container);
  auto const owned = hold(std::vector<at::Tensor>(container));
  container.push_back(number(2));
  CHECK(read(borrowed) == std::vector<float>{1, 2});
  CHECK(read(owned) == std::vector<float>{1});
  CHECK(borrowed.size() == 2U);
}

TEST_CASE("a const container is borrowed too") {
  std::vector<at::Tensor> const container{number(1), number(2)};
  CHECK(read(hold(container)) == std::vector<float>{1, 2});
}

TEST_CASE("a view is copied, also one that only a mutable object can read") {
  std::vector<int> numbers{1, 2, 3, 4};
  auto const held = [&] {
    auto view = numbers | ranges::views::filter([](int i) { return i % 2 == 0; }) | ranges::views::transform(number);
    return hold(view);
  }();
  CHECK(read(held) == std::vector<float>{2, 4});
  numbers.push_back(6);
  CHECK(read(held) == std::vector<float>{2, 4, 6});
  CHECK_FALSE(held.size().has_value());
}

TEST_CASE("a range that can be read once is told from one that can be read again") {
  std::istringstream in("1 2");
  auto stream = std::views::istream<int>(in) | std::views::transform(number);
  CHECK_FALSE(td::detail::held_range<decltype(stream)>::multi_pass);
  CHECK(td::detail::held_range<decltype(std::views::iota(0, 3) | std::views::transform(number))>::multi_pass);
  CHECK(td::detail::held_range<decltype(ranges::views::iota(0, 3) | ranges::views::transform(number))>::multi_pass);
  CHECK(td::detail::held_range<std::vector<at::Tensor>&>::multi_pass);
  std::vector<float> seen;
  hold(std::move(stream)).for_each([&](at::Tensor const& each) { seen.push_back(each.item<float>()); });
  CHECK(seen == std::vector<float>{1, 2});
}

TEST_CASE("options take samples from a container, a view, or in braces") {
  std::vector<at::Tensor> const container{number(1), number(2)};
  CHECK(td::samples(container).size() == 2);
  CHECK(td::samples(ranges::views::iota(0, 5) | ranges::views::transform(number)).size() == 5);
  CHECK(td::samples().empty());
  td::load_options const options{.examples = container};
  CHECK(options.examples.begin()->at(0).toTensor().is_same(container[0]));
  auto const image = number(3);
  CHECK(td::load_options{.examples = {image}}.examples.size() == 1);
  CHECK(td::load_options{.examples = {image, number(4)}}.examples.size() == 2);
  CHECK(td::load_options{.examples = image}.examples.begin()->at(0).toTensor().is_same(image));
  CHECK(td::load_options{.examples = {container}}.examples.size() == 2);
  CHECK(td::load_options{.examples = {}}.examples.empty());
}

TEST_CASE("what a user's own range throws passes through as it is, and leaves no file") {
  struct disk_unplugged {};  // not even a std::exception
  auto const reading = ranges::views::iota(0, 8) | ranges::views::transform([](int i) {
                         if (i == 5) throw disk_unplugged();
                         return test::digits(4);
                       });
  test::temporary_folder const folder;
  auto const path = folder / "model.pt";
  test::write(path, "the old file");
  auto const digits = test::load("digits_cnn");
  auto const engine = at::globalContext().qEngine();
  CHECK_THROWS_AS(digits.clone() | td::quantize<td::Int8>(reading) | td::save(path), disk_unplugged);
  auto const recipe = td::quantize<td::Int8>(reading) | td::save(path);
  CHECK_THROWS_AS(recipe(digits.clone()), disk_unplugged);
  CHECK_THROWS_AS(digits.clone() | td::verify(digits, {.samples = reading}) | td::save(path), disk_unplugged);
  CHECK_THROWS_AS(td::diagnose(digits, {.samples = reading}), disk_unplugged);
  CHECK_THROWS_AS(td::load<td::TorchScript>(test::model_path("digits_cnn"), {.examples = reading}), disk_unplugged);
  CHECK(test::bytes_of(path).size() == std::string("the old file").size());
  CHECK(folder.files() == 1);
  CHECK(at::globalContext().qEngine() == engine);
  // and the next pipeline is none the worse for it
  CHECK_NOTHROW(digits.clone() | td::quantize<td::Int8>(std::vector{test::digits(4)}) | td::verify(digits));
}

TEST_CASE("what LibTorch can't copy is shared, wherever it stands, and all else is copied") {
  auto const x = number(1);
  c10::complex<double> const z(1, 2);
  td::example const inputs{x, at::Tensor(), z, c10::ivalue::Tuple::create({x, z, at::Tensor()}),
                           c10::List<c10::complex<double>>({z, z})};
  auto const copy = td::detail::copy_of(inputs);
  CHECK_FALSE(copy[0].toTensor().is_same(x));
  CHECK(at::equal(copy[0].toTensor(), x));
  CHECK_FALSE(copy[1].toTensor().defined());
  CHECK(copy[2].toComplexDouble() == z);
  auto const& inside = copy[3].toTupleRef().elements();
  CHECK_FALSE(inside[0].toTensor().is_same(x));
  CHECK(inside[1].toComplexDouble() == z);
  CHECK(copy[4].toListRef()[1].toComplexDouble() == z);
}
