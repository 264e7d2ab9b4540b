#include <torchdeploy/onnx/shape_only.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "support/catch.hpp"

namespace td = torchdeploy;

namespace {

/// The only operator of a function, and what it is given.
struct one_call {
  torch::jit::Module module;
  torch::jit::Node* node{};
  torch::jit::Stack inputs;
};

one_call call_of(std::string const& signature, std::string const& expression, std::vector<at::Tensor> const& tensors) {
  one_call made{torch::jit::Module("one_call"), {}, {}};
  made.module.define("def f(self, " + signature + "):\n  return " + expression + "\n");
  auto const graph = made.module.get_method("f").graph();
  std::unordered_map<torch::jit::Value*, c10::IValue> known;
  for (std::size_t i = 0; i < tensors.size(); ++i) known[graph->inputs()[i + 1]] = tensors[i];
  for (auto* node : graph->nodes()) {
    torch::jit::Stack stack;
    for (auto* each : node->inputs()) stack.push_back(known[each]);
    if (node->kind() == c10::prim::Constant) {
      known[node->output()] = torch::jit::toIValue(node->output()).value();
    } else if (node->kind() == c10::prim::ListConstruct) {
      std::vector<std::int64_t> all;
      for (auto const& number : stack) all.push_back(number.toInt());
      known[node->output()] = all;
    } else {
      made.node = node;
      made.inputs = stack;
    }
  }
  return made;
}

auto with_shapes_alone(one_call const& call) {
  auto operation = call.node->getOperation();
  return td::detail::shape_runner()(call.node, operation, call.inputs);
}

bool has_to_be_run(one_call const& call) { return !with_shapes_alone(call).has_value(); }

at::Tensor as_run(one_call const& call) {
  auto stack = call.inputs;
  call.node->getOperation()(stack);
  return stack[0].toTensor();
}

}  // namespace

TEST_CASE("shapes alone are those of the values") {
  auto const image = at::randn({2, 6, 17, 12}), kernel = at::randn({8, 3, 3, 5}), bias = at::randn({8});
  std::string const with_kernel = "x, w, b";
  struct {
    std::string signature, expression;
    std::vector<at::Tensor> tensors;
  } const cases[] = {
      {with_kernel, "torch.conv2d(x, w, b, groups=2)", {image, kernel, bias}},
      {with_kernel,
       "torch.conv2d(x, w, b, stride=[2, 3], padding=[1, 0], dilation=[3, 2], groups=2)",
       {image, kernel, bias}},
      {with_kernel, "torch.conv2d(x, w, b, stride=2, padding=2, groups=2)", {image, kernel, bias}},
      {with_kernel,
       "torch.conv1d(x, w, b, stride=2, padding=1)",
       {at::randn({3, 4, 19}), at::randn({5, 4, 4}), at::randn({5})}},
      {with_kernel,
       "torch.conv3d(x, w, b, padding=[1, 2, 0])",
       {at::randn({1, 2, 5, 6, 7}), at::randn({4, 2, 3, 3, 3}), at::randn({4})}},
      {"x, m, v",
       "torch.batch_norm(x, None, None, m, v, False, 0.1, 1e-5, True)",
       {image, at::zeros({6}), at::ones({6})}},
      {"q, k, v",
       "torch.scaled_dot_product_attention(q, k, v)",
       {at::randn({2, 3, 7, 8}), at::randn({2, 3, 9, 8}), at::randn({2, 3, 9, 8})}},
      {"q, k, v",
       "torch.scaled_dot_product_attention(q, k, v)",
       {at::randn({2, 7, 3, 8}).transpose(1, 2), at::randn({2, 3, 9, 8}), at::randn({2, 3, 9, 8})}},
      {"x, y", "torch.matmul(x, y)", {at::randn({5, 1, 3, 4}), at::randn({2, 4, 6})}},
      {"x, y", "x + y", {at::randn({5, 1}), at::randint(9, {1, 3})}},
      {"x", "x.mean([1, 3], keepdim=True)", {image}},
      {"x", "x.permute([3, 0, 2, 1])", {image}},
      {"x", "torch.max_pool2d(x, [3, 2], ceil_mode=True)", {image}},
      {"x", "torch.softmax(x, -1)", {image}},
      {"x", "x.select(1, 2)", {image}},
  };
  for (auto const& each : cases) {
    INFO(each.expression);
    auto const call = call_of(each.signature, each.expression, each.tensors);
    auto const expected = as_run(call);
    auto const results = with_shapes_alone(call);
    REQUIRE(results.has_value());
    auto const& got = results->at(0).toTensor();
    CHECK(got.sizes() == expected.sizes());
    CHECK(got.strides() == expected.strides());
    CHECK(got.scalar_type() == expected.scalar_type());
  }
}

TEST_CASE("shapes alone: a view is one, and what is written to is given back") {
  auto const x = at::randn({4, 6}).slice(0, 1);
  auto const view = with_shapes_alone(call_of("x", "x.unsqueeze(1)", {x}));
  REQUIRE(view.has_value());
  CHECK(view->at(0).toTensor().is_alias_of(x));
  CHECK(at::equal(view->at(0).toTensor(), x.unsqueeze(1)));
  auto const written = with_shapes_alone(call_of("x", "x.mul_(2)", {x}));
  REQUIRE(written.has_value());
  CHECK(written->at(0).toTensor().is_same(x));
  auto const same = with_shapes_alone(call_of("x", "torch.dropout(x, 0.5, False)", {x}));
  REQUIRE(same.has_value());
  CHECK(same->at(0).toTensor().is_alias_of(x));
}

TEST_CASE("shapes alone do not tell what depends on data, and a wrong call has to be run") {
  auto const x = at::randn({4, 6});
  CHECK(has_to_be_run(call_of("x", "torch.nonzero(x)", {x})));
  CHECK(has_to_be_run(call_of("x, y", "torch.matmul(x, y)", {x, x})));
  CHECK(has_to_be_run(call_of("x, w", "torch.conv2d(x, w)", {at::randn({1, 3, 8, 8}), at::randn({2, 4, 3, 3})})));
  CHECK(has_to_be_run(call_of("x, w", "torch.conv2d(x, w)", {at::randn({1, 3, 2, 8}), at::randn({2, 3, 3, 3})})));
  auto const channels_last = at::randn({1, 3, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
  CHECK(has_to_be_run(call_of("x, w", "torch.conv2d(x, w)", {channels_last, at::randn({2, 3, 3, 3})})));
}

TEST_CASE("untouched zeros take no memory of their size, and are zeros") {
  auto const zeros = td::detail::untouched_zeros({1 << 20, 1 << 12}, {1 << 12, 1}, at::kFloat);  // 16 GB
  CHECK(zeros[12345].abs().max().item<float>() == 0);
  CHECK(td::detail::untouched_zeros({0, 3}, {3, 1}, at::kLong).numel() == 0);
  CHECK(td::detail::untouched_zeros({}, {}, at::kDouble).item<double>() == 0);
  CHECK(td::detail::untouched_zeros({4, 5}, {0, 1}, at::kFloat).sizes() == at::IntArrayRef{4, 5});
}
