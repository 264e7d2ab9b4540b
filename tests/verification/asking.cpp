#include <torchdeploy/verification/asking.hpp>

#include <tuple>

#include "support/models.hpp"

namespace {

using td::detail::ask;

auto const twice = [](at::Tensor const& x) { return x * 2; };
auto const sum = [](at::Tensor const& x, at::Tensor const& y) { return x + y; };
auto const size = [](td::example const& all) { return static_cast<std::int64_t>(all.size()); };

td::verification_error refused(auto const& function, td::example const& inputs) {
  return test::raised_by<td::verification_error>([&] { (void)ask(function, inputs); });
}

}  // namespace

static_assert(td::detail::takes_tensors<decltype(twice)> && td::detail::takes_tensors<decltype(sum)>);
static_assert(!td::detail::takes_tensors<decltype(size)>);

TEST_CASE("a function is asked with the sample's tensors, or with the whole sample") {
  auto const x = at::ones({2});
  CHECK(ask(twice, {x}).toTensor().equal(x * 2));
  CHECK(ask(sum, {x, x}).toTensor().equal(x * 2));
  CHECK(ask(size, {x, 3, x}).toInt() == 3);
  auto const either = [](auto const&... all) { return static_cast<std::int64_t>(sizeof...(all)); };
  CHECK(ask(either, {x, x, x, x}).toInt() == 4);
  auto const two = [](at::Tensor const& given) { return std::tuple(given, given); };
  CHECK(ask(two, {x}).isTuple());
}

TEST_CASE("a sample that the function does not take is refused, with the way out") {
  auto const x = at::ones({2});
  auto const other = refused(twice, {3});
  CHECK(other.code() == td::errc::options_conflict);
  CHECK_THAT(other.what(), ContainsSubstring("got an int as argument 0"));
  auto const more = refused(twice, {x, x});
  CHECK(more.code() == td::errc::options_conflict);
  CHECK_THAT(more.what(), ContainsSubstring("takes 2 tensor(s)") && ContainsSubstring("td::example const&"));
  CHECK(refused(sum, {}).code() == td::errc::options_conflict);
}
