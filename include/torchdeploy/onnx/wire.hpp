#pragma once

#include <torchdeploy/components.hpp>

#ifdef TORCHDEPLOY_WITH_ONNX

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>

#include <torchdeploy/onnx/proto.hpp>

/// The only door to protozero, and the first look at a file of ONNX's: is it protobuf throughout, with each field of the kind
/// that onnx.proto gives it? What comes after may read fields without asking again.
namespace torchdeploy::inline v0::detail {

/// As deep as protobuf's own readers go.
inline constexpr int onnx_max_depth = 100;

/// A byte string of a message, in the bytes of the file.
inline std::string_view view_of(protozero::data_view bytes) { return {bytes.data(), bytes.size()}; }

inline protozero::pbf_reader onnx_reader(std::string_view message) {
  return protozero::pbf_reader(message.data(), message.size());
}

/// Where in a file: "graph.node[12].attribute[0].t".
class onnx_place {
 public:
  onnx_place() = default;
  onnx_place(onnx_place const& above, char const* field, std::int64_t index = -1)
      : above_(&above), field_(field), index_(index) {}

  [[nodiscard]] std::string text() const {
    if (!above_) return {};
    auto text = above_->text();
    if (!text.empty()) text += '.';
    text += field_;
    if (index_ >= 0) text += "[" + std::to_string(index_) + "]";
    return text;
  }

 private:
  onnx_place const* above_ = nullptr;
  char const* field_ = "";
  std::int64_t index_ = -1;
};

/// What is wrong with a model, before it is known which file it is of.
struct onnx_complaint {
  std::string text;
  std::string hint;
};

[[noreturn]] inline void onnx_malformed(onnx_place const& place, std::string const& what) {
  auto const where = place.text();
  throw onnx_complaint{"is damaged or cut short: " + what + (where.empty() ? "" : " in " + where),
                       "copy it again and compare checksums"};
}

/// It is protobuf, and not what ONNX means by it.
[[noreturn]] inline void onnx_invalid(std::string const& what) {
  throw onnx_complaint{"is no valid ONNX model: " + what, "export it again; Python's onnx.checker says more"};
}

/// Walks one message and all within. `visit(message, bytes, place)` is called with each that is well-formed.
template <class Visit>
class onnx_walk {
 public:
  explicit onnx_walk(Visit visit) : visit_(std::move(visit)) {}

  void operator()(std::string_view bytes, onnx_message message) { walk(bytes, message, onnx_place(), 0); }

 private:
  using wire_type = protozero::pbf_wire_type;

  static std::uint64_t varint(char const*& at, char const* end, onnx_place const& place) {
    try {
      return protozero::decode_varint(&at, end);
    } catch (protozero::exception const&) {
      onnx_malformed(place, "a number is cut off or too long");
    }
  }

  static std::size_t fixed_size(onnx_wire wire) { return wire == onnx_wire::fixed32 ? 4 : 8; }

  static std::string_view taken(char const*& at, char const* end, std::uint64_t size, onnx_place const& place) {
    if (size > static_cast<std::uint64_t>(end - at))
      onnx_malformed(place, "expected " + std::to_string(size) + " bytes, got " + std::to_string(end - at));
    auto const* const begin = at;
    at += size;
    return {begin, static_cast<std::size_t>(size)};
  }

  void walk(std::string_view bytes, onnx_message message, onnx_place const& place, int depth) {
    if (depth > onnx_max_depth)
      onnx_malformed(place, "messages are nested deeper than " + std::to_string(onnx_max_depth));
    auto const fields = fields_of(message);
    std::array<std::int64_t, 32> counts{};
    auto const* at = bytes.data();
    auto const* const end = at + bytes.size();
    while (at != end) {
      auto const tag = varint(at, end, place);
      auto const wire = static_cast<wire_type>(tag & 7U);
      auto const number = tag >> 3U;
      if (number == 0 || number > 0x1FFFFFFF)
        onnx_malformed(place, "expected a field, got number " + std::to_string(number));
      onnx_field const* field = nullptr;
      for (auto const& each : fields)
        if (each.number == number) field = &each;
      if (!field) {
        skip(at, end, wire, place);
        continue;
      }
      auto const index = counts[number]++;
      onnx_place const here(place, field->name, field->repeated ? index : -1);
      if (!field->repeated && index > 0) onnx_malformed(here, "a field that comes once comes again");
      value(at, end, wire, *field, here, depth);
    }
    visit_(message, bytes, place);
  }

  void value(char const*& at, char const* end, wire_type wire, onnx_field const& field, onnx_place const& here,
             int depth) {
    bool const text = field.wire == onnx_wire::bytes || field.wire == onnx_wire::message;
    if (wire == wire_type::length_delimited && (text || field.repeated)) {
      auto const content = taken(at, end, varint(at, end, here), here);
      if (field.wire == onnx_wire::message)
        walk(content, field.message, here, depth + 1);
      else if (field.wire == onnx_wire::varint)
        for (auto const* number = content.data(); number != content.data() + content.size();)
          varint(number, content.data() + content.size(), here);
      else if (field.wire != onnx_wire::bytes && content.size() % fixed_size(field.wire) != 0)
        onnx_malformed(here, "numbers are cut off");
      return;
    }
    auto const expected = field.wire == onnx_wire::varint    ? wire_type::varint
                          : field.wire == onnx_wire::fixed32 ? wire_type::fixed32
                          : field.wire == onnx_wire::fixed64 ? wire_type::fixed64
                                                             : wire_type::length_delimited;
    if (wire != expected)
      onnx_malformed(here, "expected a field of wire type " + std::to_string(static_cast<int>(expected)) + ", got " +
                               std::to_string(static_cast<int>(wire)));
    if (wire == wire_type::varint)
      varint(at, end, here);
    else
      taken(at, end, fixed_size(field.wire), here);
  }

  /// A field of a newer ONNX.
  static void skip(char const*& at, char const* end, wire_type wire, onnx_place const& place) {
    switch (wire) {
      case wire_type::varint:
        varint(at, end, place);
        return;
      case wire_type::fixed64:
        taken(at, end, 8, place);
        return;
      case wire_type::length_delimited:
        taken(at, end, varint(at, end, place), place);
        return;
      case wire_type::fixed32:
        taken(at, end, 4, place);
        return;
      default:
        onnx_malformed(place, "expected a field, got wire type " + std::to_string(static_cast<int>(wire)));
    }
  }

  Visit visit_;
};

/// Visits the numbers of the field that the reader stands at, packed or one by one.
template <class Visit>
void for_each_integer(protozero::pbf_reader& at, Visit visit) {
  if (at.has_wire_type(protozero::pbf_wire_type::length_delimited))
    for (auto const each : at.get_packed_int64()) visit(static_cast<std::int64_t>(each));
  else
    visit(at.get_int64());
}

/// How many numbers the field holds that the reader stands at.
inline std::uint64_t count_integers(protozero::pbf_reader& at) {
  std::uint64_t count = 0;
  for_each_integer(at, [&](std::int64_t) { ++count; });
  return count;
}
inline std::uint64_t count_fixed(protozero::pbf_reader& at, std::size_t size) {
  if (at.has_wire_type(protozero::pbf_wire_type::length_delimited)) return at.get_view().size() / size;
  at.skip();
  return 1;
}

}  // namespace torchdeploy::inline v0::detail

#endif
