// Whatever form a quantized graph has, its reference graph says the same with float operators.
#include <torchdeploy/quantization/reference_graph.hpp>

#include <string>
#include <utility>
#include <vector>

#include <torchdeploy/stage/quantize.hpp>

#include "support/models.hpp"

namespace {

/// A method's reference graph, as a module that runs.
torch::jit::Module rewritten(torch::jit::Module const& module) {
  auto copy = torch::jit::freeze(module.clone());
  td::detail::reference_graph(*copy.get_method("forward").graph(), copy).write();
  return copy;
}

bool is_reference_form(torch::jit::Module const& module) {
  bool plain = true;
  td::detail::for_each_node(*module.get_method("forward").graph(), [&](torch::jit::Node* node) {
    std::string const name = node->kind().toQualString();
    plain = plain && !name.starts_with("quantized::") && name != "aten::q_scale" && name != "aten::q_zero_point";
  });
  return plain;
}

}  // namespace

TEST_CASE("the reference graph of a quantized model computes what its int8 operators compute") {
  auto const [name, sizes] = GENERATE(table<std::string, std::vector<std::int64_t>>({{"onet", {2, 3, 48, 48}},
                                                                                     {"two_outputs", {2, 16}},
                                                                                     {"conv1d_bn", {2, 2, 16}},
                                                                                     {"resnet18", {2, 3, 64, 64}},
                                                                                     {"int8/joins", {2, 3, 16, 16}}}));
  INFO(name);
  auto const quantized = test::load(name) | td::quantize<td::Int8>(test::noise(sizes), {.progress = false});
  auto const lowered = td::TorchScript::leaving(quantized.handle(), quantized.record());
  td::example const inputs{test::noise(sizes, 1, 100).front()};
  auto const wanted = test::flat(test::forward(lowered, inputs));
  auto const agrees = [&](torch::jit::Module const& module) {
    auto const reference = rewritten(module);
    CHECK(is_reference_form(reference));
    auto const got = test::flat(test::forward(reference, inputs));
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK((at::equal(wanted[i], got[i]) || test::sqnr_db(wanted[i], got[i]) > 30));
  };
  agrees(quantized.handle());
  agrees(lowered);
}

TEST_CASE("adding and multiplying by numbers moves the grid, as LibTorch's int8 operators do, where none is stated") {
  // LibTorch's own reference form keeps the grid of x, on which x - 9 is cut
  auto const in_reference_form = [](std::string const& scale, std::string const& zero_point) {
    auto module = test::scripted(
        "def forward(self, x: Tensor) -> Tensor:\n"
        "    q = torch.quantize_per_tensor(x, 0.03, 120, 13)\n"
        "    y = torch.dequantize(q) * -0.5\n"
        "    y = torch.dequantize(torch.quantize_per_tensor(y, " +
        scale + ", " + zero_point + ", 13))\n    return y");
    td::detail::reference_graph(*module.get_method("forward").graph(), module).write();
    return module;
  };
  td::example const inputs{test::noise({64}, 1).front()};
  auto const halved = at::quantize_per_tensor(inputs[0].toTensor(), 0.03, 120, at::kQUInt8).dequantize() * -0.5;
  auto const moved = in_reference_form("torch.q_scale(q)", "torch.q_zero_point(q)");
  CHECK(at::allclose(test::forward(moved, inputs).toTensor(), halved));
  auto const stated = in_reference_form("0.03", "120");
  CHECK(at::equal(test::forward(stated, inputs).toTensor(),
                  at::quantize_per_tensor(halved, 0.03, 120, at::kQUInt8).dequantize()));
}
