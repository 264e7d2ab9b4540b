#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

using axes = std::map<std::string, std::map<std::int64_t, std::string>>;

struct recurrent_form {
  std::string name;  ///< "lstm"
  std::int64_t gates = 4;
  std::int64_t layers = 1, directions = 1;
  bool biases = true, batch_first = false;
};
at::Tensor noise(std::vector<std::int64_t> const& shape, std::uint64_t seed = 3) {
  return test::noise(shape, 1, seed).front() * 0.5;
}

/// A module with a layer's weights: three features in, four out. Its attribute `weights` lists them.
torch::jit::Module recurrent(recurrent_form const& form, std::string const& source) {
  torch::jit::Module made("Recurrent");
  std::string list;
  std::uint64_t seed = 1;
  for (std::int64_t layer = 0; layer < form.layers; ++layer)
    for (std::int64_t direction = 0; direction < form.directions; ++direction)
      for (int i = 0; i < (form.biases ? 4 : 2); ++i) {
        auto const in = layer == 0 ? 3 : 4 * form.directions;
        auto const name = "w" + std::to_string(seed);
        auto const rows = 4 * form.gates;
        made.register_parameter(name,
                                i == 0   ? noise({rows, in}, seed)
                                : i == 1 ? noise({rows, 4}, seed)
                                         : noise({rows}, seed),
                                false);
        list += (list.empty() ? "self." : ", self.") + name;
        ++seed;
      }
  auto text = source;
  for (auto at = text.find("WEIGHTS"); at != text.npos; at = text.find("WEIGHTS"))
    text.replace(at, 7, "[" + list + "]");
  made.define(text + "\n");
  return made;
}
std::string flag(bool value) { return value ? "True" : "False"; }
std::string settings(recurrent_form const& form) {
  return flag(form.biases) + ", " + std::to_string(form.layers) + ", 0.0, False, " + flag(form.directions == 2);
}

}  // namespace

TEST_CASE("recurrent layers in ONNX are LibTorch's") {
  std::vector<recurrent_form> forms;
  for (auto const& [name, gates] :
       std::map<std::string, std::int64_t>{{"lstm", 4}, {"gru", 3}, {"rnn_tanh", 1}, {"rnn_relu", 1}})
    for (std::int64_t const layers : {1, 2})
      for (std::int64_t const directions : {1, 2})
        for (bool const biases : {true, false})
          for (bool const batch_first : {true, false})
            if (biases || layers == directions) forms.push_back({name, gates, layers, directions, biases, batch_first});
  for (auto const& form : forms) {
    auto const batch_axis = form.batch_first ? 0 : 1;
    auto const input = [&](std::int64_t steps, std::int64_t batch) {
      return form.batch_first ? noise({batch, steps, 3}, 30) : noise({steps, batch, 3}, 30);
    };
    auto const state = [&](std::int64_t batch, std::uint64_t seed) {
      return noise({form.layers * form.directions, batch, 4}, seed);
    };
    bool const lstm = form.name == "lstm";
    auto const source = "def forward(self, x, h, c):\n    return torch." + form.name +
                        (lstm ? "(x, [h, c], WEIGHTS, " : "(x, h, WEIGHTS, ") + settings(form) + ", " +
                        flag(form.batch_first) + ")" + (lstm ? "" : ", c");
    INFO(source + " " + std::to_string(form.layers) + " " + std::to_string(form.directions));
    td::export_onnx_options const options{.dynamic_axes = axes{{"x", {{batch_axis, "batch"}, {1 - batch_axis, "time"}}},
                                                               {"h", {{1, "batch"}}},
                                                               {"c", {{1, "batch"}}}}};
    test::check_export(recurrent(form, source), {input(5, 2), state(2, 31), state(2, 32)},
                       {{input(1, 1), state(1, 31), state(1, 32)}, {input(7, 3), state(3, 31), state(3, 32)}}, options);
  }
}

TEST_CASE("states that begin as zeros are left out") {
  recurrent_form const form{"lstm", 4, 2, 2};
  auto const source =
      "def forward(self, x):\n    h = torch.zeros([4, 2, 4])\n    return torch.lstm(x, [h, h], WEIGHTS, " +
      settings(form) + ", False)[0]";
  test::check_export(recurrent(form, source), {noise({5, 2, 3})}, {}, {.dynamic_axes = axes{}});
  auto const onnx = td::evaluate(recurrent(form, source)) |
                    td::export_onnx({.dynamic_axes = axes{}, .samples = std::vector<td::example>{{noise({5, 2, 3})}}});
  CHECK(onnx.handle().summary->nodes() == 6);  // of each layer LSTM, Transpose and Reshape
}

TEST_CASE("recurrent layers of other dtypes, and what is refused") {
  recurrent_form const form{"gru", 3};
  auto const source = "def forward(self, x, h):\n    return torch.gru(x, h, WEIGHTS, " + settings(form) + ", False)";
  auto made = recurrent(form, source);
  made.to(at::kDouble);
  test::check_export(made, {noise({5, 2, 3}).to(at::kDouble), noise({1, 2, 4}).to(at::kDouble)}, {},
                     {.dynamic_axes = axes{}});
  recurrent_form const projected{"lstm", 4};
  auto refused = recurrent(projected, "def nothing(self):\n    return 1");
  refused.register_parameter("p", noise({2, 4}), false);
  refused.register_parameter("w_hh", noise({16, 2}), false);
  refused.define(
      std::string("def forward(self, x, h, c):\n    return torch.lstm(x, [h, c], [self.w1, self.w_hh, self.w3, "
                  "self.w4, self.p], True, 1, 0.0, False, False, False)\n"));
  CHECK_THROWS_AS(
      td::evaluate(refused) | td::export_onnx({.samples = std::vector<td::example>{{noise({5, 2, 3}), noise({1, 2, 2}),
                                                                                    noise({1, 2, 4})}}}),
      td::export_error);
}

TEST_CASE("one step of a recurrence in ONNX is LibTorch's") {
  for (auto const& [name, gates] :
       std::map<std::string, std::int64_t>{{"lstm", 4}, {"gru", 3}, {"rnn_tanh", 1}, {"rnn_relu", 1}})
    for (bool const biases : {true, false}) {
      recurrent_form const form{name, gates, 1, 1, biases};
      bool const lstm = name == "lstm";
      auto const source = "def forward(self, x, h, c):\n    w = WEIGHTS\n    return torch." + name + "_cell(x, " +
                          (lstm ? "[h, c]" : "h") + ", w[0], w[1]" + (biases ? ", w[2], w[3])" : ")") +
                          (lstm ? "" : ", c");
      INFO(source);
      td::example const inputs{noise({3, 3}, 40), noise({3, 4}, 41), noise({3, 4}, 42)};
      test::check_export(recurrent(form, source), inputs, {td::detail::rows_of(inputs, 0, 1)});
    }
}

TEST_CASE("packed sequences in ONNX are LibTorch's, of any lengths") {
  for (auto const& form :
       {recurrent_form{"lstm", 4, 1, 1}, recurrent_form{"lstm", 4, 2, 2}, recurrent_form{"gru", 3, 1, 2}}) {
    bool const lstm = form.name == "lstm";
    auto const source =
        "def forward(self, x, n, h):\n    data, sizes = torch._pack_padded_sequence(x, n, True)\n    y = torch." +
        form.name + "(data, sizes, " + (lstm ? "[h, h]" : "h") + ", WEIGHTS, " + settings(form) +
        ")\n    z, m = torch._pad_packed_sequence(y[0], sizes, True, 0.0, 6)\n    return z, m, y[1]";
    INFO(source);
    auto const state = [&](std::int64_t batch) { return noise({form.layers * form.directions, batch, 4}, 31); };
    test::check_export(recurrent(form, source), {noise({3, 6, 3}, 50), at::tensor({6, 4, 1}, at::kLong), state(3)},
                       {{noise({2, 6, 3}, 51), at::tensor({3, 3}, at::kLong), state(2)},
                        {noise({4, 6, 3}, 51), at::tensor({6, 5, 5, 2}, at::kLong), state(4)}},
                       {.dynamic_axes = axes{{"x", {{0, "batch"}}}, {"n", {{0, "batch"}}}, {"h", {{1, "batch"}}}}});
  }
}
