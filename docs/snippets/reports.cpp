// The report of a pipeline as text, HTML and JSON, and read again.
#include <iostream>

#include <torchdeploy/report/json.hpp>

#include "digits.hpp"

namespace td = torchdeploy;

int main() {
  // [begin]
  auto const samples = in_batches(read_images("examples/data/digits_calibration_images.u8"), 16);
  auto const model = td::load<td::TorchScript>("examples/data/digits_cnn.pt") | td::quantize<td::Int8>(samples) |
                     td::prune<td::L1>(0.3);
  td::report const& report = model.report();

  std::string const text = td::to_text(report);                 // or std::cout << report
  td::save_html(report, "report.html", {.title = "Digits CNN"});  // or to_html: the page as a string
  td::save_json(report, "report.json");                         // or to_json: the text as a string

  nlohmann::json const j = report;  // to pick from
  for (auto const& layer : j["stages"][1]["layers"])
    std::cout << layer["name"].get<std::string>() << ": " << layer["bytes"] << " bytes\n";
  std::cout << std::boolalpha << (j.get<td::report>() == report) << '\n';  // and back
  // [end]
  return text.empty() ? 1 : 0;
}
