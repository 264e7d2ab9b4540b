#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

/// An .xml of OpenVINO's, judged before OpenVINO reads it.
namespace torchdeploy::inline v0::detail {

/// A tag of an XML text, with its attributes.
struct xml_tag {
  std::string_view name{};
  std::vector<std::pair<std::string_view, std::string_view>> attributes{};
  bool opens = false, closes = false;  ///< both: <tag/>

  [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const {
    for (auto const& [name_, value] : attributes)
      if (name_ == key) return value;
    return std::nullopt;
  }
};

/// The tags of an XML text, one after the other. Comments and the text between tags are left out.
class xml_reader {
 public:
  explicit xml_reader(std::string_view text) : rest_(text) {}

  /// Nothing at the end. @throws std::string_view: what is wrong
  std::optional<xml_tag> next() {
    for (;;) {
      auto const at = rest_.find('<');
      if (at == rest_.npos) return std::nullopt;
      rest_.remove_prefix(at);
      if (rest_.starts_with("<!--"))
        skip_to("-->", "a comment that does not end");
      else if (rest_.starts_with("<?"))
        skip_to("?>", "an instruction that does not end");
      else if (rest_.starts_with("<!"))
        throw std::string_view("a document type or entities, which a model has no use for");
      else
        return tag();
    }
  }

 private:
  static constexpr std::string_view blank = " \t\r\n";

  void skip_to(std::string_view end, std::string_view otherwise) {
    auto const at = rest_.find(end);
    if (at == rest_.npos) throw otherwise;
    rest_.remove_prefix(at + end.size());
  }
  void skip_blank() { rest_.remove_prefix(std::min(rest_.find_first_not_of(blank), rest_.size())); }
  std::string_view word() {
    auto const end = std::min(rest_.find_first_of(" \t\r\n=/><\"'"), rest_.size());
    if (end == 0) throw std::string_view("a tag that is none");
    auto const found = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return found;
  }

  xml_tag tag() {
    rest_.remove_prefix(1);
    xml_tag found{.opens = !rest_.starts_with('/')};
    if (!found.opens) rest_.remove_prefix(1);
    found.closes = !found.opens;
    found.name = word();
    for (;;) {
      skip_blank();
      if (rest_.starts_with("/>") && found.opens) {
        found.closes = true;
        rest_.remove_prefix(2);
        return found;
      }
      if (rest_.starts_with('>')) {
        rest_.remove_prefix(1);
        return found;
      }
      auto const key = word();
      skip_blank();
      if (!rest_.starts_with('=')) throw std::string_view("an attribute without a value");
      rest_.remove_prefix(1);
      skip_blank();
      if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\''))
        throw std::string_view("a value without quotes");
      auto const end = rest_.find(rest_.front(), 1);
      if (end == rest_.npos) throw std::string_view("a value that does not end");
      found.attributes.emplace_back(key, rest_.substr(1, end - 1));
      rest_.remove_prefix(end + 1);
    }
  }

  std::string_view rest_;
};

/// What an .xml says of itself and of its .bin.
struct ir_summary {
  std::uint64_t weights_end = 0;  ///< bytes of the .bin that layers use
  std::optional<std::string> weights_mark{};  ///< which .bin it was saved with
};

/// A graph inside the .xml: the model's, or a loop's body.
struct ir_graph {
  struct layer {
    std::string_view type{};
    std::set<std::uint64_t> inputs{}, outputs{};
  };
  std::map<std::uint64_t, layer> layers{};
  std::set<std::pair<std::uint64_t, std::uint64_t>> fed{};
  std::vector<std::array<std::uint64_t, 4>> edges{};

  /// OpenVINO ends the process for a layer whose input nothing feeds, and for a Broadcast without inputs.
  void check() const {
    for (auto const& [from, from_port, to, to_port] : edges) {
      auto const source = layers.find(from), target = layers.find(to);
      if (source == layers.end() || target == layers.end() || !source->second.outputs.contains(from_port) ||
          !target->second.inputs.contains(to_port))
        throw std::string_view("an edge between layers or ports that are not there");
    }
    for (auto const& [id, each] : layers) {
      if (each.inputs.empty() && each.type != "Const" && each.type != "Parameter" && each.type != "ReadValue")
        throw std::string_view("a layer without inputs that needs some");
      for (auto const port : each.inputs)
        if (!fed.contains({id, port})) throw std::string_view("a layer with an input that nothing feeds");
    }
  }
};

/// @throws std::string_view: what is wrong
inline ir_summary checked_ir(std::string_view text, std::uint64_t weights) {
  auto const number = [](xml_tag const& tag, std::string_view key) {
    auto const value = tag.find(key);
    std::uint64_t parsed = 0;
    if (!value) throw std::string_view("a tag without its attributes");
    auto const [end, failure] = std::from_chars(value->data(), value->data() + value->size(), parsed);
    if (failure != std::errc() || end != value->data() + value->size()) throw std::string_view("a number that is none");
    return parsed;
  };

  ir_summary summary;
  std::vector<std::string_view> open;
  std::vector<ir_graph> graphs;
  std::vector<std::uint64_t> layers;  // the one that is open, of each graph
  bool seen = false;
  xml_reader tags(text);
  while (auto const tag = tags.next()) {
    auto const& name = tag->name;
    bool const is_graph = name == "net" || name == "body" || name == "then_body" || name == "else_body";
    if (tag->opens) {
      if (open.empty() && (seen || name != "net")) throw std::string_view("no <net> of OpenVINO's");
      if (open.size() == 256) throw std::string_view("tags inside tags, 256 deep");
      seen = true;
      auto const parent = open.empty() ? std::string_view() : open.back();
      open.push_back(name);
      if (is_graph) {
        graphs.emplace_back();
        layers.push_back(0);
      } else if (name == "layer") {
        layers.back() = number(*tag, "id");
        if (!graphs.back().layers.emplace(layers.back(), ir_graph::layer{tag->find("type").value_or("")}).second)
          throw std::string_view("two layers with the same id");
      } else if (name == "port" && (parent == "input" || parent == "output")) {
        auto& layer = graphs.back().layers[layers.back()];
        (parent == "input" ? layer.inputs : layer.outputs).insert(number(*tag, "id"));
      } else if (name == "edge" && parent == "edges") {
        auto& graph = graphs.back();
        graph.edges.push_back(
            {number(*tag, "from-layer"), number(*tag, "from-port"), number(*tag, "to-layer"), number(*tag, "to-port")});
        if (!graph.fed.emplace(graph.edges.back()[2], graph.edges.back()[3]).second)
          throw std::string_view("two edges to the same input");
      } else if (name == "data" && tag->find("offset") && tag->find("size")) {
        auto const offset = number(*tag, "offset"), size = number(*tag, "size");
        if (size > weights || offset > weights - size) summary.weights_end = UINT64_MAX;
        summary.weights_end = std::max(summary.weights_end, offset > UINT64_MAX - size ? UINT64_MAX : offset + size);
      } else if (name == "torchdeploy_weights") {
        summary.weights_mark = std::string(tag->find("value").value_or(""));
      }
    }
    if (tag->closes) {
      if (open.empty() || open.back() != name) throw std::string_view("a tag that is closed and not open");
      open.pop_back();
      if (is_graph) {
        graphs.back().check();
        graphs.pop_back();
        layers.pop_back();
      }
    }
  }
  if (!seen) throw std::string_view("no <net> of OpenVINO's");
  if (!open.empty()) throw std::string_view("a text that ends inside a tag");
  return summary;
}

}  // namespace torchdeploy::inline v0::detail
