#include <torchdeploy/onnx/open_counts.hpp>

#include <string>
#include <vector>

#include "support/exported.hpp"

namespace {

auto const rows = at::tensor({1., 2., 3., 4., -1., 5., 6., 7., 2., 8., 9., 3.}).to(at::kFloat).reshape({3, 4});

/// With other numbers of rows whose first element is positive than the example has, 2.
void check_selected(std::string const& body) {
  INFO(body);
  auto const source = "def forward(self, x):\n    k = x[x[:, 0] > 0]\n    " + body;
  auto one = rows.clone();
  one[0][0] = -3;
  test::check_export(test::scripted(source), {rows}, {{rows.abs()}, {one}, {at::cat({rows, rows, one})}});
}
/// With x of several lengths.
void check_lengths(std::string const& body, std::int64_t example, std::vector<std::int64_t> const& lengths) {
  INFO(body);
  td::export_onnx_options options;
  options.dynamic_axes = {{"x", {{1, "length"}}}};
  std::vector<td::example> others;
  at::manual_seed(0);
  for (auto const each : lengths) others.push_back({at::randn({3, each})});
  test::check_export(test::scripted("def forward(self, x):\n    " + body), {at::randn({3, example})}, others, options);
}

}  // namespace

TEST_CASE("of a selection the axes whose sizes come from data are open, and no others") {
  check_selected("i = (x[:, 0] > 0).nonzero().squeeze(1)\n    return x[i]");
  check_selected("return k.unbind(1)[2]");
  check_selected("a, b, c, d = k.split(1, -1)\n    return a - d");
  check_selected("return torch.glu(k, 1)");
  check_selected("return k.reshape(k.size(0), 2, 2).sum(1)");
  check_selected("n, m = k.size()\n    return k.reshape(n * 2, m // 2)");
  check_selected("return k.unsqueeze(1).squeeze(1)");
  check_selected("k = k.reshape(-1, 1, 2, 2)\n    return torch.scaled_dot_product_attention(k, k, k)");
  check_selected("return torch.max_pool1d(k.unsqueeze(1), [2], [2])");
  check_selected("return torch.pixel_unshuffle(k.reshape(-1, 1, 2, 2), 2).flatten(1)");
  check_selected("return k.unflatten(1, [2, 2])");
  check_selected("return torch.cat([k, k * 2], 1).t().softmax(0)");
  check_selected("return k[:1] * 2");
  check_selected("return torch.masked_select(x, x > 2).unsqueeze(0).squeeze(0)");
}

TEST_CASE("a number that comes from data is a size of no fixed number") {
  check_selected("n = int((x[:, 0] > 0).sum().item())\n    return x.repeat_interleave(n, 1)");
  check_selected("n = int((x[:, 0] > 0).sum().item())\n    return torch.zeros([n, 2]) + 1");
  check_selected("n = min(k.size(0), 2)\n    return k[:n] * n");

  // the example's sizes are those of the image: nothing to resize, it seems
  td::export_onnx_options options;
  options.dynamic_axes = {{}};
  auto const image = at::arange(16, at::kFloat).reshape({1, 1, 4, 4});
  auto const sized = [&](std::int64_t h, std::int64_t w) { return td::example{image, at::tensor({h, w}, at::kLong)}; };
  test::check_export(
      test::scripted("def forward(self, m, hw):\n    return torch.upsample_nearest2d(m, [int(hw[0]), int(hw[1])])"),
      sized(4, 4), {sized(8, 12), sized(2, 2)}, options);
}

TEST_CASE("an axis that data may leave at 1 is not squeezed") {
  auto const module = test::scripted("def forward(self, x):\n    return x[x[:, 0] > 100].squeeze(0)");
  auto one = rows.clone();
  one[0][0] = 1000;
  try {
    td::evaluate(module, {.examples = std::vector<at::Tensor>{one}}) | td::export_onnx();
    FAIL("exported");
  } catch (td::export_error const& error) {
    CHECK(error.code() == td::errc::not_exportable);
  }
}

TEST_CASE("packed sequences are as long as the longest") {
  td::export_onnx_options options;
  options.dynamic_axes = {{}};
  at::manual_seed(0);
  auto const x = at::randn({3, 5, 2});
  auto const with = [&](std::vector<std::int64_t> const& lengths) {
    return td::example{x, at::tensor(lengths, at::kLong)};
  };
  test::check_export(test::scripted(R"(
      def forward(self, x, lengths):
          data, sizes = torch._pack_padded_sequence(x, lengths, True)
          padded, counts = torch._pad_packed_sequence(data * 2, sizes, True, 0.0, -1)
          return padded.reshape(3, -1), counts
      )"),
                     with({5, 4, 1}), {with({3, 3, 2}), with({5, 5, 5})}, options);
}

TEST_CASE("limits and quotients of open sizes stay open") {
  check_lengths("k = min(x.size(1), 12)\n    return x[:, :k] * 2", 40, {3, 11, 12, 13, 90});
  check_lengths("k = min(x.size(1), 12)\n    return x[:, :k].reshape(3, k, 1).sum(0)", 40, {3, 12, 90});
  check_lengths("k = min(x.size(1), 12)\n    return torch.arange(12)[:k] + x[0, :k]", 40, {3, 12, 90});
  check_lengths("k = min([x.size(1), 12])\n    return torch.zeros([k]) + k", 40, {3, 12, 90});
  check_lengths("return torch.constant_pad_nd(x, [0, max(0, 10 - x.size(1))])", 32, {4, 9, 10, 50});
  check_lengths("return x * (x.size(1) // 1000) + x.size(1) % 2", 33, {4, 1000, 3001});
}

TEST_CASE("a loop of as many turns as a size allows is refused") {
  auto const module = test::scripted(
      "def forward(self, x):\n    y = x\n    for i in range(min(x.size(1), 3)):\n        y = y + i\n    return y");
  td::export_onnx_options options;
  options.dynamic_axes = {{"x", {{1, "length"}}}};
  CHECK_THROWS_AS(
      td::evaluate(module, {.examples = std::vector<at::Tensor>{at::randn({3, 40})}}) | td::export_onnx(options),
      td::export_error);
}

TEST_CASE("an operator of one's own says that data decide how many rows it gives") {
  auto const relu = [](td::onnx_call const& call) -> std::vector<td::onnx_value> {
    return {call.onnx.emit("NonZero", {call.tensor(0)})};
  };
  td::onnx_lowering const plain = relu, counting(relu, {.sized_by_data = true});
  CHECK_FALSE(plain.sized_by_data());
  CHECK(counting.sized_by_data());
  auto const output = [&](td::onnx_lowering const& lowering) {
    td::export_onnx_options options{.operators = {{"aten::histc", lowering}}};
    options.dynamic_axes = {{}};
    auto const made = td::evaluate(test::scripted("def forward(self, x):\n    return torch.histc(x, 4) * 2"),
                                   {.examples = std::vector<at::Tensor>{rows}}) |
                      td::export_onnx(options);
    return made.handle().outputs().at(0).shape.value().at(0);
  };
  CHECK(output(plain) == 4);
  CHECK(output(counting) == -1);
}
