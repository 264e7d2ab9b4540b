// What can befall a model of OpenVINO's: in the bytes of its two files, and in the tags of its .xml, which is well-formed
// after that.
#pragma once

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torchdeploy/openvino/ir_check.hpp>

#include "damage.hpp"

namespace test {

/// A part of an .xml.
struct xml_span {
  std::size_t begin = 0, size = 0;
  std::string_view key{};  ///< an attribute's, or the tag's
};

/// The values of all attributes, as `wanted(tag, key, value)` has them.
template <class Wanted>
std::vector<xml_span> attribute_values(std::string_view text, Wanted wanted) {
  std::vector<xml_span> all;
  torchdeploy::detail::xml_reader tags(text);
  while (auto const tag = tags.next())
    for (auto const& [key, value] : tag->attributes)
      if (wanted(tag->name, key, value))
        all.push_back({static_cast<std::size_t>(value.data() - text.data()), value.size(), key});
  return all;
}

/// All elements of that name, from tag to tag.
inline std::vector<xml_span> elements(std::string_view text, bool (*wanted)(std::string_view)) {
  std::vector<xml_span> all, open;
  torchdeploy::detail::xml_reader tags(text);
  while (auto const tag = tags.next()) {
    auto const begin = text.rfind('<', static_cast<std::size_t>(tag->name.data() - text.data()));
    if (tag->opens) open.push_back({begin, 0, tag->name});
    if (!tag->closes) continue;
    auto whole = open.back();
    open.pop_back();
    whole.size = text.find('>', static_cast<std::size_t>(tag->name.data() - text.data())) + 1 - whole.begin;
    if (wanted(whole.key)) all.push_back(whole);
  }
  return all;
}

/// The text of a file with one of its parts changed: `change(part, all parts, text)` gives what takes its place.
template <class Parts, class Change>
void change_xml(file_bytes& all, dice& random, Parts parts, Change change) {
  std::string text(all.begin(), all.end());
  std::vector<xml_span> const found = parts(std::string_view(text));
  if (found.empty()) return;
  auto const at = found[random() % found.size()];
  auto const fresh = change(at, found, text, random);
  text.replace(at.begin, at.size, fresh);
  all.assign(text.begin(), text.end());
}

inline constexpr auto any_value = [](auto...) { return true; };
inline constexpr auto layers_data = [](std::string_view tag, auto...) { return tag == "data"; };
inline constexpr auto edges_end = [](std::string_view tag, auto...) { return tag == "edge"; };
inline constexpr auto some_id = [](std::string_view, std::string_view key, auto) {
  return key == "id" || key.ends_with("_id");
};
inline constexpr auto types_name = [](std::string_view, std::string_view key, auto) {
  return key == "type" || key == "element_type" || key == "precision" || key == "version";
};
inline constexpr auto number_in = [](std::string_view, std::string_view, std::string_view value) {
  return value.find_first_of("0123456789") != value.npos;
};

/// The texts of <dim>, without the tags.
inline std::vector<xml_span> dimensions(std::string_view text) {
  auto all = elements(text, [](std::string_view name) { return name == "dim"; });
  for (auto& each : all) {
    each.begin += 5;
    each.size -= 11;
  }
  return all;
}

inline constexpr std::string_view odd_numbers[] = {"0",
                                                   "1",
                                                   "2",
                                                   "3",
                                                   "-1",
                                                   "-2",
                                                   "255",
                                                   "2147483648",
                                                   "1099511627776",
                                                   "9223372036854775807",
                                                   "-9223372036854775808",
                                                   "1e400",
                                                   "nan",
                                                   ""};
inline std::string odd_number(dice& random) { return std::string(odd_numbers[random() % std::size(odd_numbers)]); }

/// One of the numbers in a list ("1,1,2") is another.
inline std::string with_odd_number(xml_span at, std::vector<xml_span> const&, std::string const& text, dice& random) {
  auto value = text.substr(at.begin, at.size);
  std::vector<std::pair<std::size_t, std::size_t>> numbers;
  constexpr std::string_view digits = "-0123456789.";
  for (auto begin = value.find_first_of(digits); begin != value.npos;) {
    auto const end = std::min(value.find_first_not_of(digits, begin), value.size());
    numbers.emplace_back(begin, end - begin);
    begin = value.find_first_of(digits, end);
  }
  if (numbers.empty()) return odd_number(random);
  auto const [begin, size] = numbers[random() % numbers.size()];
  return value.replace(begin, size, odd_number(random));
}
/// What another attribute of the same key says, or any where there is none.
inline std::string of_another(xml_span at, std::vector<xml_span> const& all, std::string const& text, dice& random) {
  std::vector<xml_span> same;
  for (auto const& each : all)
    if (each.key == at.key && text.substr(each.begin, each.size) != text.substr(at.begin, at.size))
      same.push_back(each);
  auto const& from = same.empty() ? all[random() % all.size()] : same[random() % same.size()];
  return text.substr(from.begin, from.size);
}
inline std::string nothing(xml_span, std::vector<xml_span> const&, std::string const&, dice&) { return {}; }
inline std::string twice(xml_span at, std::vector<xml_span> const&, std::string const& text, dice&) {
  auto const part = text.substr(at.begin, at.size);
  return part + part;
}

template <auto Wanted>
std::vector<xml_span> values_where(std::string_view text) {
  return attribute_values(text, Wanted);
}
template <auto Wanted>
std::vector<xml_span> elements_where(std::string_view text) {
  return elements(text, Wanted);
}
inline constexpr auto any_element = [](std::string_view name) { return name != "net" && name != "rt_info"; };
inline constexpr auto a_layer = [](std::string_view name) { return name == "layer"; };
inline constexpr auto an_edge = [](std::string_view name) { return name == "edge"; };
inline constexpr auto a_port = [](std::string_view name) { return name == "port" || name == "dim"; };

template <auto Parts, auto Change>
void xml_damage(file_bytes& all, dice& random) {
  change_xml(all, random, Parts, Change);
}

inline constexpr damage ir_damages[] = {
    damages[0],
    damages[1],
    damages[2],
    damages[3],
    damages[4],
    {"blocks exchanged", exchange_blocks},
    {"value of another", xml_damage<values_where<any_value>, of_another>},
    {"value emptied", xml_damage<values_where<any_value>, nothing>},
    {"number changed", xml_damage<values_where<number_in>, with_odd_number>},
    {"layer's attribute: of another", xml_damage<values_where<layers_data>, of_another>},
    {"layer's attribute: number changed", xml_damage<values_where<layers_data>, with_odd_number>},
    {"type exchanged", xml_damage<values_where<types_name>, of_another>},
    {"id exchanged", xml_damage<values_where<some_id>, of_another>},
    {"edge redirected", xml_damage<values_where<edges_end>, of_another>},
    {"dimension changed", xml_damage<dimensions, with_odd_number>},
    {"layer removed", xml_damage<elements_where<a_layer>, nothing>},
    {"edge removed", xml_damage<elements_where<an_edge>, nothing>},
    {"port or dimension removed", xml_damage<elements_where<a_port>, nothing>},
    {"element removed", xml_damage<elements_where<any_element>, nothing>},
    {"element repeated", xml_damage<elements_where<any_element>, twice>},
};

/// Of the .bin, in which weights stand beside shapes, axes and trip counts.
inline constexpr damage bin_damages[] = {
    damages[0],
    damages[1],
    damages[2],
    damages[3],
    damages[4],
    {"blocks exchanged", exchange_blocks},
    {"number written", write_number},
};

}  // namespace test
