#include <torchdeploy/onnx/export_options.hpp>

#include <string>
#include <utility>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

td::onnx_axes axes_of(td::export_onnx_options const& options) { return options.dynamic_axes; }

}  // namespace

TEST_CASE("open sizes are the default, none, or what is given by input, axis and name") {
  CHECK_FALSE(axes_of({}).are_given());
  CHECK_FALSE(axes_of({.dynamic_axes = {}}).are_given());
  CHECK(axes_of({.dynamic_axes = {{}}}).given().empty());
  CHECK(axes_of({.dynamic_axes = td::onnx_axes::by_input{}}).given().empty());

  td::onnx_axes::by_input const one{{"image", {{0, "batch"}, {2, "height"}}}};
  CHECK(axes_of({.dynamic_axes = {{"image", {{0, "batch"}, {2, "height"}}}}}).given() == one);
  CHECK(axes_of({.dynamic_axes = one}).given() == one);
  CHECK(axes_of({.dynamic_axes = {{"a", {{0, "n"}}}, {"b", {{-1, "n"}}}}}).given().size() == 2);

  td::export_onnx_options options;
  std::string const name = "image";
  options.dynamic_axes = {{name, {{0, "batch"}, {2, "height"}}}};
  CHECK(options.dynamic_axes.given() == one);
  options.dynamic_axes = {};
  CHECK_FALSE(options.dynamic_axes.are_given());
}
