"""Models for what runtimes make of quantization. INT8 lists them: float ones to be quantized, and one that Python quantized."""

import warnings

import torch
from torch import nn
from torch.ao.nn.quantized import FloatFunctional
from torch.ao.quantization import convert, get_default_qconfig, prepare
from torch.ao.quantization import DeQuantStub, QuantStub


def encoder():
    """Width 384, 12 heads, to be traced: without the fast path its linear layers are operators of their own."""
    layer = nn.TransformerEncoderLayer(384, 12, dim_feedforward=1536, batch_first=True, activation="gelu")
    return nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)


def wide_mlp():
    return nn.Sequential(nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))


class Joins(nn.Module):
    """What two int8 tensors are joined by, what int8 tensors are cut by, and what works with a number."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(16, 16, 3, groups=4, stride=4, padding=1)
        self.conv4 = nn.Conv2d(8, 16, 1)
        self.larger = nn.Upsample(scale_factor=2)
        self.norm = nn.BatchNorm2d(16)
        self.norm.weight = nn.Parameter(torch.linspace(0.5, 1.5, 16))
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        a, b = torch.relu(self.conv1(x)), self.conv2(x)
        joined = torch.cat([a, b], 1)
        first, second = joined.chunk(2, 1)
        y = nn.functional.hardswish(first * second + 1.5)
        z = nn.functional.leaky_relu(self.conv4(nn.functional.avg_pool2d(y, 2)), 0.1)
        w = self.larger(self.conv3(joined)) * torch.sigmoid(z)
        w = torch.relu(self.norm(w + z)) * -0.5
        w = self.up(nn.functional.elu(w))
        return self.head(w.mean([2, 3])), w


class Resized(nn.Module):
    """Scripted, interpolate asks for the rank of its argument."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 3)

    def forward(self, x):
        return self.conv2(nn.functional.interpolate(torch.relu(self.conv1(x)), scale_factor=2.0))


class Residual(nn.Module):
    """As torch.ao.quantization's eager mode wants it."""

    def __init__(self):
        super().__init__()
        self.quant, self.dequant = QuantStub(), DeQuantStub()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.act = nn.Hardswish()
        self.add, self.cat = FloatFunctional(), FloatFunctional()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.conv1(self.quant(x))
        y = self.act(self.conv2(x))
        x = self.cat.cat([self.add.add_relu(x, y), x], 1)
        return self.dequant(self.head(torch.flatten(self.pool(x), 1)))


@torch.no_grad()
def eager_int8():
    net = Residual().eval()
    net.qconfig = get_default_qconfig("x86")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = prepare(net)
        for _ in range(8):
            net(torch.randn(8, 3, 16, 16))
        return convert(net)


INT8 = {
    "encoder": ("trace", encoder, lambda: torch.randn(2, 128, 384)),
    "wide_mlp": ("script", wide_mlp, None),
    "joins": ("trace", Joins, lambda: torch.randn(2, 3, 16, 16)),
    "resized": ("script", Resized, None),
    "eager_int8": ("script", eager_int8, None),
}


@torch.no_grad()
def make_script_module(name):
    how, build, example = INT8[name]
    torch.manual_seed(0)
    net = build().eval()
    if how == "script":
        return torch.jit.script(net)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        return torch.jit.trace(net, example())
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
