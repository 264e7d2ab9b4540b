#include <torchdeploy/backend/onnx_runtime_options.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;

static_assert(std::is_aggregate_v<td::onnx_runtime_options>);
static_assert(!std::is_convertible_v<int, td::execution_provider>);
static_assert(std::is_convertible_v<char const*, td::execution_provider> &&
              std::is_convertible_v<std::string, td::execution_provider>);

TEST_CASE("providers are written by name alone, or with options, in turn") {
  td::onnx_runtime_options const one{.providers = {"TensorrtExecutionProvider"}};
  REQUIRE(one.providers.size() == 1);
  CHECK(one.providers[0].name == "TensorrtExecutionProvider");
  CHECK(one.providers[0].options.empty());

  td::onnx_runtime_options const two{.providers = {"CUDAExecutionProvider", "CPUExecutionProvider"}};
  REQUIRE(two.providers.size() == 2);  // not a range from one text to the other
  CHECK(two.providers[1].name == "CPUExecutionProvider");

  td::onnx_runtime_options const told{
      .providers = {{"TensorrtExecutionProvider", {{"trt_fp16_enable", "1"}}}, "CUDAExecutionProvider"}};
  REQUIRE(told.providers.size() == 2);
  CHECK(told.providers[0].options.at("trt_fp16_enable") == "1");
  CHECK(told.providers[1].options.empty());
  std::string const name = "XnnpackExecutionProvider";
  CHECK(td::onnx_runtime_options{.providers = {name}}.providers[0].name == name);
}

TEST_CASE("nothing said is strict, silent, on the CPU and with every optimization") {
  td::onnx_runtime_options const told;
  CHECK(told.providers.empty());
  CHECK(told.fallback == td::provider_fallback::refused);
  CHECK(td::allowed == td::provider_fallback::allowed);
  CHECK(told.optimization == td::graph_optimization::all);
  CHECK(told.log == td::runtime_log::off);
  CHECK(told.profile.empty());
  CHECK(told.optimized_model.empty());
}
