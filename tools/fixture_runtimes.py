"""Models that other runtimes have to get right: RUNTIMES lists them all. Not in the zoo, whose every model each stage is tried on."""

from typing import Dict, List, Optional, Tuple

import torch
from torch import nn
from torch.nn import functional as F


def encoder6():
    """As large as a small sentence encoder: 6 layers, width 384, 12 heads."""
    layer = nn.TransformerEncoderLayer(384, 12, dim_feedforward=1536, batch_first=True, activation="gelu")
    return nn.TransformerEncoder(layer, 6)


class LoopOverSteps(nn.Module):
    """A recurrence written by hand: as many steps as the input is long."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(8, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        state = torch.zeros(x.size(0), 16)
        states = []
        for step in range(x.size(1)):
            state = self.cell(x[:, step], state)
            states.append(state)
        return self.head(torch.stack(states, 1))


class LoopWhile(nn.Module):
    """How often the loop runs depends on the data, and so does the return."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 16)

    def forward(self, x):
        count = 0
        while bool(x.abs().max() > 0.5) and count < 10:
            x = 0.5 * torch.tanh(self.linear(x))
            count += 1
        for i in range(3):
            x = x + i
            if bool(x.sum() > 40):
                return x * 2
        return x


class Branches(nn.Module):
    """Branches by shape, by setting and by data, one inside another; layers in a list."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(16, 16) for _ in range(3)])
        self.residual = True

    def forward(self, x):
        assert x.dim() == 2
        for layer in self.layers:
            y = F.relu(layer(x))
            if self.residual:
                x = x + y
            else:
                x = y
        if x.size(0) > 4:
            x = x * 2
        elif bool(x.mean() > 0):
            x = x - x.mean()
        return x


class InPlace(nn.Module):
    """What is written step by step: tensors, parts of them, a list and a dict."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 8)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x) -> Dict[str, torch.Tensor]:
        y = self.act(self.linear(x))
        y += 1
        y[:, 0] = 0
        y[:, 1:3] *= 2
        parts = [y]
        parts.append(y * 2)
        results: Dict[str, torch.Tensor] = {}
        results["both"] = torch.cat(parts, 1)
        results["first"] = y
        return results


class Nested(nn.Module):
    """Tuples inside tuples, a list, and None."""

    def forward(self, x) -> Tuple[torch.Tensor, Tuple[torch.Tensor, List[torch.Tensor]], Optional[torch.Tensor]]:
        return x * 2, (x.sum(1), [x, x + 1]), None


class Masked(nn.Module):
    """A mask, which need not be given, and arguments that are no tensors."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 16)

    def forward(self, x, mask: Optional[torch.Tensor] = None, scale: float = 0.5, shift: Tuple[int, int] = (1, 2)):
        x = self.linear(x) * scale + shift[1]
        if mask is not None:
            x = x.masked_fill(mask, -1.0)
        return x


class Resizing(nn.Module):
    """Sizes that are calculated with: ceil division, interpolation, padding to a multiple."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.up = nn.Conv2d(8, 3, 1)

    def forward(self, x):
        height, width = x.shape[2], x.shape[3]
        x = F.pad(x, [0, -width % 4, 0, -(-height // 4) * 4 - height])
        y = F.interpolate(self.up(F.silu(self.conv(x))), scale_factor=2.0, mode="bilinear", align_corners=False)
        return (x + y)[:, :, :height, :width]


class Unconvertible(nn.Module):
    """Two operators, in layers of their own, that few runtimes know."""

    class Gamma(nn.Module):
        def forward(self, x):
            return torch.lgamma(x.abs() + 1)

    class Product(nn.Module):
        def forward(self, x):
            return torch.cumprod(x, 1)

    def __init__(self):
        super().__init__()
        self.gamma = Unconvertible.Gamma()
        self.product = Unconvertible.Product()

    def forward(self, x):
        return self.product(self.gamma(x))


# name: (how it is made into TorchScript, the module, the example inputs of a call, by its batch)
RUNTIMES = {
    "encoder6_traced": ("trace", encoder6, lambda n: (torch.randn(n, 128, 384),)),
    "loop_over_steps": ("script", LoopOverSteps, lambda n: (torch.randn(n, 5, 8),)),
    "loop_while": ("script", LoopWhile, lambda n: (torch.randn(n, 16),)),
    "branches": ("script", Branches, lambda n: (torch.randn(n, 16),)),
    "in_place": ("script", InPlace, lambda n: (torch.randn(n, 16),)),
    "nested_outputs": ("script", Nested, lambda n: (torch.randn(n, 6),)),
    "masked": ("script", Masked, lambda n: (torch.randn(n, 16), torch.rand(n, 16) > 0.5)),
    "resizing": ("script", Resizing, lambda n: (torch.randn(n, 3, 9, 14),)),
    "unconvertible": ("script", Unconvertible, lambda n: (torch.randn(n, 6),)),
}


@torch.no_grad()
def make_script_module(name):
    """The model called `name` in TorchScript, seeded, in eval mode."""
    how, make_net, make_example = RUNTIMES[name]
    torch.manual_seed(0)
    net = make_net().eval()
    if how == "script":
        return torch.jit.script(net)
    return torch.jit.trace(net, make_example(2))


def example_inputs(name, batches):
    """Seeded inputs for the model called `name`, one call for each batch size."""
    torch.manual_seed(1)
    return [list(RUNTIMES[name][2](batch)) for batch in batches]
