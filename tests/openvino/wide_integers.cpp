// 64-bit integers that OpenVINO would cut to int32 are refused by name.
#ifdef TORCHDEPLOY_WITH_OPENVINO
#include <torchdeploy/openvino/wide_integers.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <torchdeploy/backend/openvino.hpp>

#include "support/models.hpp"

namespace {

auto session_of(std::string const& expression) {
  auto module = test::scripted("def forward(self, x: Tensor):\n  return " + expression);
  module.eval();
  return td::evaluate(module, {.examples = std::vector{at::arange(3)}}) | td::deploy<td::OpenVino>({.threads = 1});
}

}  // namespace

TEST_CASE("a constant beyond int32 is refused where OpenVINO would compute with another") {
  auto const* const expression =
      GENERATE("x + 8589934592", "torch.where(x > 1, x, -1099511627776)", "torch.full([3], 1099511627776) + x",
               "torch.arange(8589934592, 8589934595) + x", "x // 8589934592", "torch.clamp(x, 0, 1099511627776)",
               "x.masked_fill(x == 1, 8589934592)", "torch.tensor([2147483648, 1, 2])[x % 3]");
  DYNAMIC_SECTION(expression) {
    auto const failed = test::failure_of<td::backend_error>([&] { session_of(expression); });
    CHECK(failed.code == td::errc::conversion_failed);
    CHECK(failed.text.find("int32") != std::string::npos);
    CHECK(failed.text.find("aten::") != std::string::npos);
  }
}

TEST_CASE("constants beyond int32 that change nothing are taken") {
  auto const* const expression =
      GENERATE("x[:10995116277760] * 2", "x[1:] + 1", "x < 8589934592", "x > -8589934592", "x.float() * 10000000000",
               "x.float() + torch.tensor([1099511627776, 1, 2])", "x + 2147483647 - 2147483647");
  DYNAMIC_SECTION(expression) {
    auto const x = at::arange(3);
    auto const module = test::scripted("def forward(self, x: Tensor):\n  return " + std::string(expression));
    CHECK(at::equal(session_of(expression)(x), test::forward(module, {x}).toTensor()));
  }
}

TEST_CASE("an input beyond int32 is refused by its name and value, and the next call is as ever") {
  auto const session = session_of("x + 1");
  for (std::int64_t const wide : {std::int64_t{1} << 31, -(std::int64_t{1} << 31) - 1, std::int64_t{1} << 40,
                                  std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
    for (std::int64_t const at : {0, 17, 9999}) {  // also beyond what is copied
      auto x = at::arange(10000);
      x[at] = wide;
      auto const failed = test::failure_of<td::backend_error>([&] { session(x); });
      CHECK(failed.code == td::errc::wrong_arguments);
      CHECK(failed.text.find("'x'") != std::string::npos);
      CHECK(failed.text.find(std::to_string(wide)) != std::string::npos);
      CHECK(at::equal(session(at::arange(3)), at::arange(1, 4)));
    }
  for (std::int64_t const end : {-(std::int64_t{1} << 31), (std::int64_t{1} << 31) - 2})
    CHECK(session(at::full({1}, end)).item<std::int64_t>() == end + 1);
  CHECK(session(at::empty({0}, at::kLong)).numel() == 0);
}

TEST_CASE("an input of int64 that is only converted to float may be of any size") {
  auto const x = at::tensor({std::int64_t{1} << 40, std::int64_t{3}, -(std::int64_t{1} << 31) - 5});
  CHECK(at::equal(session_of("x.float() / 2")(x), x.to(at::kFloat) / 2));
}
#endif
