#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

using axes = std::map<std::string, std::map<std::int64_t, std::string>>;

std::string attention(std::string const& arguments, std::string const& before = {}) {
  return "def forward(self, q, k, v):\n" + (before.empty() ? "" : "    " + before + "\n") +
         "    return torch.scaled_dot_product_attention(q, k, v" + arguments + ")";
}
at::Tensor noise(std::vector<std::int64_t> const& shape, std::uint64_t seed = 3) {
  return test::noise(shape, 1, seed).front();
}

/// A layer of eight features in two heads, with the weights of LibTorch's operator.
torch::jit::Module layer(std::string const& source) {
  torch::jit::Module made("Layer");
  auto const add = [&](char const* name, std::vector<std::int64_t> const& shape, std::uint64_t seed) {
    made.register_parameter(name, noise(shape, seed) * 0.5, false);
  };
  add("qkv", {24, 8}, 1), add("qkv_bias", {24}, 2), add("proj", {8, 8}, 3), add("proj_bias", {8}, 4);
  add("n1", {8}, 5), add("b1", {8}, 6), add("n2", {8}, 7), add("b2", {8}, 8);
  add("f1", {12, 8}, 9), add("c1", {12}, 10), add("f2", {8, 12}, 11), add("c2", {8}, 12);
  made.define(source + "\n");
  return made;
}

}  // namespace

TEST_CASE("scaled dot product attention in ONNX is LibTorch's") {
  test::without_openvino const guard;  // rows that a mask leaves nothing are NaN there
  td::example const three{noise({3, 4, 6}, 1), noise({3, 5, 6}, 2), noise({3, 5, 7}, 3)},
      four{noise({3, 2, 4, 6}, 1), noise({3, 2, 5, 6}, 2), noise({3, 2, 5, 6}, 3)};
  for (auto const& inputs : {three, four}) {
    for (auto const* arguments : {"", ", scale=0.3", ", is_causal=True", ", None, 0.0, False"})
      test::check_export(attention(arguments), inputs);
    for (auto const* mask :
         {"m = torch.ones([4, 5], dtype=11).tril()", "m = torch.ones([4, 5], dtype=11).tril(-1)",
          "m = torch.ones([4, 5]).tril(-1).log()", "m = torch.ones([4, 5]).tril(-1)", "m = torch.ones([1, 5])"})
      test::check_export(attention(", m", mask), inputs);
  }
  // of three dimensions LibTorch takes a mask or is_causal
  test::check_export(attention(", m, 0.0, True", "m = torch.ones([4, 5], dtype=11).triu(1)"), four);
  test::check_export(attention(", m, 0.0, True", "m = torch.ones([4, 5]).triu(1).log()"), four);
  for (std::int64_t const opset : {13, 18, 21})
    test::check_export(attention(", m, 0.0, True", "m = torch.ones([4, 5], dtype=11).tril(-1)"), four,
                       {.opset = opset});
  test::check_export(attention(", is_causal=True"), {noise({3, 4, 6}).to(at::kDouble), noise({3, 5, 6}).to(at::kDouble),
                                                     noise({3, 5, 6}).to(at::kDouble)});
  for (auto const dtype : {at::kHalf, at::kBFloat16})
    test::check_export(attention(", is_causal=True"),
                       {noise({3, 4, 6}).to(dtype), noise({3, 5, 6}).to(dtype), noise({3, 5, 6}).to(dtype)}, {}, 3e-2,
                       3e-2);
  CHECK_THROWS_AS(td::evaluate(test::scripted(attention(", None, 0.5"))) |
                      td::export_onnx({.samples = std::vector<td::example>{four}}),
                  td::export_error);
}

TEST_CASE("a mask that is an input, and what it leaves nothing") {
  test::without_openvino const guard;  // NaN there
  auto const source = std::string(
      "def forward(self, q, k, v, m):\n    return torch.scaled_dot_product_attention(q, k, v, m, 0.0, False)");
  auto keeps = noise({3, 1, 4, 5}, 9).gt(0);
  keeps.select(2, 1).fill_(false);
  td::example const inputs{noise({3, 2, 4, 6}, 1), noise({3, 2, 5, 6}, 2), noise({3, 2, 5, 6}, 3), keeps};
  test::check_export(source, inputs);
  auto with_numbers = inputs;
  with_numbers[3] = keeps.to(at::kFloat).log();
  test::check_export(source, with_numbers);
}

TEST_CASE("heads that share keys and values") {
  td::example const inputs{noise({3, 6, 4, 8}, 1), noise({3, 2, 5, 8}, 2), noise({3, 2, 5, 8}, 3)};
  test::check_export(attention(", enable_gqa=True"), inputs);
  test::check_export(attention(", is_causal=True, enable_gqa=True"), inputs);
}

TEST_CASE("attention to sequences of any length") {
  td::example const inputs{noise({2, 6, 4, 8}, 1), noise({2, 2, 5, 8}, 2), noise({2, 2, 5, 8}, 3)};
  td::export_onnx_options const options{
      .dynamic_axes =
          axes{{"q", {{0, "batch"}, {2, "l"}}}, {"k", {{0, "batch"}, {2, "s"}}}, {"v", {{0, "batch"}, {2, "s"}}}}};
  for (auto const* arguments : {", is_causal=True, enable_gqa=True", ", enable_gqa=True, scale=0.5"})
    test::check_export(test::scripted(attention(arguments)), inputs,
                       {{noise({1, 6, 9, 8}, 1), noise({1, 2, 3, 8}, 2), noise({1, 2, 3, 8}, 3)}}, options);
}

TEST_CASE("attention that LibTorch has as one operator is written out") {
  auto const call = [](std::string const& inputs, std::string const& rest) {
    return "def forward(self, x, y, mask):\n    return torch._native_multi_head_attention(" + inputs +
           ", 8, 2, self.qkv, self.qkv_bias, self.proj, self.proj_bias, " + rest + ")";
  };
  auto const x = noise({3, 4, 8}, 20), y = noise({3, 4, 8}, 21);
  auto const keys = noise({3, 4}, 22).gt(0), square = noise({4, 4}, 23).gt(1), whole = noise({3, 2, 4, 4}, 24).gt(1);
  auto const check = [&](std::string const& source, at::Tensor const& mask) {
    INFO(source);
    auto made = layer(source);
    auto const cut = [&](std::int64_t rows) {
      return td::example{x.slice(0, 0, rows), y.slice(0, 0, rows), mask.size(0) == 3 ? mask.slice(0, 0, rows) : mask};
    };
    axes open{{"x", {{0, "batch"}}}, {"y", {{0, "batch"}}}};
    if (mask.size(0) == 3) open["mask"] = {{0, "batch"}};
    test::check_export(made, {x, y, mask}, {cut(1), cut(2)}, {.dynamic_axes = open});
  };
  check(call("x, x, x", "None, True, True, None"), keys);
  check(call("x, x, x", "None, True, False, None"), keys);
  check(call("x, x, x", "None, False, True, None") + "[0]", keys);
  check(call("x, y, y", "None, True, True, None"), keys);
  check(call("x, y, x", "None, True, True, None"), keys);
  check(call("x, x, x", "mask, True, True, 1"), keys);
  check(call("x, x, x", "mask, False, True, 0") + "[0]", square);
  check(call("x, x, x", "mask, True, False, 2"), whole);
}

TEST_CASE("an encoder layer that LibTorch has as one operator is written out") {
  auto const x = noise({3, 4, 8}, 20);
  auto const padding = noise({3, 4}, 22).gt(1);
  for (auto const* form : {"False, False", "True, False", "False, True", "True, True"})
    for (auto const* mask : {"", ", mask, 1"})
      for (std::int64_t const opset : {13, 17, 20}) {
        auto const source =
            "def forward(self, x, mask):\n    return torch._transformer_encoder_layer_fwd(x, 8, 2, self.qkv, "
            "self.qkv_bias, self.proj, self.proj_bias, " +
            std::string(form) + ", 1e-5, self.n1, self.b1, self.n2, self.b2, self.f1, self.c1, self.f2, self.c2" +
            mask + ")";
        INFO(source);
        test::check_export(layer(source), {x, padding},
                           {{x.slice(0, 0, 1), padding.slice(0, 0, 1)}, {at::cat({x, x}), at::cat({padding, padding})}},
                           {.opset = opset});
      }
}
