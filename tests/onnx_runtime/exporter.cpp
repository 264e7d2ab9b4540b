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
       })
    test::check_export(forward(body), {rows});
}

TEST_CASE("a branch over what is in a tensor is an If of ONNX's") {
  auto const body = "if bool((x[0, 0] > 0).item()):\n    y = x * 2\nelse:\n    y = x - 1\nreturn y";
  auto const source = forward(body);
  INFO(source);
  test::check_export(test::scripted(source), {rows.abs()}, {{-rows.abs()}, {rows.abs() * 3}});
}

TEST_CASE("what can't be exported is refused by its name") {
  auto const missing = refusal("return torch.logdet(torch.mm(x.t(), x)) + torch.histc(x, 4)");
  CHECK(missing.code() == td::errc::operator_missing);
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

TEST_CASE("what was judged by open sizes is in the report") {
  auto const judged = [](std::string const& body) {
    auto const artifact =
        td::evaluate(test::scripted(forward(body)), {.examples = std::vector{rows}}) | td::export_onnx();
    return std::string(artifact.report().find("export_onnx")->detail("note"));
  };
  CHECK(judged("if x.size(0) > 1000:\n    return x * 2\nreturn x") == "judged for sizes like the example's: aten::gt");
  CHECK(judged("if x.size(1) == 4:\n    return x * 2\nreturn x").empty());
}
