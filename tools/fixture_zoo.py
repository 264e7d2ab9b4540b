"""Tiny models, one per thing that quantization, freezing or verification has to get right. ZOO lists them all."""

from typing import Dict, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from fixture_nets import settle_batchnorm


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


def transformer_encoder():
    layer = nn.TransformerEncoderLayer(16, 4, dim_feedforward=32, batch_first=True)
    return nn.TransformerEncoder(layer, 2)


class Recurrent(nn.Module):
    """An LSTM or a GRU, then a linear layer on the last step."""

    def __init__(self, recurrent):
        super().__init__()
        self.recurrent = recurrent
        self.head = nn.Linear(recurrent.hidden_size, 3)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


def gelu_mlp():
    return nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 4))


class Relu6Cnn(nn.Module):
    """F.relu6, since nn.ReLU6 turns into aten::hardtanh."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.head = nn.Linear(8 * 6 * 6, 4)

    def forward(self, x):
        x = F.relu6(self.conv1(x))
        x = F.relu6(self.conv2(x))
        return self.head(x.flatten(1))


def conv_transpose():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(8, 4, 2, stride=2))


class EmbeddingMlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, tokens):
        return self.mlp(self.embedding(tokens).mean(1))


class Addmm(nn.Module):
    """Linear layers written by hand."""

    def __init__(self):
        super().__init__()
        self.weight1 = nn.Parameter(torch.randn(16, 32) / 4)
        self.bias1 = nn.Parameter(torch.randn(32) / 4)
        self.weight2 = nn.Parameter(torch.randn(32, 4) / 6)
        self.bias2 = nn.Parameter(torch.randn(4) / 6)

    def forward(self, x):
        return torch.addmm(self.bias2, F.relu(torch.addmm(self.bias1, x, self.weight1)), self.weight2)


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(16, 32)
        self.classes = nn.Linear(32, 4)
        self.box = nn.Linear(32, 2)

    def forward(self, x) -> Tuple[torch.Tensor, torch.Tensor]:
        x = F.relu(self.trunk(x))
        return self.classes(x), self.box(x)


class DictOutput(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Linear(16, 32)
        self.classes = nn.Linear(32, 4)

    def forward(self, x) -> Dict[str, torch.Tensor]:
        features = F.relu(self.trunk(x))
        return {"features": features, "logits": self.classes(features)}


class ControlFlow(nn.Module):
    def __init__(self):
        super().__init__()
        self.positive = nn.Linear(16, 4)
        self.negative = nn.Linear(16, 4)

    def forward(self, x):
        if x.sum() > 0:
            return F.relu(self.positive(x))
        return self.negative(x)


def conv1d_bn():
    net = nn.Sequential(
        nn.Conv1d(2, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU(),
        nn.Conv1d(8, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU(),
        nn.Flatten(), nn.Linear(8 * 16, 4))
    return settle_batchnorm(net, [torch.randn(32, 2, 16) for _ in range(8)])


def conv3d():
    return nn.Sequential(nn.Conv3d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 4 * 4, 4))


class SharedWeights(nn.Module):
    """One linear layer, used twice."""

    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(16, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(F.relu(self.shared(F.relu(self.shared(x)))))


class Matmul(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(16, 16)
        self.key = nn.Linear(16, 16)

    def forward(self, x):
        return torch.matmul(self.query(x), self.key(x).transpose(-2, -1))


def dead_batchnorm():
    """Deep, and its batch norms never saw data: outputs near zero, which any tolerance accepts."""
    layers, channels_in = [], 3
    for _ in range(20):
        layers += [nn.Conv2d(channels_in, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
        channels_in = 8
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4, bias=False))


class Constant(nn.Module):
    """Ignores its input."""

    def __init__(self):
        super().__init__()
        self.register_buffer("answer", torch.randn(4))

    def forward(self, x):
        return self.answer.expand(x.size(0), 4)


def mlp():
    return nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))


class FunctionalCnn(nn.Module):
    """Convolutions without modules of their own: the weights belong to the model itself."""

    def __init__(self):
        super().__init__()
        self.weight1 = nn.Parameter(torch.randn(8, 3, 3, 3) / 5)
        self.bias1 = nn.Parameter(torch.randn(8) / 5)
        self.weight2 = nn.Parameter(torch.randn(8, 8, 3, 3) / 8)
        self.weight3 = nn.Parameter(torch.randn(4, 8) / 3)

    def forward(self, x):
        x = F.relu(F.conv2d(x, self.weight1, self.bias1, padding=1))
        x = F.relu(F.conv2d(x, self.weight2, None, stride=2))
        return F.linear(x.mean([2, 3]), self.weight3)


class Raises(nn.Module):
    def forward(self, x):
        if x.sum() < 0:
            raise ValueError("the sum of the input is negative")
        return x * 2


class ExportedMethods(nn.Module):
    """A stream: `forward` mixes each encoded chunk into a state, `reset_states` forgets it."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 8)
        self.register_buffer("state", torch.zeros(1, 8))
        self.calls = 0

    @torch.jit.export
    def encode(self, x):
        return torch.tanh(self.linear(x))

    @torch.jit.export
    def reset_states(self):
        self.state = torch.zeros(1, 8)
        self.calls = 0

    def forward(self, x):
        self.state = 0.5 * self.state + self.encode(x)
        self.calls += 1
        return self.state


class OneOp(nn.Module):
    def forward(self, x):
        return x + 1


class KwargsDefault(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 4)

    def forward(self, x, scale: float = 2.0):
        return self.linear(x) * scale


def tokens():
    return torch.randint(0, 50, (2, 7))


# name: (how it is made into TorchScript, the module, one example input)
ZOO = {
    "mha_scripted": ("script", SelfAttention, lambda: torch.randn(2, 5, 16)),
    "encoder_traced": ("trace", transformer_encoder, lambda: torch.randn(2, 5, 16)),
    "lstm_scripted": ("script", lambda: Recurrent(nn.LSTM(8, 16, batch_first=True)), lambda: torch.randn(2, 5, 8)),
    "gru_scripted": ("script", lambda: Recurrent(nn.GRU(8, 16, batch_first=True)), lambda: torch.randn(2, 5, 8)),
    "gelu_mlp_traced": ("trace", gelu_mlp, lambda: torch.randn(2, 16)),
    "relu6_cnn": ("script", Relu6Cnn, lambda: torch.randn(2, 3, 8, 8)),
    "conv_transpose": ("script", conv_transpose, lambda: torch.randn(2, 3, 8, 8)),
    "embedding_mlp": ("script", EmbeddingMlp, tokens),
    "addmm_traced": ("trace", Addmm, lambda: torch.randn(2, 16)),
    "two_outputs": ("script", TwoOutputs, lambda: torch.randn(2, 16)),
    "dict_output": ("script", DictOutput, lambda: torch.randn(2, 16)),
    "control_flow_scripted": ("script", ControlFlow, lambda: torch.randn(2, 16)),
    "conv1d_bn": ("script", conv1d_bn, lambda: torch.randn(2, 2, 16)),
    "conv3d": ("script", conv3d, lambda: torch.randn(2, 1, 6, 6, 6)),
    "shared_weights": ("script", SharedWeights, lambda: torch.randn(2, 16)),
    "matmul_net": ("script", Matmul, lambda: torch.randn(2, 5, 16)),
    "dead_batchnorm": ("script", dead_batchnorm, lambda: torch.randn(2, 3, 16, 16)),
    "constant_net": ("script", Constant, lambda: torch.randn(2, 16)),
    "mlp_scripted": ("script", mlp, lambda: torch.randn(2, 16)),
    "functional_cnn": ("script", FunctionalCnn, lambda: torch.randn(2, 3, 9, 9)),
    "raises": ("script", Raises, lambda: torch.rand(2, 16)),
    "exported_methods": ("script", ExportedMethods, lambda: torch.randn(1, 16)),
    "one_op": ("script", OneOp, lambda: torch.randn(2, 16)),
    "kwargs_default": ("script", KwargsDefault, lambda: torch.randn(2, 16)),
}


@torch.no_grad()
def make_script_module(name):
    """The model called `name` in TorchScript, seeded, in eval mode."""
    how, make_net, make_example = ZOO[name]
    torch.manual_seed(0)
    net = make_net().eval()
    if how == "script":
        return torch.jit.script(net)
    return torch.jit.trace(net, make_example())


def example_inputs(name, count):
    """`count` seeded inputs for the model called `name`."""
    torch.manual_seed(1)
    return [ZOO[name][2]() for _ in range(count)]
