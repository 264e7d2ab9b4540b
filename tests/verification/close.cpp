#include <torchdeploy/detail/libtorch/pickle.hpp>
#include <torchdeploy/verification/close.hpp>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

c10::IValue read(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  return torch::jit::pickle_load(std::vector<char>{std::istreambuf_iterator<char>(in), {}});
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

at::Tensor doubles(std::vector<double> const& values) { return at::tensor(values, at::kDouble); }

}  // namespace

TEST_CASE("close agrees with torch.testing.assert_close on random pairs") {
  auto const pairs = read(TORCHDEPLOY_MODELS "/reference/assert_close.pt").toListRef().vec();
  REQUIRE(pairs.size() >= 1000);
  std::size_t agreed = 0, passing = 0;
  for (auto const& each : pairs) {
    auto const pair = each.toGenericDict();
    auto const& got = pair.at("actual").toTensor();
    auto const& expected = pair.at("expected").toTensor();
    auto within = td::default_tolerance(expected.scalar_type());
    if (auto const rtol = pair.at("rtol").toDouble(); rtol >= 0) within = {rtol, pair.at("atol").toDouble()};
    within.equal_nan = pair.at("equal_nan").toInt() != 0;
    auto const result = td::close(got, expected, within);
    bool const theirs = pair.at("passes").toInt() != 0;
    passing += theirs;
    agreed += result.passed == theirs;
    if (result.passed != theirs)
      UNSCOPED_INFO(got << " against " << expected << " rtol " << within.rtol << " atol " << within.atol << ": theirs "
                        << theirs << ", ours " << result.passed << " " << result.difference);
  }
  CHECK(agreed == pairs.size());
  CHECK(passing > pairs.size() / 4);  // neither answer is the rule
  CHECK(passing < pairs.size() * 3 / 4);
}

TEST_CASE("close tells how many elements differ, and where they differ most") {
  auto const expected = at::arange(12, at::kFloat).view({3, 4});
  auto got = expected.clone();
  got[1][2] += 0.5;
  got[2][3] -= 2;
  auto const result = td::close(got, expected);
  CHECK_FALSE(result.passed);
  CHECK(result.numel == 12);
  CHECK(result.mismatched == 2);
  CHECK(result.max_abs == 2);
  CHECK(result.max_rel == Approx(2.0 / 11));
  CHECK(result.index == std::vector<std::int64_t>{2, 3});
  CHECK(result.got.toDouble() == 9);
  CHECK(result.expected.toDouble() == 11);
}

TEST_CASE("close points at an element out of tolerance, not at the largest difference that is tolerated") {
  auto const result = td::close(doubles({1000.5, 0.25}), doubles({1000, 0}), td::tolerance{.rtol = 1e-3, .atol = 0});
  CHECK(result.mismatched == 1);
  CHECK(result.index == std::vector<std::int64_t>{1});
}

TEST_CASE("close broadcasts nothing and converts nothing") {
  auto const ones = at::ones({2, 3});
  CHECK(td::close(at::ones({3}), ones).difference == "expected float32 [2, 3], got float32 [3]");
  CHECK(td::close(at::ones({1, 2, 3}), ones).difference == "expected float32 [2, 3], got float32 [1, 2, 3]");
  CHECK(td::close(at::ones({2, 3}, at::kDouble), ones).difference == "expected float32 [2, 3], got float64 [2, 3]");
  CHECK(td::close(at::ones({}), at::ones({1})).difference == "expected float32 [1], got float32 []");
  CHECK_FALSE(td::close(at::ones({3}), ones).passed);
}

TEST_CASE("NaN equals nothing unless asked for; infinities must have the same sign") {
  auto const spoiled = doubles({1, not_a_number, infinity});
  auto const strict = td::close(spoiled, spoiled);
  CHECK(strict.mismatched == 1);
  CHECK(strict.index == std::vector<std::int64_t>{1});
  CHECK(td::close(spoiled, spoiled, td::tolerance{.equal_nan = true}).passed);
  CHECK_FALSE(td::close(doubles({infinity}), doubles({-infinity}), td::tolerance{1, 1, true}).passed);
  CHECK(td::close(doubles({not_a_number}), doubles({1})).max_abs == infinity);
}

TEST_CASE("integers are told apart where doubles can't") {
  auto const result =
      td::close(at::scalar_tensor(9007199254740993, at::kLong), at::scalar_tensor(9007199254740992, at::kLong));
  CHECK_FALSE(result.passed);
  CHECK(result.max_abs == 1);
  CHECK(result.got.toLong() == 9007199254740993);
}

TEST_CASE("empty, zero-dimensional, complex, bool, quantized and non-contiguous tensors are compared") {
  CHECK(td::close(at::empty({3, 0}), at::empty({3, 0})).passed);
  CHECK(td::close(at::scalar_tensor(2), at::scalar_tensor(2)).index.empty());
  CHECK_FALSE(td::close(at::scalar_tensor(2), at::scalar_tensor(3)).passed);
  CHECK_FALSE(td::close(at::ones({2}, at::kBool), at::zeros({2}, at::kBool)).passed);

  auto const z = at::complex(at::ones({2}), at::ones({2}));
  CHECK(td::close(z, z).passed);
  CHECK(td::close(z.conj(), z).max_abs == Approx(2));

  auto const q = [](double value) { return at::quantize_per_tensor(at::full({4}, value), 0.1, 10, at::kQUInt8); };
  CHECK(td::close(q(1.0), q(1.0)).passed);
  CHECK_FALSE(td::close(q(1.0), q(1.1)).passed);
  CHECK_FALSE(td::close(q(1.0).dequantize(), q(1.0)).passed);

  auto const wide = at::arange(24, at::kFloat).view({2, 3, 4});
  CHECK(td::close(wide.transpose(0, 2), wide.transpose(0, 2).contiguous()).passed);
  auto changed = wide.transpose(0, 2).contiguous().clone();
  changed[3][1][0] = -1;
  CHECK(td::close(wide.transpose(0, 2), changed).index == std::vector<std::int64_t>{3, 1, 0});
}
