#include <torchdeploy/onnx/lowering_table.hpp>

#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "support/models.hpp"

namespace {

/// Which name the first operator of this kind is looked up by, and whether a form is found.
std::pair<std::string, bool> found(std::string const& expression, td::onnx_lowerings const& own = {}) {
  auto const module = test::scripted("def forward(self, x):\n    return " + expression);
  auto const graph = module.get_method("forward").graph();
  for (auto* const node : graph->nodes())
    if (node->kind().is_aten()) {
      auto const lowering = td::detail::lowering_of(node, own);
      return {lowering.name, static_cast<bool>(lowering.lower)};
    }
  return {};
}
using names = std::pair<std::string, bool>;

std::vector<td::onnx_value> nothing(td::onnx_call const&) { return {}; }

}  // namespace

TEST_CASE("no operator is in two families") {
  namespace of = td::detail;
  auto const families = {
      std::size(of::onnx_activations),  std::size(of::onnx_arithmetic),     std::size(of::onnx_attention),
      std::size(of::onnx_convolutions), std::size(of::onnx_creation),       std::size(of::onnx_distances),
      std::size(of::onnx_exponentials), std::size(of::onnx_indexing),       std::size(of::onnx_linear),
      std::size(of::onnx_logic),        std::size(of::onnx_normalizations), std::size(of::onnx_order),
      std::size(of::onnx_padding),      std::size(of::onnx_pooling),        std::size(of::onnx_recurrent),
      std::size(of::onnx_reductions),   std::size(of::onnx_resizing),       std::size(of::onnx_scattering),
      std::size(of::onnx_shapes),       std::size(of::onnx_slicing),        std::size(of::onnx_stacking),
      std::size(of::onnx_windows)};
  std::size_t all = 0;
  for (auto const each : families) all += each;
  CHECK(of::onnx_lowering_table().size() == all);
}

TEST_CASE("an operator that writes in place has the form of the one that does not") {
  CHECK(found("x.relu()") == names{"aten::relu", true});
  CHECK(found("x.relu_()") == names{"aten::relu", true});
  CHECK(found("x.__iand__(x)") == names{"aten::__iand__", true});
  CHECK(found("torch.special_entr(x)") == names{"aten::special_entr", false});
}

TEST_CASE("a user's operator comes before the table's, under either name") {
  CHECK(found("torch.special_entr(x)", {{"aten::special_entr", nothing}}) == names{"aten::special_entr", true});
  CHECK(found("x.relu_()", {{"aten::relu_", nothing}}) == names{"aten::relu_", true});
  CHECK(found("x.relu_()", {{"aten::relu", nothing}}) == names{"aten::relu", true});
}

TEST_CASE("all that is missing is named, and a quantized model told from others") {
  auto const refusal = [](std::vector<td::detail::missing_operator> const& missing) {
    return test::raised_by<td::export_error>([&] { td::detail::refuse_missing(missing, {}); });
  };
  auto const two = refusal({{"aten::histc", "here"}, {"aten::logdet", "there"}});
  CHECK(two.code() == td::errc::operator_missing);
  CHECK(std::string(two.what()).find("aten::histc, aten::logdet") != std::string::npos);
  CHECK(std::string(two.hint()).find(".operators") != std::string::npos);
  CHECK(std::string(refusal({{"quantized::conv2d", "here"}}).hint()).find("float model") != std::string::npos);
  CHECK_NOTHROW(td::detail::refuse_missing({}, {}));
}
