#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <torchdeploy/detail/libtorch/compiling.hpp>
#include <torchdeploy/openvino/layer_path.hpp>

/// Operators that OpenVINO has no rule for, said in others that it has.
namespace torchdeploy::inline v0::detail {

/// Each function defines the operator of its name, with its arguments, as the documentation of torch.nn and torch does.
inline constexpr std::string_view definitions = R"(
def gru_cell(x, h, w_ih, w_hh, b_ih: Optional[Tensor], b_hh: Optional[Tensor]):
    r_i, z_i, n_i = torch.chunk(torch.linear(x, w_ih, b_ih), 3, -1)
    r_h, z_h, n_h = torch.chunk(torch.linear(h, w_hh, b_hh), 3, -1)
    z = torch.sigmoid(z_i + z_h)
    n = torch.tanh(n_i + torch.sigmoid(r_i + r_h) * n_h)
    return (1 - z) * n + z * h
def lstm_cell(x, hx: List[Tensor], w_ih, w_hh, b_ih: Optional[Tensor], b_hh: Optional[Tensor]):
    i, f, g, o = torch.chunk(torch.linear(x, w_ih, b_ih) + torch.linear(hx[0], w_hh, b_hh), 4, -1)
    c = torch.sigmoid(f) * hx[1] + torch.sigmoid(i) * torch.tanh(g)
    return (torch.sigmoid(o) * torch.tanh(c), c)
def rnn_tanh_cell(x, h, w_ih, w_hh, b_ih: Optional[Tensor], b_hh: Optional[Tensor]):
    return torch.tanh(torch.linear(x, w_ih, b_ih) + torch.linear(h, w_hh, b_hh))
def rnn_relu_cell(x, h, w_ih, w_hh, b_ih: Optional[Tensor], b_hh: Optional[Tensor]):
    return torch.relu(torch.linear(x, w_ih, b_ih) + torch.linear(h, w_hh, b_hh))
def bilinear(a, b, weight, bias: Optional[Tensor]):
    y = torch.sum(torch.matmul(torch.unsqueeze(torch.unsqueeze(a, -2), -2), weight)[..., 0, :] * torch.unsqueeze(b, -2), -1)
    if bias is not None:
        y = y + bias
    return y
def threshold(x, limit: float, value: float):
    return torch.where(x <= limit, torch.full_like(x, value), x)
def hardshrink(x, lambd: float):
    return torch.where(torch.abs(x) <= lambd, torch.zeros_like(x), x)
def softshrink(x, lambd: float):
    return torch.sign(x) * torch.relu(torch.abs(x) - lambd)
def logit(x, eps: Optional[float]):
    if eps is not None:
        x = torch.clamp(x, eps, 1 - eps)
    return torch.log(x / (1 - x))
def addcdiv(x, a, b, value: float):
    return x + value * (a / b)
def trunc(x):
    return torch.sign(x) * torch.floor(torch.abs(x))
def frac(x):
    return x - torch.sign(x) * torch.floor(torch.abs(x))
def nan_to_num(x, nan: Optional[float], posinf: Optional[float], neginf: Optional[float]):
    high = 3.4028234663852886e38
    if x.dtype == 5:
        high = 65504.0
    if x.dtype == 15:
        high = 3.3895313892515355e38
    x = torch.where(torch.isnan(x), torch.full_like(x, 0.0 if nan is None else nan), x)
    x = torch.where(torch.logical_and(torch.isinf(x), x > 0), torch.full_like(x, high if posinf is None else posinf), x)
    return torch.where(torch.logical_and(torch.isinf(x), x < 0), torch.full_like(x, -high if neginf is None else neginf), x)
def cosine_similarity(a, b, dim: int, eps: float):
    a, b = a + torch.zeros_like(b), b + torch.zeros_like(a)
    a = a / torch.clamp_min(torch.sqrt(torch.sum(a * a, [dim], True)), eps)
    b = b / torch.clamp_min(torch.sqrt(torch.sum(b * b, [dim], True)), eps)
    return torch.sum(a * b, [dim])
)";

/// Operators in place are left while LibTorch's passes may still replace them, by name, with those beside the tensor.
enum class in_place_operators { left, as_copies };

/// The operators of a graph that are defined above are replaced by what defines them; one in place by a copy into its tensor,
/// which OpenVINO's front end carries to whoever reads it. Were there any?
inline bool define_operators(jit::Graph& graph, in_place_operators in_place) {
  std::vector<jit::Node*> operators;
  for_each_node(graph, [&](jit::Node* node) {
    bool const writes = operator_name(node) != node->kind().toUnqualString();
    if (writes && in_place == in_place_operators::left) return;
    auto const name = "def " + operator_name(node) + "(";
    if (std::string_view(node->kind().ns().toUnqualString()) == "aten" && definitions.find(name) != definitions.npos)
      operators.push_back(node);
  });
  if (operators.empty()) return false;
  jit::CompilationUnit unit;
  unit.define(std::nullopt, std::string(definitions), jit::nativeResolver(), nullptr);
  for (jit::Node* node : operators) {
    auto& function = unit.get_function(operator_name(node));
    auto const body = jit::toGraphFunction(function).graph();
    if (body->inputs().size() != node->inputs().size()) continue;  // an overload of other arguments
    jit::WithInsertPoint const before(node);
    auto const path = layer_path(node);
    auto* const last = node->prev();
    auto values = jit::insertGraph(graph, *body, node->inputs());
    if (values.size() == 1 && node->outputs().size() > 1) {
      auto* const unpack = graph.insertNode(graph.createTupleUnpack(values.front()));
      values.assign(unpack->outputs().begin(), unpack->outputs().end());
    }
    if (operator_name(node) != node->kind().toUnqualString())
      values.front() = graph.insert(c10::aten::copy_, {node->input(0), values.front()});
    for (auto* made = last->next(); made != node; made = made->next()) set_layer_path(made, path);
    for (std::size_t i = 0; i < values.size(); ++i) node->outputs()[i]->replaceAllUsesWith(values[i]);
    node->destroy();
  }
  return true;
}

}  // namespace torchdeploy::inline v0::detail
