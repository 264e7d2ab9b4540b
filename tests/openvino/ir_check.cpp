// OpenVINO's .xml is read before OpenVINO reads it: what ends its process is found here.
#include <torchdeploy/openvino/ir_check.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

std::string net(std::string const& layers, std::string const& edges = "", std::string const& more = "") {
  return "<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\"><layers>" + layers + "</layers><edges>" + edges +
         "</edges>" + more + "</net>";
}
std::string layer(int id, std::string const& type, std::string const& ports, std::string const& data = "") {
  return "<layer id=\"" + std::to_string(id) + "\" type=\"" + type + "\">" + data + ports + "</layer>";
}
std::string in(int port) { return "<input><port id=\"" + std::to_string(port) + "\"/></input>"; }
std::string out(int port) { return "<output><port id=\"" + std::to_string(port) + "\"/></output>"; }
std::string edge(int from, int from_port, int to, int to_port) {
  return "<edge from-layer=\"" + std::to_string(from) + "\" from-port=\"" + std::to_string(from_port) +
         "\" to-layer=\"" + std::to_string(to) + "\" to-port=\"" + std::to_string(to_port) + "\"/>";
}
std::string const one_relu =
    layer(0, "Parameter", out(0)) + layer(1, "ReLU", in(0) + out(1)) + layer(2, "Result", in(0));
std::string const its_edges = edge(0, 0, 1, 0) + edge(1, 1, 2, 0);

/// What is wrong with a text; empty: nothing.
std::string complaint(std::string const& text, std::uint64_t weights = 100) try {
  (void)td::detail::checked_ir(text, weights);
  return {};
} catch (std::string_view const wrong) {
  return std::string(wrong);
}

}  // namespace

TEST_CASE("tags are read with their attributes; comments, instructions and text between them are not") {
  td::detail::xml_reader tags("<?xml?> text <!-- <no/> --> <a  k = 'v \"' other=\"1>2\">x</a><b/>");
  auto const a = tags.next();
  REQUIRE(a);
  CHECK(a->name == "a");
  CHECK((a->opens && !a->closes));
  CHECK(a->find("k") == "v \"");
  CHECK(a->find("other") == "1>2");
  CHECK_FALSE(a->find("none"));
  auto const end = tags.next();
  CHECK((end->name == "a" && !end->opens && end->closes));
  auto const b = tags.next();
  CHECK((b->name == "b" && b->opens && b->closes));
  CHECK_FALSE(tags.next());
}

TEST_CASE("what is no XML is refused, wherever it is cut") {
  auto const whole = net(one_relu, its_edges);
  CHECK(complaint(whole).empty());
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    INFO(whole.substr(0, cut));
    CHECK_FALSE(complaint(whole.substr(0, cut)).empty());
  }
  CHECK(complaint("<!DOCTYPE x [<!ENTITY a \"b\">]>" + whole).starts_with("a document type"));
  CHECK(complaint("<net><a b></a></net>") == "an attribute without a value");
  CHECK(complaint("<net><a b=c></a></net>") == "a value without quotes");
  CHECK(complaint("<net><a></net></a>") == "a tag that is closed and not open");
  CHECK(complaint("<other/>") == "no <net> of OpenVINO's");
  CHECK(complaint(whole + whole) == "no <net> of OpenVINO's");
  std::string deep = "<net>";
  for (int i = 0; i < 300; ++i) deep += "<a>";
  CHECK(complaint(deep) == "tags inside tags, 256 deep");
}

TEST_CASE("each input of a layer is fed by one edge, between layers and ports that are there") {
  CHECK(complaint(net(one_relu, edge(0, 0, 1, 0))) == "a layer with an input that nothing feeds");
  CHECK(complaint(net(one_relu, its_edges + edge(0, 0, 2, 0))) == "two edges to the same input");
  auto const astray = "an edge between layers or ports that are not there";
  CHECK(complaint(net(one_relu, its_edges + edge(0, 0, 7, 0))) == astray);
  CHECK(complaint(net(one_relu, its_edges + edge(7, 0, 1, 5))) == astray);
  CHECK(complaint(net(one_relu, edge(0, 1, 1, 0) + edge(1, 1, 2, 0))) == astray);
  CHECK(complaint(net(one_relu + layer(1, "ReLU", ""), its_edges)) == "two layers with the same id");
  CHECK(complaint(net("<layer type=\"ReLU\"/>")) == "a tag without its attributes");
  CHECK(complaint(net("<layer id=\"1x\" type=\"ReLU\"/>")) == "a number that is none");
}

TEST_CASE("a loop's body is a graph of its own") {
  auto const body = [&](std::string const& edges) {
    auto const inner = "<body><layers>" + one_relu + "</layers><edges>" + edges + "</edges></body>";
    return net(layer(0, "Parameter", out(0)) + layer(1, "Loop", in(0), inner), edge(0, 0, 1, 0));
  };
  CHECK(complaint(body(its_edges)).empty());
  CHECK(complaint(body(edge(0, 0, 1, 0))) == "a layer with an input that nothing feeds");
}

TEST_CASE("how much of the weights is used, and which weights they were, is read") {
  auto const constant = [](std::string const& offset, std::string const& size) {
    return net(layer(0, "Const", out(0), "<data offset=\"" + offset + "\" size=\"" + size + "\"/>"), "",
               "<rt_info><torchdeploy_weights value=\"crc\"/></rt_info>");
  };
  auto const read = td::detail::checked_ir(constant("16", "4"), 100);
  CHECK(read.weights_end == 20);
  CHECK(read.weights_mark == "crc");
  CHECK_FALSE(td::detail::checked_ir(net(one_relu, its_edges), 0).weights_mark);
  CHECK(td::detail::checked_ir(constant("96", "4"), 100).weights_end == 100);
  auto const beyond = [&](std::string const& offset, std::string const& size) {
    return td::detail::checked_ir(constant(offset, size), 100).weights_end > 100;
  };
  CHECK(beyond("97", "4"));
  CHECK(beyond("18446744073709551615", "2"));  // which together are 1
  CHECK(beyond("2", "18446744073709551615"));
  CHECK(complaint(constant("-1", "4")) == "a number that is none");
  CHECK(complaint(constant("18446744073709551616", "4")) == "a number that is none");
}
