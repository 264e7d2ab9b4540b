#pragma once

#include <torchdeploy/onnx/lowering/family.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// LSTM, GRU and simple recurrent layers, of padded and of packed sequences, and one step of them.
namespace torchdeploy::inline v0::detail {

/// How ONNX has one: the name, its gates in ONNX's order by their place in LibTorch's, what follows a simple one.
struct onnx_recurrence {
  char const* kind;
  std::vector<std::size_t> gates;
  char const* activation = nullptr;
};
inline onnx_recurrence const& onnx_lstm() {  // i, f, g, o -> i, o, f, g
  static onnx_recurrence const lstm{"LSTM", {0, 3, 1, 2}};
  return lstm;
}
inline onnx_recurrence const& onnx_gru() {  // r, z, n -> z, r, n
  static onnx_recurrence const gru{"GRU", {1, 0, 2}};
  return gru;
}
inline onnx_recurrence const& onnx_rnn(bool by_tanh) {
  static onnx_recurrence const tanh{"RNN", {0}, "Tanh"}, relu{"RNN", {0}, "Relu"};
  return by_tanh ? tanh : relu;
}

/// A weight's or bias's gates in ONNX's order, with a first axis for the direction.
inline onnx_value gates_in_order(onnx_call const& call, symbol const& weight, onnx_recurrence const& how) {
  auto& onnx = call.onnx;
  auto const value = call.read(weight);
  auto const rows = weight->seen[0].toTensor().size(0) / static_cast<std::int64_t>(how.gates.size());
  std::vector<onnx_value> parts;
  for (auto const gate : how.gates) {
    auto const first = static_cast<std::int64_t>(gate) * rows;
    if (auto const known = onnx.constant_of(value))
      parts.push_back(onnx.constant(known->narrow(0, first, rows)));
    else
      parts.push_back(onnx.slice(value, 0, onnx.integers({first}), onnx.integers({first + rows})));
  }
  return onnx.unsqueeze(onnx.concat(parts, 0), {0});
}

/// Of one direction: weights of the input and of the state, and their biases, or none.
using recurrent_weights = std::vector<symbol>;

struct recurrent_states {
  onnx_value all{}, hidden{}, cell{};  ///< [time, directions, batch, width], the last two [directions, batch, width]
};
/// One layer; `x` is [time, batch, features], the states before it [directions, batch, width] or left out: zeros.
inline recurrent_states write_recurrence(onnx_call const& call, onnx_recurrence const& how, onnx_value x,
                                         std::vector<recurrent_weights> const& directions, onnx_value hidden,
                                         onnx_value cell, onnx_value lengths = {}) {
  auto& onnx = call.onnx;
  std::vector<onnx_value> inputs, states, biases;
  for (auto const& each : directions) {
    inputs.push_back(gates_in_order(call, each[0], how));
    states.push_back(gates_in_order(call, each[1], how));
    if (each.size() == 4)
      biases.push_back(onnx.concat({gates_in_order(call, each[2], how), gates_in_order(call, each[3], how)}, 1));
  }
  bool const both = directions.size() == 2, lstm = std::string_view(how.kind) == "LSTM";
  std::vector<onnx_node_attribute> attributes{
      {"hidden_size", directions[0][1]->seen[0].toTensor().size(1)},
      {"direction", both ? std::string("bidirectional") : std::string("forward")}};
  if (how.activation)
    attributes.push_back({"activations", std::vector<std::string>(directions.size(), how.activation)});
  if (std::string_view(how.kind) == "GRU") attributes.push_back({"linear_before_reset", std::int64_t{1}});
  std::vector<onnx_value> all{x,
                              onnx.concat(inputs, 0),
                              onnx.concat(states, 0),
                              biases.empty() ? onnx_value{} : onnx.concat(biases, 0),
                              lengths,
                              hidden};
  if (lstm) all.push_back(cell);
  auto const made = onnx.emit_many(how.kind, all, lstm ? 3 : 2, std::move(attributes));
  return {made[0], made[1], lstm ? made[2] : onnx_value{}};
}

/// A state that is zeros at every size need not be there.
inline bool is_zeros(symbol const& state) {
  if (dependence_of(state) == dependence::data) return false;
  return std::all_of(state->seen.begin(), state->seen.end(),
                     [](c10::IValue const& each) { return each.toTensor().count_nonzero().item().toLong() == 0; });
}

// --- packed sequences --------------------------------------------------------------------------------------------------
/// Sequences of different lengths, the longest first, that are stored without padding: all first elements, all second ones...
struct packed_sequence {
  onnx_value steps;  ///< [1]: of the longest
  onnx_value rows;  ///< [1]
  onnx_value mask;  ///< [time, batch]
  onnx_value indices;  ///< [elements, 2]: time and row of each
};
inline onnx_value numbers_below(onnx_builder& onnx, onnx_value count) {
  return onnx.emit("Range", {onnx.integer(0), onnx.squeeze(count, {0}), onnx.integer(1)});
}
inline packed_sequence packed(onnx_builder& onnx, onnx_value steps, onnx_value rows, onnx_value mask) {
  return {steps, rows, mask, onnx.transpose(onnx.emit("NonZero", {mask}), {1, 0})};
}
/// From how many sequences there are at each time.
inline packed_sequence packed_by(onnx_builder& onnx, onnx_value batch_sizes) {
  auto const rows = onnx.slice(batch_sizes, 0, onnx.integers({0}), onnx.integers({1}));
  auto const mask = onnx.emit("Greater", {onnx.unsqueeze(batch_sizes, {1}), numbers_below(onnx, rows)});
  return packed(onnx, onnx.size(batch_sizes, 0), rows, mask);
}
inline onnx_value lengths_of(onnx_builder& onnx, packed_sequence const& sequence) {
  return onnx.reduce("ReduceSum", onnx.cast(sequence.mask, at::kBool, at::kLong), {0}, false);
}
/// [time, batch, features], with a number in the places that are in no sequence.
inline onnx_value with_padding(onnx_builder& onnx, packed_sequence const& sequence, onnx_value data, std::int64_t rank,
                               onnx_value number, onnx_value steps) {
  std::vector<onnx_value> sizes{steps, sequence.rows};
  for (std::int64_t axis = 1; axis < rank; ++axis) sizes.push_back(onnx.size(data, axis));
  return onnx.emit("ScatterND", {onnx.expand(number, onnx.concat(sizes, 0)), sequence.indices, data});
}

inline onnx_value time_and_batch_swapped(onnx_builder& onnx, onnx_value x, std::int64_t rank) {
  std::vector<std::int64_t> order{1, 0};
  for (std::int64_t axis = 2; axis < rank; ++axis) order.push_back(axis);
  return onnx.transpose(x, order);
}
inline onnx_results lower_pack_padded_sequence(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto x = call.tensor("input");
  if (call.flag("batch_first")) x = time_and_batch_swapped(onnx, x, call.rank("input"));
  auto const lengths = call.tensor("lengths", at::kLong);
  auto const steps = onnx.reduce("ReduceMax", lengths, {0}, true);
  auto const mask = onnx.emit("Less", {onnx.unsqueeze(numbers_below(onnx, steps), {1}), lengths});
  auto const sequence = packed(onnx, steps, call.size("lengths", 0), mask);
  return {onnx.emit("GatherND", {x, sequence.indices}),
          onnx.reduce("ReduceSum", onnx.cast(mask, at::kBool, at::kLong), {1}, false)};
}
inline onnx_results lower_pad_packed_sequence(onnx_call const& call) {
  auto& onnx = call.onnx;
  auto const sequence = packed_by(onnx, call.tensor("batch_sizes"));
  bool const own_length = call.is_constant("total_length") && call.integer("total_length") <= 0;
  auto x = with_padding(onnx, sequence, call.tensor("data"), call.rank("data"),
                        call.operand("padding_value", call.dtype("data")),
                        own_length ? sequence.steps : call.sizes("total_length"));
  if (call.flag("batch_first")) x = time_and_batch_swapped(onnx, x, call.rank("data") + 1);
  return {x, lengths_of(onnx, sequence)};
}

// --- layers ------------------------------------------------------------------------------------------------------------
/// Layers on layers, in one direction or both. `states`: what each begins with, hidden and of an LSTM the cell's too.
inline onnx_results write_recurrent_layers(onnx_call const& call, onnx_recurrence const& how,
                                           std::vector<symbol> const& states) {
  auto& onnx = call.onnx;
  auto const layers = static_cast<std::size_t>(call.integer("num_layers")),
             directions = std::size_t{call.flag("bidirectional") ? 2U : 1U},
             each = std::size_t{call.flag("has_biases") ? 4U : 2U};
  auto const& weights = call.elements("params");
  if (weights.size() != layers * directions * each) call.refuse("it has projections, which ONNX has not");
  if (call.flag("train") && call.number("dropout") > 0 && layers > 1)
    call.refuse("it is in training mode", "model.eval() before it is saved");
  bool const is_packed = call.has("batch_sizes"), batch_first = !is_packed && call.flag("batch_first");
  auto x = call.tensor(0);
  packed_sequence sequence;
  onnx_value lengths;
  if (is_packed) {
    sequence = packed_by(onnx, call.tensor("batch_sizes"));
    lengths = onnx.cast(lengths_of(onnx, sequence), at::kLong, at::kInt);
    x = with_padding(onnx, sequence, x, call.rank(0), onnx.scalar(0, call.dtype(0)), sequence.steps);
  } else if (batch_first) {
    x = onnx.transpose(x, {1, 0, 2});
  }
  auto const state_of = [&](std::size_t which, std::size_t layer) -> onnx_value {
    if (which >= states.size() || is_zeros(states[which])) return {};
    auto const value = call.read(states[which]);
    if (layers == 1) return value;
    auto const first = static_cast<std::int64_t>(layer * directions), count = static_cast<std::int64_t>(directions);
    return onnx.slice(value, 0, onnx.integers({first}), onnx.integers({first + count}));
  };
  std::vector<onnx_value> hidden, cells;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    std::vector<recurrent_weights> of_layer;
    for (std::size_t i = 0; i < directions; ++i) {
      auto const first = weights.begin() + static_cast<std::ptrdiff_t>((layer * directions + i) * each);
      of_layer.emplace_back(first, first + static_cast<std::ptrdiff_t>(each));
    }
    auto const made = write_recurrence(call, how, x, of_layer, state_of(0, layer), state_of(1, layer), lengths);
    hidden.push_back(made.hidden);
    cells.push_back(made.cell);
    bool const turn = batch_first && layer + 1 == layers;
    if (directions == 1) {
      x = onnx.squeeze(made.all, {1});
      if (turn) x = onnx.transpose(x, {1, 0, 2});
    } else {
      auto const width = of_layer[0][1]->seen[0].toTensor().size(1);
      auto const order = turn ? std::vector<std::int64_t>{2, 0, 1, 3} : std::vector<std::int64_t>{0, 2, 1, 3};
      x = onnx.reshape(onnx.transpose(made.all, order), {0, 0, 2 * width});
    }
  }
  if (is_packed) x = onnx.emit("GatherND", {x, sequence.indices});
  onnx_results results{x, onnx.concat(hidden, 0)};
  if (cells[0]) results.push_back(onnx.concat(cells, 0));
  return results;
}
inline onnx_results lower_lstm(onnx_call const& call) {
  return write_recurrent_layers(call, onnx_lstm(), call.elements("hx"));
}
inline onnx_results lower_gru(onnx_call const& call) {
  return write_recurrent_layers(call, onnx_gru(), {call.at("hx")});
}
template <bool ByTanh>
onnx_results lower_rnn(onnx_call const& call) {
  return write_recurrent_layers(call, onnx_rnn(ByTanh), {call.at("hx")});
}

/// One step, as a layer of one time.
inline onnx_results write_cell(onnx_call const& call, onnx_recurrence const& how, std::vector<symbol> const& states) {
  auto& onnx = call.onnx;
  if (call.rank("input") != 2) call.refuse("expected an input of two dimensions");
  if (call.has("b_ih") != call.has("b_hh")) call.refuse("it has one of two biases");
  recurrent_weights weights{call.at("w_ih"), call.at("w_hh")};
  if (call.has("b_ih")) weights.insert(weights.end(), {call.at("b_ih"), call.at("b_hh")});
  auto const state_of = [&](std::size_t which) -> onnx_value {
    if (which >= states.size() || is_zeros(states[which])) return {};
    auto const value = call.read(states[which]);
    return onnx.unsqueeze(value, {0});
  };
  auto const made =
      write_recurrence(call, how, onnx.unsqueeze(call.tensor("input"), {0}), {weights}, state_of(0), state_of(1));
  onnx_results results;
  for (auto const each : {made.hidden, made.cell})
    if (each) results.push_back(onnx.squeeze(each, {0}));
  return results;
}
inline onnx_results lower_lstm_cell(onnx_call const& call) {
  return write_cell(call, onnx_lstm(), call.elements("hx"));
}
inline onnx_results lower_gru_cell(onnx_call const& call) { return write_cell(call, onnx_gru(), {call.at("hx")}); }
template <bool ByTanh>
onnx_results lower_rnn_cell(onnx_call const& call) {
  return write_cell(call, onnx_rnn(ByTanh), {call.at("hx")});
}

inline constexpr onnx_operator onnx_recurrent[] = {
    {"aten::lstm", &lower_lstm},
    {"aten::gru", &lower_gru},
    {"aten::rnn_tanh", &lower_rnn<true>},
    {"aten::rnn_relu", &lower_rnn<false>},
    {"aten::lstm_cell", &lower_lstm_cell},
    {"aten::gru_cell", &lower_gru_cell},
    {"aten::rnn_tanh_cell", &lower_rnn_cell<true>},
    {"aten::rnn_relu_cell", &lower_rnn_cell<false>},
    {"aten::_pack_padded_sequence", &lower_pack_padded_sequence},
    {"aten::_pad_packed_sequence", &lower_pad_packed_sequence},
};

}  // namespace torchdeploy::inline v0::detail

#endif
