#include <torchdeploy/onnx/sized_export.hpp>

#include <cstddef>
#include <string>

#include <torchdeploy/torchdeploy.hpp>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/zoo.hpp"

namespace {

using td::detail::evaluation;

std::string exported(torch::jit::Module const& module, td::example const& inputs, td::detail::evaluation of_data) {
  td::detail::calls_of_nodes open_calls;
  td::export_onnx_options const options;
  td::detail::onnx_export work(module, options, inputs, td::detail::onnx_export::graph_of(module, "forward"),
                               td::detail::second_run::larger, of_data);
  work.build(open_calls);
  return work.write({}).file;
}

}  // namespace

TEST_CASE("a model is exported from shapes alone as from values") {
  std::size_t compared = 0;
  for (auto const& [name, inputs] : test::all_models()) {
    INFO(name);
    auto const model = test::load(name);
    auto const& module = model.handle();
    try {
      auto const of_values = exported(module, inputs.front(), evaluation::values);
      CHECK(exported(module, inputs.front(), evaluation::shapes) == of_values);
      ++compared;
    } catch (td::export_error const&) {  // as models that can't be exported
    } catch (td::detail::values_needed const&) {
    }
  }
  CHECK(compared >= 20);
}

TEST_CASE("where shapes don't tell, values are computed") {
  auto const module = test::scripted("def forward(self, x):\n  return x[x > 0] * 2\n");
  td::example const inputs = {at::randn({3, 4})};
  CHECK_THROWS_AS(exported(module, inputs, evaluation::shapes), td::detail::values_needed);
  td::export_onnx_options const options;
  td::detail::sized_onnx_export work(module, options, inputs);
  CHECK_FALSE(work.build()->write({}).file.empty());
  CHECK(work.evaluation_seconds() > 0);
}

TEST_CASE("a model that can't run at any other size is refused with what the first said") {
  auto const module = test::scripted("def forward(self, x):\n  return x + torch.ones([3, 9])\n");
  td::export_onnx_options const options{.dynamic_axes = {{"x", {{1, "width"}}}}};
  td::example const inputs = {at::randn({3, 9})};
  td::detail::sized_onnx_export work(module, options, inputs);
  CHECK_THROWS_WITH(work.build(), ContainsSubstring("raised on inputs of other sizes"));
}
