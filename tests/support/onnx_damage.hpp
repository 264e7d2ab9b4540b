// What can befall a model of ONNX's: in its bytes, and in the fields of its messages, whose lengths are then right again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/onnx/wire.hpp>

#include "damage.hpp"

namespace test {

/// A message taken apart: each field a number, a byte string or a message.
struct onnx_tree {
  std::uint32_t number = 0;
  protozero::pbf_wire_type wire{};
  std::uint64_t value = 0;
  std::string bytes{};
  std::vector<onnx_tree> fields{};
  torchdeploy::detail::onnx_message message = torchdeploy::detail::onnx_message::none;

  static std::vector<onnx_tree> of(std::string_view text, torchdeploy::detail::onnx_message message) {
    std::vector<onnx_tree> all;
    for (auto at = torchdeploy::detail::onnx_reader(text); at.next();) {
      onnx_tree each{at.tag(), at.wire_type()};
      if (each.wire == protozero::pbf_wire_type::varint) {
        each.value = at.get_uint64();
      } else if (each.wire == protozero::pbf_wire_type::length_delimited) {
        each.bytes = torchdeploy::detail::view_of(at.get_view());
        for (auto const& field : torchdeploy::detail::fields_of(message))
          if (field.number == each.number) each.message = field.message;
        if (each.message != torchdeploy::detail::onnx_message::none)
          each.fields = of(std::exchange(each.bytes, {}), each.message);
      } else if (each.wire == protozero::pbf_wire_type::fixed32) {
        each.value = at.get_fixed32();
      } else {
        each.value = at.get_fixed64();
      }
      all.push_back(std::move(each));
    }
    return all;
  }

  static std::string text_of(std::vector<onnx_tree> const& all) {
    std::string text;
    protozero::pbf_writer writer(text);
    for (auto const& each : all)
      if (each.wire == protozero::pbf_wire_type::varint)
        writer.add_uint64(each.number, each.value);
      else if (each.wire == protozero::pbf_wire_type::fixed32)
        writer.add_fixed32(each.number, static_cast<std::uint32_t>(each.value));
      else if (each.wire == protozero::pbf_wire_type::fixed64)
        writer.add_fixed64(each.number, each.value);
      else
        writer.add_bytes(each.number,
                         each.message == torchdeploy::detail::onnx_message::none ? each.bytes : text_of(each.fields));
    return text;
  }
};

/// Where a field stands: in which list, and at which place of it.
using onnx_spot = std::pair<std::vector<onnx_tree>*, std::size_t>;

inline void collect(std::vector<onnx_tree>& all, std::function<bool(onnx_tree const&)> const& wanted,
                    std::vector<onnx_spot>& spots) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (wanted(all[i])) spots.emplace_back(&all, i);
    collect(all[i].fields, wanted, spots);
  }
}

template <class Wanted, class Change>
void change_field(file_bytes& all, dice& random, Wanted wanted, Change change) {
  auto model = onnx_tree::of({all.data(), all.size()}, torchdeploy::detail::onnx_message::model);
  std::vector<onnx_spot> spots;
  collect(model, wanted, spots);
  if (spots.empty()) return;
  change(spots[random() % spots.size()], spots, random);
  auto const text = onnx_tree::text_of(model);
  all.assign(text.begin(), text.end());
}

inline bool any_field(onnx_tree const&) { return true; }
inline bool is_number(onnx_tree const& each) { return each.wire == protozero::pbf_wire_type::varint; }
inline bool is_short_text(onnx_tree const& each) {
  return each.wire == protozero::pbf_wire_type::length_delimited &&
         each.message == torchdeploy::detail::onnx_message::none && each.bytes.size() < 100;
}

using spots_of = std::vector<onnx_spot>;
inline void remove_field(onnx_spot at, spots_of const&, dice&) {
  at.first->erase(at.first->begin() + static_cast<std::ptrdiff_t>(at.second));
}
inline void repeat_field(onnx_spot at, spots_of const&, dice&) {
  auto copy = (*at.first)[at.second];
  at.first->push_back(std::move(copy));
}
inline void change_number(onnx_spot at, spots_of const&, dice& random) {
  static constexpr std::uint64_t numbers[] = {0,         1,           2,           3,     7,        255,
                                              1U << 31U, 1ULL << 40U, 1ULL << 62U, ~0ULL, ~0ULL - 6};
  (*at.first)[at.second].value = numbers[random() % std::size(numbers)];
}
inline void exchange_text(onnx_spot at, spots_of const& all, dice& random) {
  auto const [list, place] = all[random() % all.size()];
  (*at.first)[at.second].bytes = (*list)[place].bytes;
}
inline void empty_text(onnx_spot at, spots_of const&, dice&) { (*at.first)[at.second].bytes.clear(); }
inline void change_text(onnx_spot at, spots_of const&, dice& random) {
  auto& text = (*at.first)[at.second].bytes;
  if (!text.empty()) text[random() % text.size()] = static_cast<char>(random());
}
inline void swap_fields(onnx_spot at, spots_of const&, dice& random) {
  std::swap((*at.first)[at.second], (*at.first)[random() % at.first->size()]);
}

inline constexpr damage onnx_damages[] = {
    damages[0],
    damages[1],
    damages[2],
    damages[3],
    damages[4],
    {"blocks exchanged", exchange_blocks},
    {"field removed", [](file_bytes& all, dice& r) { change_field(all, r, any_field, remove_field); }},
    {"field repeated", [](file_bytes& all, dice& r) { change_field(all, r, any_field, repeat_field); }},
    {"fields swapped", [](file_bytes& all, dice& r) { change_field(all, r, any_field, swap_fields); }},
    {"number changed", [](file_bytes& all, dice& r) { change_field(all, r, is_number, change_number); }},
    {"text exchanged", [](file_bytes& all, dice& r) { change_field(all, r, is_short_text, exchange_text); }},
    {"text emptied", [](file_bytes& all, dice& r) { change_field(all, r, is_short_text, empty_text); }},
    {"text changed", [](file_bytes& all, dice& r) { change_field(all, r, is_short_text, change_text); }},
};

}  // namespace test
