// The promises of the demo, on its test set of 450 images.
#include <cmath>
#include <filesystem>
#include <string>

#include <torchdeploy/torchdeploy.hpp>

#include "../../examples/digits.hpp"
#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {
std::string const data = TORCHDEPLOY_TEST_DATA;
std::string const model = data + "/digits_cnn.pt";
auto images() { return read_images(data + "/digits_test_images.u8"); }
auto labels() { return read_labels(data + "/digits_test_labels.u8"); }
auto samples() { return in_batches(read_images(data + "/digits_calibration_images.u8"), 16); }

template <class... Choices>
double int8_accuracy() {
  return accuracy(
      td::load<td::TorchScript>(model) | td::quantize<td::Int8, Choices...>(samples()) | td::deploy<td::LibTorch>(),
      images(), labels());
}
}  // namespace

TEST_CASE("int8 keeps the accuracy of the digits CNN within half a point, on each engine") {
  auto const before = accuracy(td::load<td::TorchScript>(model) | td::deploy<td::LibTorch>(), images(), labels());
  REQUIRE(before > 98);
  CHECK(std::abs(int8_accuracy<td::X86>() - before) <= 0.5);
  CHECK(std::abs(int8_accuracy<td::Onednn>() - before) <= 0.5);
  CHECK(std::abs(int8_accuracy<td::Fbgemm>() - before) <= 0.5);
  CHECK(std::abs(int8_accuracy<td::MinMax>() - before) <= 0.5);
}

TEST_CASE("the headline's expression makes a verified file less than a third the size, as accurate as before") {
  auto const file = std::filesystem::temp_directory_path() / "torchdeploy_headline.pt";
  auto const reference = td::load<td::TorchScript>(model);
  auto const before = accuracy(reference.clone() | td::deploy<td::LibTorch>(), images(), labels());

  auto small = td::load<td::TorchScript>(model) | td::quantize<td::Int8>(samples()) | td::prune<td::L1>(0.3) |
               td::verify(reference) | td::save(file);
  static_assert(td::contains<td::verified, decltype(small)::known>);

  CHECK(static_cast<double>(std::filesystem::file_size(model)) >
        3 * static_cast<double>(std::filesystem::file_size(file)));
  auto const after = td::load<td::TorchScript>(file) | td::deploy<td::LibTorch>();
  CHECK(std::abs(accuracy(after, images(), labels()) - before) <= 0.5);
  std::filesystem::remove(file);
}
