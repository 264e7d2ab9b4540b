// Packed int8 operators as float operators: grids of results, and names of what has no float form.
#include <torchdeploy/quantization/unpacking.hpp>

#include <torchdeploy/quantization/reference_graph.hpp>

#include "support/models.hpp"

TEST_CASE("a number added to an int8 tensor moves its zero point, and its scale where that would leave the range") {
  td::detail::grid const from{0.03, 120};
  double scalar = 1.5;
  CHECK(td::detail::grid_with_scalar(from, true, scalar) == td::detail::grid{0.03, 70});
  scalar = 9;
  auto const wide = td::detail::grid_with_scalar(from, true, scalar);
  CHECK(wide.zero_point == 0);
  CHECK(wide.scale == Approx(0.03 * 435 / 255));
  scalar = -0.5;
  CHECK(td::detail::grid_with_scalar(from, false, scalar) == td::detail::grid{0.015, 135});
}

TEST_CASE("an int8 operator without a float form is refused by name") {
  auto module = test::scripted(
      "def forward(self, x: Tensor, scale: float) -> Tensor:\n"
      "    return torch.dequantize(torch.quantize_per_tensor(x, 0.1, 3, 13))");
  auto const graph = module.get_method("forward").graph();
  auto* const last = graph->outputs()[0]->node();
  auto* const packed = last->input(0);
  auto* const zero_point = packed->node()->input(2);
  auto* const product = graph->create(c10::Symbol::fromQualString("quantized::mul"),
                                      {packed, packed, graph->inputs()[2], zero_point});  // a scale from the caller
  product->insertBefore(last);
  last->replaceInput(0, product->output());
  auto const failure =
      test::failure_of<td::backend_error>([&] { td::detail::reference_graph(*graph, module).write(); });
  CHECK(failure.code == td::errc::conversion_failed);
  CHECK(failure.text.find("quantized::mul") != std::string::npos);
}
