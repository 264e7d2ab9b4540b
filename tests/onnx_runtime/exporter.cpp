#include <string>
#include <vector>

#include "support/exported.hpp"

namespace td = torchdeploy;

namespace {

auto const rows = test::noise({3, 4}).front();

std::string forward(std::string const& body, std::string const& arguments = "x") {
  std::string source = "def forward(self, " + arguments + "):\n";
  std::size_t begin = 0;
  while (begin < body.size()) {
    auto const end = std::min(body.find('\n', begin), body.size());
    source += "    " + body.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return source;
}
td::export_error refusal(std::string const& body, td::export_onnx_options options = {}) {
  options.samples = std::vector{rows};
  try {
    td::evaluate(test::scripted(forward(body))) | td::export_onnx(options);
  } catch (td::export_error const& error) {
    return error;
  }
  FAIL("exported: " << body);
  throw;
}

}  // namespace

TEST_CASE("what is written in place is seen through every name and view, and by nothing else") {
  for (auto const* body : {
           "y = x * 2\ny.add_(1)\nreturn y",
           "y = x * 2\nz = y\ny.mul_(3)\nreturn y + z",
           "y = x * 2\nz = y.clone()\ny.mul_(3)\nreturn y + z",
           "y = x * 2\nfirst = y[:, 0]\nfirst.add_(10)\nreturn y",
           "y = x * 2\nfirst = y[:, 0]\ny.add_(10)\nreturn y, first",
           "y = x * 2\na = y[:, 1:3]\nb = y[:, 2]\na.mul_(5)\nreturn y, a, b",
           "y = x * 2\ny[:, 1] = 7.0\nreturn y",
           "y = x * 2\ny[:, -1] = x[:, 0]\nreturn y",
           "y = x * 2\ny[:, 1:3] = x[:, 0:2]\nreturn y",
           "y = x * 2\ny[:, ::2] = x[:, :2]\nreturn y",
           "y = x * 2\ny[0] = x[-1]\nreturn y",
           "y = torch.zeros([x.size(0), 4])\ny[:, 0] = x[:, 1]\nreturn y",
           "y = x * 2\ny.view(-1)[0] = 3.0\nreturn y",
           "y = x * 2\ny.t()[1].add_(x[:, 0])\nreturn y",
           "y = x * 2\ny.transpose(0, 1)[2:].mul_(0.5)\nreturn y",
           "y = x * 2\ny.unsqueeze(1)[:, 0, 2].add_(5)\nreturn y",
           "y = x * 2\na, b = y.chunk(2, 1)\ny.add_(1)\nreturn a, b",
           "x.add_(1)\nreturn x * 2",
           "y = x[:, :2]\ny.zero_()\nreturn x",
           "mask = torch.zeros([4])\nmask[1] = 1.0\nreturn x * mask",
           "a = torch.zeros([2, 4])\nb = a[0]\na.add_(1)\nb.add_(1)\nreturn x * a[0] + a[1]",
           "y = x * 2\ny += torch.ones([4], dtype=3)\nreturn y",
           "y = (x * 10).to(3)\ny += 3\ny *= 2\nreturn y",
           "y = x * 2\ny.copy_(x[0])\nreturn y",
           "y = x * 2\ny[:, 0].fill_(1.5)\nreturn y, y.sum()",
           "y = x * 2\ny.narrow(1, -2, 2).fill_(7.0)\nreturn y",
           "y = x * 2\ny.narrow(1, -3, 2).fill_(7.0)\nreturn y",
           "y = x * 2\ni = int(x.argmin().item()) * 0 - 1\ny.select(1, i).fill_(7.0)\nreturn y",
           "y = x * 2\ny.unsqueeze_(1)\nreturn y * torch.ones([2, 1])",
           "x.t_()\nreturn x + 1",
           "y = x.unsqueeze(1)\nz = y * 2\nz.squeeze_(1)\nz.add_(1)\nreturn z",
       })
    test::check_export(forward(body), {rows});
}

TEST_CASE("shape arithmetic stays open where the sizes are") {
  for (auto const* body : {
           "return x.reshape(x.size(0) * 2, 2)",
           "return x.view(-1, 2, 2).flatten(1)",
           "return x.view(x.size(0), -1, 2)",
           "n = x.size(0)\nreturn x.unsqueeze(0).expand(2, n, 4)",
           "return x * x.size(0)",
           "return x * (x.size(0) // 2) + float(x.size(0)) / 3",
           "return x.size(0)",
           "return torch.tensor(x.size(0) * 2) + x",
           "a, b = x.size()\nreturn x.reshape(b, a)",
           "s = [x.size(0), 2, 2]\nreturn x.reshape(s)",
           "return x.t().reshape(2, -1)",
           "return x.unsqueeze(1).expand(-1, 3, -1).reshape(x.size(0) * 3, 4)",
       })
    test::check_export(forward(body), {rows});
}

TEST_CASE("lists, tuples, dicts and loops are what they hold") {
  for (auto const* body : {
           "l = [x, x * 2]\nl.append(x * 3)\nreturn torch.cat(l, 1)",
           "l = [x]\nfor i in range(3):\n    l.append(l[-1] * 2)\nreturn torch.stack(l)",
           "y = x\nfor i in range(4):\n    y = y * 2 + i\nreturn y",
           "l = [x, x + 1, x + 2]\nl.reverse()\nlast = l.pop()\nl.insert(0, last * 5)\nreturn torch.cat(l, 0)",
           "l = [x, x + 1] + [x + 2]\nreturn torch.stack(l[1:], 0)",
           "d = {'a': x, 'b': x * 2}\nd['c'] = d['a'] + 1\nreturn d",
           "return (x, [x * 2, x * 3], {'k': x + 1})",
           "y = x\nif x.dim() == 2:\n    y = y * 2\nelse:\n    y = y.sum()\nreturn y",
           "assert x.size(1) == 4, 'no'\nreturn x * 2",
           "a, b = (x, x * 2)\nreturn a - b",
           "return x, x, torch.ones([2])",
           "l = [x, x * 2, x * 3]\nreturn torch.cat(l[::-1], 1)",
           "l = [x, x * 2, x * 3]\nreturn torch.cat(l[2:0:-1], 1)",
           "l = [x, x * 2, x * 3, x * 4]\nreturn torch.cat(l[-1::-2], 1)",
           "l = [x, x * 2, x * 3]\nreturn torch.cat(l[:0:-1], 1)",
           "l = [x, x * 2, x * 3]\nreturn torch.cat(l[-9:9:2], 1)",
           "l = [3, 1, 2]\nl.sort()\nreturn x * l[0]",
           "l = [3, 1, 2]\nl.remove(3)\nreturn x * l[0]",
           "l = [x, x * 2, x * 3]\ndel l[0]\nreturn torch.cat(l, 1)",
           "d = {'a': x, 'b': x * 2}\nfor k, v in d.items():\n    x = x + v * len(k)\nreturn x",
       })
    test::check_export(forward(body), {rows});
}

TEST_CASE("a branch over what is in a tensor is an If of ONNX's") {
  auto const body = "if bool((x[0, 0] > 0).item()):\n    y = x * 2\nelse:\n    y = x - 1\nreturn y";
  auto const source = forward(body);
  INFO(source);
  test::check_export(test::scripted(source), {rows.abs()}, {{-rows.abs()}, {rows.abs() * 3}});
}

TEST_CASE("a branch sees views as they are before it, and writes to what is its own") {
  for (auto const* body : {
           "y = x * 2\nv = y[:, 0]\ny.add_(1)\nif bool((x[0, 0] > 0).item()):\n    r = v + 1\nelse:\n    r = v - "
           "1\nreturn r, v",
           "if bool((x[0, 0] > 0).item()):\n    y = x * 2\n    y.relu_()\nelse:\n    y = x - 1\nreturn y",
           "if bool((x[0, 0] > 0).item()):\n    l = [x]\n    l.append(x * 2)\n    y = torch.stack(l).sum(0)\nelse:\n   "
           " y = x - 1\nreturn y",
       })
    test::check_export(test::scripted(forward(body)), {rows.abs()}, {{-rows.abs()}, {rows.abs() * 3}});
  for (auto const* body : {
           "y = x * 2\nif bool((x[0, 0] > 0).item()):\n    y.relu_()\nreturn y",
           "l = [x]\nif bool((x[0, 0] > 0).item()):\n    l.append(x)\nreturn l[0]",
           "y = x * 2\nif bool((x[0, 0] > 0).item()):\n    y[:, 0].relu_()\nreturn y",
       })
    CHECK(refusal(body).code() == td::errc::not_exportable);
}

TEST_CASE("a product that Gemm scales keeps the batch norm behind it") {
  test::check_export(forward("w = torch.arange(12).float().reshape(4, 3) / 12\nb = torch.arange(3).float()\n"
                             "y = torch.addmm(b, x, w, beta=2, alpha=3)\n"
                             "return torch.batch_norm(y, None, None, b + 1, b + 2, False, 0.1, 1e-5, False)"),
                     {rows});
}

TEST_CASE("a constant that is made in the model is in the file once") {
  auto const artifact =
      td::evaluate(
          test::scripted(forward("m = torch.zeros([4096])\nm[0] = 1.0\ny = x\nfor i in range(12):\n"
                                 "    y = torch.matmul(y.t(), y).sum() + m\n    y = y.reshape(-1, 4)\nreturn y")),
          {.examples = std::vector{rows}}) |
      td::export_onnx();
  CHECK(artifact.handle().bytes().size() < 2 * 4096 * sizeof(float));
}

TEST_CASE("outputs that are None are left out") {
  test::check_export("def forward(self, x):\n    y: Optional[Tensor] = None\n    return x, y, x * 2", {rows});
}

TEST_CASE("what can't be exported is refused by its name") {
  auto const missing = refusal("return torch.logdet(torch.mm(x.t(), x)) + torch.histc(x, 4)");
  CHECK(missing.code() == td::errc::operator_missing);
  try {  // with a place each, and what else is refused
    throw refusal(
        "y = torch.histc(x, 4)\nz = torch.logdet(torch.mm(x.t(), x))\nfor i in range(x.size(0)):\n    y = y + "
        "z\nreturn y");
  } catch (td::export_error const& both) {
    CHECK(both.code() == td::errc::operator_missing);
    CHECK(std::string(both.what()).find("aten::histc, aten::logdet") != std::string::npos);
  }
  CHECK(refusal("return x + torch.randn([4])").code() == td::errc::not_exportable);
  CHECK(refusal("y = x * 1\ny.uniform_()\nreturn y").code() == td::errc::not_exportable);
  CHECK(refusal("l = [x, x * 2]\nd = {'a': x}\nd.update({'a': x * 2})\nreturn d['a']").code() ==
        td::errc::not_exportable);
  CHECK(refusal("if int(x[0, 0].item()) in [1, 2]:\n    return x * 2\nreturn x").code() == td::errc::operator_missing);
  CHECK(refusal("y = x * 2\nz = y[0]\ny.unsqueeze_(0)\nreturn y + z").code() == td::errc::not_exportable);
  CHECK(std::string(missing.what()).find("aten::logdet") != std::string::npos);
  CHECK(std::string(missing.what()).find("aten::histc") != std::string::npos);

  CHECK(refusal("return x", {.opset = 12}).code() == td::errc::export_options_conflict);
  CHECK(refusal("return x", {.method = "encode"}).code() == td::errc::export_options_conflict);
  CHECK(refusal("return x", {.inputs = {"a", "b"}}).code() == td::errc::export_options_conflict);
  CHECK(refusal("return x", {.outputs = {"a", "b"}}).code() == td::errc::export_options_conflict);
  td::export_onnx_options unknown;
  unknown.dynamic_axes = {{"y", {{0, "batch"}}}};
  CHECK(refusal("return x", unknown).code() == td::errc::export_options_conflict);
  unknown.dynamic_axes = {{"x", {{7, "batch"}}}};
  CHECK(refusal("return x", unknown).code() == td::errc::export_options_conflict);
  CHECK(refusal("return x.reshape(3, 4)").code() == td::errc::export_raised);
  CHECK(refusal("assert x.size(1) == 5, 'never'\nreturn x").code() == td::errc::not_exportable);
  CHECK(refusal("y = x\nwhile bool((y.sum() < 100).item()):\n    y = y + 1\nreturn y").code() ==
        td::errc::not_exportable);
  CHECK(refusal("y = x\nfor i in range(x.size(0)):\n    y = y + 1\nreturn y").code() == td::errc::not_exportable);
}

TEST_CASE("a list of the model that a call appends to is a state") {
  torch::jit::Module module("keeper");
  module.register_attribute("cache", c10::ListType::ofTensors(), c10::List<at::Tensor>());
  module.define("def forward(self, x):\n    self.cache.append(x)\n    return x * 2\n");
  module.eval();
  CHECK_THROWS_WITH(td::evaluate(module, {.examples = std::vector{rows}}) | td::export_onnx(),
                    ContainsSubstring("keeps a state"));
  CHECK(module.attr("cache").toTensorList().empty());
}

TEST_CASE("an axis of 1 that the example alone would lose is refused, or named") {
  td::export_onnx_options options{.samples = std::vector{test::noise({1, 4}).front()}};
  auto const squeezed = test::scripted(forward("return x.squeeze(0) * 2"));
  try {
    td::evaluate(squeezed) | td::export_onnx(options);
    FAIL("exported");
  } catch (td::export_error const& error) {
    CHECK(error.code() == td::errc::not_exportable);
    CHECK(std::string(error.what()).find(".dynamic_axes = {{}}") != std::string::npos);
  }
  auto const restored =
      td::evaluate(test::scripted(forward("return x.squeeze().reshape(-1, 4) * 2"))) | td::export_onnx(options);
  CHECK(std::string(restored.report().find("export_onnx")->detail("note")).find("squeeze") != std::string::npos);
  options.dynamic_axes = {{}};
  test::check_export(squeezed, {rows.slice(0, 0, 1)}, {}, options);
}

TEST_CASE("an operator of one's own is taken before the library's") {
  td::export_onnx_options options;
  options.operators["aten::histc"] = [](td::onnx_call const& call) -> std::vector<td::onnx_value> {
    return {call.onnx.emit("Relu", {call.tensor("self")})};
  };
  auto artifact = td::evaluate(test::scripted(forward("return torch.relu(x) + torch.histc(x, 4)")),
                               {.examples = std::vector{rows}}) |
                  td::export_onnx(options);
  CHECK(artifact.handle().summary->has_operator("Relu"));
  CHECK(artifact.handle().summary->operators.at("Relu") == 1);  // made once: the two are the same
}

TEST_CASE("inputs, outputs and open sizes have the names that were asked for") {
  td::export_onnx_options options{.inputs = {"image"}, .outputs = {"logits"}};
  options.dynamic_axes = {{"image", {{0, "rows"}, {1, "columns"}}}};
  options.metadata = {{"made by", "a test"}};
  auto const artifact =
      td::evaluate(test::scripted(forward("return torch.relu(x).t()")), {.examples = std::vector{rows}}) |
      td::export_onnx(options);
  auto const& summary = *artifact.handle().summary;
  CHECK(td::to_text(summary.inputs.at(0)).find("image") != std::string::npos);
  CHECK(summary.inputs.at(0).shape.value() == std::vector<std::int64_t>{-1, -1});
  CHECK(summary.outputs.at(0).name == "logits");
  CHECK(summary.metadata.at("made by") == "a test");
}

TEST_CASE("sizes of outputs have names too, and axes count from behind") {
  td::export_onnx_options options{.outputs = {"y"}, .samples = std::vector{rows}};
  options.dynamic_axes = {{"x", {{0, "batch"}, {-1, "length"}}}, {"y", {{0, "batch"}, {-1, "twice"}}}};
  auto const exported = [&](std::string const& body) {
    return td::evaluate(test::scripted(forward(body))) | td::export_onnx(options);
  };
  auto const made = exported("return torch.cat([x, x], 1)");
  CHECK(made.handle().outputs().at(0).shape.value() == std::vector<std::int64_t>{-1, -1});
  auto const bytes = made.handle().bytes();
  std::string const file(reinterpret_cast<char const*>(bytes.data()), bytes.size());
  CHECK(file.find("twice") != std::string::npos);
  CHECK(file.find("_dim_") == std::string::npos);
  test::check_export(test::scripted(forward("return torch.cat([x, x], 1)")), {rows}, {{test::noise({5, 9}).front()}},
                     options);
  // of another size than the inputs' that has this name
  options.dynamic_axes = {{"x", {{0, "batch"}, {-1, "length"}}}, {"y", {{1, "batch"}}}};
  CHECK_THROWS_AS(exported("return torch.cat([x, x], 1)"), td::export_error);
}

TEST_CASE("what the example alone has decided is in the report") {
  auto const artifact = td::evaluate(test::scripted("def forward(self, x, n: int):\n    return x * n"),
                                     {.examples = std::vector<td::example>{{rows, 3}}}) |
                        td::export_onnx();
  CHECK(std::string(artifact.report().find("export_onnx")->detail("note")).find("'n'") != std::string::npos);
}

TEST_CASE("what was judged by open sizes is in the report") {
  auto const judged = [](std::string const& body) {
    auto const artifact =
        td::evaluate(test::scripted(forward(body)), {.examples = std::vector{rows}}) | td::export_onnx();
    return std::string(artifact.report().find("export_onnx")->detail("note"));
  };
  CHECK(judged("if x.size(0) > 1000:\n    return x * 2\nreturn x") == "judged for sizes like the example's: aten::gt");
  CHECK(judged("if x.size(1) == 4:\n    return x * 2\nreturn x").empty());
}
