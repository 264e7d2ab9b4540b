#include <set>
#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

/// A call of an operator under the name that the table has it by, where other tests call it by another.
struct row {
  char const* name;
  char const* call;
};

void collect(torch::jit::Block* block, std::set<std::string>& kinds) {
  for (auto* node : block->nodes()) {
    kinds.insert(node->kind().toQualString());
    for (auto* inner : node->blocks()) collect(inner, kinds);
  }
}
std::set<std::string> kinds_of(torch::jit::Module const& module) {
  std::set<std::string> kinds;
  auto const graph = module.get_method("forward").graph();
  collect(graph->block(), kinds);
  return kinds;
}
/// LibTorch calls an operator by its first name when it reads code; graphs of older makers may have another.
void rename_calls(torch::jit::Block* block, c10::Symbol from, c10::Symbol to) {
  for (auto* node : std::vector<torch::jit::Node*>(block->nodes().begin(), block->nodes().end())) {
    for (auto* inner : node->blocks()) rename_calls(inner, from, to);
    if (node->kind() != from) continue;
    auto* const other = block->owningGraph()->create(to, node->inputs(), node->outputs().size());
    other->copyMetadata(node)->insertBefore(node);
    for (std::size_t i = 0; i < node->outputs().size(); ++i) other->output(i)->copyMetadata(node->output(i));
    node->replaceAllUsesWith(other);
    node->destroy();
  }
}
void check(std::vector<row> const& rows, std::string const& arguments, td::example const& inputs) {
  for (auto const& [name, call] : rows) {
    INFO(name);
    auto const module = test::scripted("def forward(self, " + arguments + "):\n    return " + call);
    auto const kinds = kinds_of(module);
    std::string const plain(name);
    CHECK((kinds.contains(plain) || kinds.contains(plain + "_")));
    test::check_export("def forward(self, " + arguments + "):\n    return " + call, inputs);
  }
}

}  // namespace

TEST_CASE("operators of floats under their other names") {
  check({{"aten::neg", "torch.neg(x)"},
         {"aten::pow", "torch.pow(x, 3)"},
         {"aten::sgn", "torch.sgn(x)"},
         {"aten::floor_divide", "torch.floor_divide(x, 0.3)"},
         {"aten::positive", "torch.positive(x)"},
         {"aten::_softmax", "torch._softmax(x, 1, False)"},
         {"aten::_log_softmax", "torch._log_softmax(x, 1, False)"},
         {"aten::_prelu_kernel", "torch._prelu_kernel(x, torch.tensor([[[0.1]], [[0.2]], [[0.3]]])[0])"},
         {"aten::mH", "x.mH"},
         {"aten::numpy_T", "x.T"},
         {"aten::alias", "torch.alias(x)"},
         {"aten::lift", "torch.lift(x)"},
         {"aten::lift_fresh", "torch.lift_fresh(x)"},
         {"aten::conj", "torch.conj(x)"},
         {"aten::conj_physical", "torch.conj_physical(x)"},
         {"aten::resolve_conj", "torch.resolve_conj(x)"},
         {"aten::resolve_neg", "torch.resolve_neg(x)"},
         {"aten::real", "torch.real(x)"},
         {"aten::_to_copy", "torch._to_copy(x, dtype=7)"},
         {"aten::_unsafe_view", "torch._unsafe_view(x, [-1, 24])"},
         {"aten::broadcast_to", "torch.broadcast_to(x, [2, x.size(0), 4, 6])"},
         {"aten::narrow_copy", "torch.narrow_copy(x, 1, 1, 2)"},
         {"aten::unsafe_split_with_sizes", "torch.unsafe_split_with_sizes(x, [1, 3], 1)"},
         {"aten::native_channel_shuffle", "torch.native_channel_shuffle(x.unsqueeze(-1), 2)"},
         {"aten::fill_diagonal", "x[:, 0].clone().fill_diagonal_(2.0)"},
         {"aten::ge", "torch.ge(x, 0.5)"},
         {"aten::le", "torch.le(x, 0.5)"},
         {"aten::lt", "torch.lt(x, 0.5)"},
         {"aten::ne", "torch.ne(x, 0.5)"},
         {"aten::_adaptive_avg_pool2d", "torch._adaptive_avg_pool2d(x, [2, 4])"},
         {"aten::_adaptive_avg_pool3d", "torch._adaptive_avg_pool3d(x.unsqueeze(1), [1, 2, 4])"},
         {"aten::conv_tbc", "torch.conv_tbc(x, torch.ones([2, 6, 3]) * 0.1, torch.ones([3]), 1)"},
         {"aten::_convolution",
          "torch._convolution(x, torch.ones([3, 4, 3]) * 0.1, None, [1], [1], [1], False, [0], 1, False, False, True, "
          "True)"},
         {"aten::_convolution_mode",
          "torch._convolution_mode(x, torch.ones([3, 4, 3]) * 0.1, None, [1], 'same', [1], 1)"},
         {"aten::native_group_norm", "torch.native_group_norm(x, torch.ones([4]), None, x.size(0), 4, 6, 2, 1e-5)[0]"},
         {"aten::_fused_rms_norm", "torch._fused_rms_norm(x, [6], torch.arange(6).to(6), 1e-5)[0]"},
         {"aten::_batch_norm_impl_index",
          "torch._batch_norm_impl_index(x, None, None, torch.ones([4]), torch.ones([4]) * 2, False, 0.1, 1e-5, "
          "False)[0]"},
         {"aten::_native_batch_norm_legit",
          "torch._native_batch_norm_legit(x, None, None, torch.ones([4]), torch.ones([4]) * 2, False, 0.1, 1e-5)[0]"},
         {"aten::_weight_norm", "torch._weight_norm(x[0], x[0, :, :1] + 1, 0) + x"},
         {"aten::_scaled_dot_product_flash_attention_for_cpu",
          "torch._scaled_dot_product_flash_attention_for_cpu(x.unsqueeze(1), x.unsqueeze(1), x.unsqueeze(1))[0]"},
         {"aten::grid_sampler_2d",
          "torch.grid_sampler_2d(x.unsqueeze(1), x[:, :, :4].reshape(-1, 4, 2, 2), 0, 0, True)"}},
        "x", {test::noise({3, 4, 6}).front()});
}

TEST_CASE("names that LibTorch has another for") {
  struct alias {
    char const *name, *first_name, *call;
  };
  auto const x = test::noise({3, 4, 6}).front();
  for (auto const& [name, first_name, call] :
       std::vector<alias>{{"aten::fix", "aten::trunc", "torch.trunc(x * 3)"},
                          {"aten::clip", "aten::clamp", "torch.clamp(x, -0.5, 0.5)"},
                          {"aten::subtract", "aten::sub", "torch.sub(x, x * 2)"},
                          {"aten::multiply", "aten::mul", "torch.mul(x, x)"},
                          {"aten::divide", "aten::div", "torch.div(x, x + 9)"},
                          {"aten::true_divide", "aten::div", "torch.div(x, x + 9)"},
                          {"aten::greater", "aten::gt", "torch.gt(x, 0.5)"},
                          {"aten::greater_equal", "aten::ge", "torch.ge(x, 0.5)"},
                          {"aten::less", "aten::lt", "torch.lt(x, 0.5)"},
                          {"aten::less_equal", "aten::le", "torch.le(x, 0.5)"},
                          {"aten::not_equal", "aten::ne", "torch.ne(x, 0.5)"},
                          {"aten::concat", "aten::cat", "torch.cat([x, x], 1)"},
                          {"aten::concatenate", "aten::cat", "torch.cat([x, x], 1)"},
                          {"aten::moveaxis", "aten::movedim", "torch.movedim(x, 0, 1)"},
                          {"aten::swapdims", "aten::transpose", "torch.transpose(x, 0, 2)"},
                          {"aten::swapaxes", "aten::transpose", "torch.transpose(x, 0, 2)"}}) {
    INFO(name);
    auto const module = test::scripted("def forward(self, x):\n    return " + std::string(call));
    auto const graph = module.get_method("forward").graph();
    rename_calls(graph->block(), c10::Symbol::fromQualString(first_name), c10::Symbol::fromQualString(name));
    CHECK(kinds_of(module).contains(name));
    test::check_export(module, {x}, {{x.slice(0, 0, 1)}, {at::cat({x, x})}});
  }
}

TEST_CASE("operators of ints and flags under their other names") {
  auto const x = at::tensor({0, 1, 2, 7, 3, 4}).reshape({3, 2}), y = at::tensor({5, 3, 1, 5, 12, 6}).reshape({3, 2});
  check({{"aten::__and__", "(x > 1) & (y > 4)"},
         {"aten::__or__", "(x > 1) | (y > 4)"},
         {"aten::__xor__", "(x > 1) ^ (y > 4)"},
         {"aten::__ior__", "(x > 1).__ior__(y > 4)"},
         {"aten::__ixor__", "(x > 1).__ixor__(y > 4)"},
         {"aten::bitwise_or", "torch.bitwise_or(x > 1, y > 4)"},
         {"aten::bitwise_xor", "torch.bitwise_xor(x > 1, y > 4)"},
         {"aten::bitwise_not", "torch.bitwise_not(x) + y"},
         {"aten::__lshift__", "(x << 2) + y"},
         {"aten::__rshift__", "(y >> 1) + x"},
         {"aten::bitwise_left_shift", "torch.bitwise_left_shift(x, 2) + y"},
         {"aten::bitwise_right_shift", "torch.bitwise_right_shift(y, 1) + x"},
         {"aten::floordiv", "x + y * (x.size(0) // 2)"},
         {"aten::__not__", "x + y * int(not (x.size(0) != 3))"},
         {"aten::Int", "x + y * int(x[0, 1])"},
         {"aten::Float", "x + y * float(x[0, 1])"},
         {"aten::Bool", "x + y * int(bool(x[0, 1] > 0))"},
         {"aten::index", "x[torch.tensor([0])] + y"},
         {"aten::ravel", "torch.ravel(x), y"},
         {"aten::floor_divide", "torch.floor_divide(y, x + 1)"}},
        "x, y", {x, y});
}

TEST_CASE("samples of solids, from opset 20 on") {
  auto const x = test::noise({2, 1, 3, 4, 5}).front(), grid = test::noise({2, 2, 2, 2, 3}, 1, 5).front() * 0.8;
  auto const source = "def forward(self, x, g):\n    return torch.grid_sampler_3d(x, g, 0, 0, True)";
  test::check_export(source, {x, grid}, {.opset = 20}, 1e-3, 1e-4);
}
