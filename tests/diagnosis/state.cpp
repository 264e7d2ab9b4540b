#include <torchdeploy/diagnosis/state.hpp>

#include "support/models.hpp"

namespace {
std::vector<std::string> written(std::string const& body) {
  torch::jit::Module module("Net");
  module.register_buffer("total", at::zeros({2, 2}));
  module.register_attribute("count", c10::IntType::get(), 0);
  module.register_attribute("seen", c10::ListType::ofTensors(), c10::List<at::Tensor>());
  module.register_buffer("other", at::zeros({2, 2}));
  c10::Dict<std::string, at::Tensor> table;
  table.insert("h", at::zeros({2, 2}));
  module.register_attribute("table", c10::DictType::create(c10::StringType::get(), c10::TensorType::get()), table);
  auto const pair = c10::ivalue::Tuple::create({at::zeros({2, 2}), at::zeros({2, 2})});
  module.register_attribute("pair", pair->type<c10::TupleType>(), pair);
  module.define("def helper(self, x):\n    self.count += 1\n    return x\ndef forward(self, x):\n" + body);
  return td::detail::written_state(*td::detail::settled_graph(module));
}
}  // namespace

TEST_CASE("state is found where it is assigned, written in place, through views, in lists and in calls") {
  using names = std::vector<std::string>;
  CHECK(written("    self.total = x\n    return x\n") == names{"total"});
  CHECK(written("    self.total.add_(x)\n    return x\n") == names{"total"});
  CHECK(written("    self.total[0].t().add_(x)\n    return x\n") == names{"total"});
  CHECK(written("    y = self.total.mul_(2)\n    y.add_(1)\n    return x\n") == names{"total"});
  CHECK(written("    self.seen.append(x)\n    return x\n") == names{"seen"});
  CHECK(written("    return self.helper(x)\n") == names{"count"});
}

TEST_CASE("state is found through branches, loops, dicts, tuples and what lists hold") {
  using names = std::vector<std::string>;
  CHECK(written("    h = self.total\n    for i in range(2):\n        h = h.add_(x)\n    return h\n") == names{"total"});
  CHECK(
      written("    h = self.total\n    for i in range(2):\n        h.add_(x)\n        h = x.clone()\n    return h\n") ==
      names{"total"});
  CHECK(written("    h = self.total if bool(x.sum() > 0) else self.other\n    h.add_(x)\n    return h\n") ==
        names{"total", "other"});
  CHECK(written("    self.table['h'].add_(x)\n    return x\n") == names{"table"});
  CHECK(written("    self.table['h'] = x\n    return x\n") == names{"table"});
  CHECK(written("    for each in self.table.values():\n        each.add_(x)\n    return x\n") == names{"table"});
  CHECK(written("    a, b = self.pair\n    b.add_(x)\n    return a\n") == names{"pair"});
  CHECK(written("    self.pair[1].add_(x)\n    return x\n") == names{"pair"});
  CHECK(written("    self.seen[0].add_(x)\n    return x\n") == names{"seen"});
  CHECK(written("    for each in self.seen:\n        each.add_(x)\n    return x\n") == names{"seen"});
  CHECK(written("    a, b = self.total.chunk(2)\n    b.add_(x)\n    return a\n") == names{"total"});
  CHECK(written("    both = (x, self.total)\n    both[1].add_(x)\n    return x\n") == names{"total"});
  CHECK(written("    all = [x]\n    all.append(self.total)\n    all[1].add_(x)\n    return x\n") == names{"total"});
  CHECK(written("    all = {'a': x}\n    all['b'] = self.total\n    all['b'].add_(x)\n    return x\n") ==
        names{"total"});
  CHECK(written("    all = [self.seen]\n    all[0].append(x)\n    return x\n") == names{"seen"});
}

TEST_CASE("a tensor that a trace took for a constant is state where it is written to") {
  torch::jit::Graph graph;
  auto* const x = graph.addInput("x");
  auto* const h = graph.insertConstant(at::zeros({2}));
  graph.registerOutput(graph.insert(c10::aten::add_, {h, x}));
  auto const names = td::detail::written_state(graph);
  REQUIRE(names.size() == 1);
  CHECK_THAT(names.front(), StartsWith("a constant"));
}

TEST_CASE("what is the model's own for one call is no state") {
  CHECK(written("    y = self.total + 1\n    y.add_(x)\n    return y\n").empty());
  CHECK(written("    return x.clone().add_(self.total)\n").empty());
  CHECK(written("    all = [x]\n    all.append(self.total)\n    return all[0]\n").empty());
  CHECK(written("    x.add_(1)\n    return x\n").empty());  // the caller's
  CHECK(written("    a, b = x.chunk(2)\n    b.mul_(2)\n    return a + self.total\n").empty());
  CHECK(written("    h = self.total\n    for i in range(2):\n        h = h + x\n        h.relu_()\n    return h\n")
            .empty());
  CHECK(written("    y = torch.cat([self.total, x])\n    y.add_(1)\n    return y\n").empty());
  CHECK(written("    h = self.total.clone() if bool(x.sum() > 0) else x\n    h.add_(1)\n    return h\n").empty());
  CHECK(written("    all = [self.total]\n    all.pop()\n    all.append(x)\n    return all[0]\n").empty());
}
