#include <torchdeploy/report/html.hpp>
#include <torchdeploy/stage/quantize.hpp>

#include <cstdlib>
#include <string>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/reports.hpp"

namespace td = torchdeploy;

namespace {

/// Is it well-formed? As XML, whose parsers forgive nothing.
bool well_formed(std::string const& page) {
  test::temporary_folder const folder;
  test::write(folder / "page.html", page);
  auto const command = "python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' " +
                       (folder / "page.html").string() + " 2>" + (folder / "complaint").string();
  if (std::system(command.c_str()) == 0) return true;
  auto const complaint = test::bytes_of(folder / "complaint");
  UNSCOPED_INFO(std::string(complaint.begin(), complaint.end()));
  return false;
}

std::size_t count(std::string const& text, std::string const& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a page is well-formed, whatever the report holds") {
  CHECK_FALSE(well_formed("<p><b></p>"));
  CHECK(well_formed(td::to_html({})));
  CHECK(well_formed(td::to_html(test::full_report())));
  CHECK(well_formed(td::to_html(test::hostile_report(), {.title = "<\xFF\"&"})));
  CHECK(well_formed(td::to_html(test::deep_report())));
}

TEST_CASE("no string of a report becomes markup") {
  auto const page = td::to_html(test::hostile_report());
  CHECK(page.find("<script") == page.npos);
  CHECK(page.find("</script") == page.npos);
  CHECK(page.find("<!--") == page.npos);
  CHECK(count(page, "</title>") == 1 + 3 * 3);  // the page's, and those of three columns in three charts
  CHECK(td::detail::valid_utf8(page) == page);
}

TEST_CASE("a page needs nothing from elsewhere, and no script") {
  auto const page = td::to_html(test::full_report());
  for (auto const* part : {"http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", " onload"})
    CHECK(page.find(part) == page.npos);
  CHECK_THAT(page, ContainsSubstring("default-src 'none'"));
}

TEST_CASE("the head of a page says what came of the model") {
  auto const page = td::to_html(test::full_report());
  CHECK_THAT(page, ContainsSubstring("<title>net.pt</title>") && ContainsSubstring("<h1>net.pt</h1>"));
  CHECK_THAT(page, ContainsSubstring("4000.0 kB \xE2\x86\x92 1200.0 kB") && ContainsSubstring("3.33\xC3\x97 smaller"));
  CHECK_THAT(page, ContainsSubstring("<b>1 of 2</b>"));
  CHECK_THAT(page, ContainsSubstring("31.5 dB (wanted: sqnr &gt;= 20 dB)<br/>0.999 (wanted: cosine &gt;= 0.9)"));
  CHECK_THAT(page, ContainsSubstring("<b class=\"fault\">1 fault</b>1 warning"));
}

TEST_CASE("a model that was changed after it was verified is not shown as verified") {
  auto all = test::full_report();
  CHECK_THAT(td::to_html(all), ContainsSubstring("<b class=\"good\">passed</b>"));
  test::add(all, {.stage = "prune"});
  auto const page = td::to_html(all);
  CHECK(page.find("passed</b>") == page.npos);
  CHECK_THAT(page, ContainsSubstring("<b class=\"warning\">not as it is now</b>") &&
                       ContainsSubstring("then <code>prune</code> changed the model: verify it again"));
  CHECK(well_formed(page));
}

TEST_CASE("a title of one's own is taken") {
  CHECK_THAT(td::to_html({}, {.title = "ResNet & co"}), ContainsSubstring("<h1>ResNet &amp; co</h1>"));
}

TEST_CASE("findings come the worst first, with place and hint") {
  auto const page = td::to_html(test::full_report());
  auto const fault = page.find("<code>range-jumped</code>"), warning = page.find("<code>train-mode-flag</code>");
  CHECK(fault < warning);
  CHECK(warning < page.find("<code>shared-weights</code>"));
  CHECK_THAT(page, ContainsSubstring("at <code>conv1</code>") && ContainsSubstring(">look at it<"));
}

TEST_CASE("bytes, milliseconds and error of each layer are drawn where they are known") {
  auto const all = td::to_html(test::full_report());
  CHECK(count(all, "role=\"img\"") == 3);
  CHECK_THAT(all, ContainsSubstring("most: 20.0 kB in layer 2, <code>head.fc</code>") &&
                      ContainsSubstring("most: 0.5 ms in layer 1, <code>conv1</code>") &&
                      ContainsSubstring("least: 33.2 dB in layer 1, <code>conv1</code>"));
  CHECK(count(td::to_html(test::deep_report()), "role=\"img\"") == 1);
  CHECK(count(td::to_html({}), "<svg") == 0);
}

TEST_CASE("the table has a row for each layer, and no column that is empty") {
  auto const deep = td::to_html(test::deep_report());
  CHECK(count(deep, "<tr><td class=\"number muted\">") == 156);
  CHECK(deep.find("zeros") == deep.npos);
  CHECK(deep.find("why not int8") == deep.npos);
  auto const full = td::to_html(test::full_report());
  CHECK_THAT(full, ContainsSubstring("<td class=\"reason\">graph mode knows aten::linear</td>") &&
                       ContainsSubstring("<td class=\"number\">exact</td>") &&
                       ContainsSubstring("<td class=\"number\">25.0 %</td>"));
}

TEST_CASE("a long name is shown without its middle, and whole where the mouse rests") {
  auto const name = "backbone." + std::string(60, 'x') + ".conv2";
  td::report all;
  test::add(all, {.stage = "prune", .layers = {{.name = name, .bytes = 8}}});
  CHECK_THAT(td::to_html(all), ContainsSubstring("<code title=\"" + name + "\">backbone.xxx"));
}

TEST_CASE("the page of a thousand layers takes less than a megabyte") {
  CHECK(td::to_html(test::deep_report(1'000)).size() < 1'000'000);
}

TEST_CASE("the same report gives the same page") {
  CHECK(td::to_html(test::full_report()) == td::to_html(test::full_report()));
}

TEST_CASE("a page is written whole, or not at all") {
  test::temporary_folder const folder;
  td::save_html(test::full_report(), folder / "report.html", {.title = "A net"});
  auto const bytes = test::bytes_of(folder / "report.html");
  CHECK(std::string(bytes.begin(), bytes.end()) == td::to_html(test::full_report(), {.title = "A net"}));
  CHECK(folder.files() == 1);
  auto const missing = test::failure_of<td::export_error>([&] { td::save_html({}, folder / "no" / "report.html"); });
  CHECK(missing.code == td::errc::place_unwritable);
}

TEST_CASE("the report of a real pipeline becomes a page") {
  auto const samples = test::calibration_digits();
  auto const model = test::load("digits_cnn") | td::quantize<td::Int8>(samples);
  auto const page = td::to_html(model.report());
  CHECK(well_formed(page));
  CHECK_THAT(page, ContainsSubstring("<h1>digits_cnn.pt</h1>") && ContainsSubstring("<code>classifier.1</code>"));
}
