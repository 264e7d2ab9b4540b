"""Small models, two for each thing that `diagnose` finds: NAME_wrong has it, NAME_right does not. PITFALLS lists them.

They go to .deps/models/pitfalls/, with an input for each in reference/pitfalls.pt.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    """`function(net, x)` as a module, to be traced, with two linear layers and what else it is given."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        self.first = nn.Linear(16, 16)
        self.last = nn.Linear(16, 4)
        for name, part in parts.items():
            if isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


def traced(function, example, train=False, **parts):
    net = Net(function, **parts).train(train)
    return torch.jit.trace(net, example, check_trace=False)


def sequential(*layers):
    return nn.Sequential(*layers, nn.Linear(16, 4))


# --- what a trace keeps of its example

def view_of_len(net, x):
    return net.last(F.relu(net.first(x)).view(len(x), 2, 8).flatten(1))


def view_of_shape(net, x):
    return net.last(F.relu(net.first(x)).view(x.shape[0], 2, 8).flatten(1))


def merged_rows(net, x):
    return net.last(net.first(x).view(int(x.shape[0]) // 2, -1)[:, :16])


def branch(net, x):
    if x.sum() > 0:
        return net.last(F.relu(net.first(x)))
    return net.negative(x)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(16, 4)
        self.negative = nn.Linear(16, 4)

    def forward(self, x):
        if x.sum() > 0:
            return self.last(F.relu(x))
        return self.negative(x)


def scaled_by_item(net, x):
    return net.last(net.first(x) / x.abs().max().item())


def scaled_by_tensor(net, x):
    return net.last(net.first(x) / x.abs().amax(1, keepdim=True))


def loop(net, x):
    state = torch.zeros_like(x[:, 0])
    for t in range(x.size(1)):
        state = torch.tanh(net.first(x[:, t]) + state)
    return net.last(state)


class Loop(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(16, 16)
        self.last = nn.Linear(16, 4)

    def forward(self, x):
        state = torch.zeros_like(x[:, 0])
        for t in range(x.size(1)):
            state = torch.tanh(self.first(x[:, t]) + state)
        return self.last(state)


class States(nn.Module):
    """An LSTM that is given its first states; `size` tells the batch."""

    def __init__(self, size):
        super().__init__()
        self.size = size
        self.lstm = nn.LSTM(8, 8, batch_first=True)

    def forward(self, x):
        state = torch.zeros(1, self.size(x), 8)
        return self.lstm(x, (state, state))[0][:, -1]


def centered_rows(net, x):
    return net.last(net.first(x) - x.mean(0))


def centered_features(net, x):
    return net.last(net.first(x) - x.mean(1, keepdim=True))


# --- training

class ForgottenDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(16, 4)

    def forward(self, x):
        return self.last(F.dropout(x, 0.5))


class Dropout(ForgottenDropout):
    def forward(self, x):
        return self.last(F.dropout(x, 0.5, self.training))


class RequireGrad(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(16, 4)

    def forward(self, x):
        return self.last(x.detach().requires_grad_())


class NoGrad(RequireGrad):
    def forward(self, x):
        with torch.no_grad():
            return self.last(x)


# --- devices, dtypes, weights

class Device(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(16, 4)

    def forward(self, x):
        return self.last(x) + torch.ones(4, device=torch.device("cuda:0"))


class OwnDevice(Device):
    def forward(self, x):
        return self.last(x) + torch.ones(4, device=x.device)


def with_offset(net, x):
    return net.last(net.first(x)) + net.offset


def doubled(net, x):
    return net.last(F.relu(net.other(F.relu(net.first(x)))))


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(16, 4)
        self.auxiliary = nn.Linear(16, 4)

    def forward(self, x):
        y = self.last(x)
        if self.training:
            y = y + self.auxiliary(x)
        return y


class OneHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(16, 4)

    def forward(self, x):
        return self.last(x)


# --- state, chance, numbers

class Stateful(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(16, 4)
        self.register_buffer("total", torch.zeros(4))

    def forward(self, x):
        self.total.add_(1)
        return self.last(x) + self.total


class Stateless(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(16, 4)

    def forward(self, x):
        total = torch.zeros(4).add_(1)
        return self.last(x) + total


class Noisy(OneHead):
    def forward(self, x):
        return self.last(x + torch.randn_like(x))


class InPlace(OneHead):
    def forward(self, x):
        return self.last(x.relu_())


class OutOfPlace(OneHead):
    def forward(self, x):
        return self.last(x.relu().add_(1))


class LogOfNegative(OneHead):
    def forward(self, x):
        return self.last(x.log())


class LogOfClamped(OneHead):
    def forward(self, x):
        return self.last(x.clamp(min=1e-3).log())


# --- inputs

class Normalizing(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.register_buffer("mean", torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2, 0.2, 0.3]).view(3, 1, 1))

    def forward(self, x):
        return self.conv((x.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std).mean([2, 3])


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x).mean([2, 3])


def small_cnn(head):
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), *head)


def rows(*shape):
    return torch.randn(shape)




def duplicated(share):
    net = Net(doubled, other=nn.Linear(16, 16))
    net.other.load_state_dict(net.first.state_dict())
    if share:
        net.other = net.first
    return torch.jit.trace(net.eval(), rows(2, 16))


def script(make):
    return lambda: torch.jit.script(make().eval())


def without_gradients(make):
    def build():
        net = make().eval()
        return torch.jit.script(net.requires_grad_(False))
    return build


# name: (the model, an input)
PITFALLS = {
    "len_wrong": (lambda: traced(view_of_len, rows(2, 16)), lambda: rows(2, 16)),
    "len_right": (lambda: traced(view_of_shape, rows(2, 16)), lambda: rows(2, 16)),
    "merged_wrong": (lambda: traced(merged_rows, rows(2, 16)), lambda: rows(2, 16)),
    "branch_wrong": (lambda: traced(branch, torch.ones(2, 16), negative=nn.Linear(16, 4)), lambda: rows(2, 16)),
    "branch_right": (script(Branch), lambda: rows(2, 16)),
    "item_wrong": (lambda: traced(scaled_by_item, rows(2, 16)), lambda: rows(2, 16)),
    "item_right": (lambda: traced(scaled_by_tensor, rows(2, 16)), lambda: rows(2, 16)),
    "loop_wrong": (lambda: traced(loop, rows(2, 5, 16)), lambda: rows(2, 5, 16)),
    "loop_right": (script(Loop), lambda: rows(2, 5, 16)),
    "states_wrong": (lambda: torch.jit.trace(States(len).eval(), rows(2, 5, 8), check_trace=False), lambda: rows(2, 5, 8)),
    "states_right": (lambda: torch.jit.trace(States(lambda x: x.shape[0]).eval(), rows(2, 5, 8)), lambda: rows(2, 5, 8)),
    "rows_wrong": (lambda: traced(centered_rows, rows(4, 16)), lambda: rows(4, 16)),
    "rows_right": (lambda: traced(centered_features, rows(4, 16)), lambda: rows(4, 16)),
    "train_wrong": (lambda: torch.jit.trace(sequential(nn.BatchNorm1d(16), nn.Dropout(0.5)), rows(4, 16), check_trace=False),
                    lambda: rows(4, 16)),
    "train_right": (lambda: torch.jit.trace(sequential(nn.BatchNorm1d(16), nn.Dropout(0.5)).eval(), rows(4, 16)),
                    lambda: rows(4, 16)),
    "instance_wrong": (lambda: torch.jit.trace(nn.InstanceNorm1d(3, track_running_stats=True), rows(4, 3, 16), check_trace=False),
                       lambda: rows(4, 3, 16)),
    "instance_right": (lambda: torch.jit.trace(nn.InstanceNorm1d(3).eval(), rows(4, 3, 16)), lambda: rows(4, 3, 16)),
    "lstm_wrong": (lambda: torch.jit.trace(nn.LSTM(8, 8, 2, dropout=0.5), rows(5, 2, 8), check_trace=False), lambda: rows(5, 2, 8)),
    "lstm_right": (lambda: torch.jit.trace(nn.LSTM(8, 8, 2, dropout=0.5).eval(), rows(5, 2, 8)), lambda: rows(5, 2, 8)),
    "dropout_wrong": (script(ForgottenDropout), lambda: rows(2, 16)),
    "dropout_right": (script(Dropout), lambda: rows(2, 16)),
    "statistics_wrong": (script(lambda: sequential(nn.BatchNorm1d(16, track_running_stats=False))), lambda: rows(4, 16)),
    "statistics_right": (script(lambda: sequential(nn.GroupNorm(4, 16))), lambda: rows(4, 16)),
    "gradients_wrong": (script(RequireGrad), lambda: rows(2, 16)),
    "gradients_right": (script(NoGrad), lambda: rows(2, 16)),
    "device_wrong": (script(Device), lambda: rows(2, 16)),
    "device_right": (script(OwnDevice), lambda: rows(2, 16)),
    "double_wrong": (lambda: traced(with_offset, rows(2, 16), offset=torch.ones(4, dtype=torch.float64)), lambda: rows(2, 16)),
    "double_right": (lambda: traced(with_offset, rows(2, 16), offset=torch.ones(4)), lambda: rows(2, 16)),
    "output_wrong": (script(lambda: DoubleOutput()), lambda: rows(2, 16)),
    "weights_wrong": (lambda: duplicated(False), lambda: rows(2, 16)),
    "weights_right": (lambda: duplicated(True), lambda: rows(2, 16)),
    "unused_wrong": (script(Heads), lambda: rows(2, 16)),
    "unused_right": (script(OneHead), lambda: rows(2, 16)),
    "state_wrong": (script(Stateful), lambda: rows(2, 16)),
    "state_right": (script(Stateless), lambda: rows(2, 16)),
    "random_wrong": (script(Noisy), lambda: rows(2, 16)),
    "random_right": (script(OneHead), lambda: rows(2, 16)),
    "written_wrong": (script(InPlace), lambda: rows(2, 16)),
    "written_right": (script(OutOfPlace), lambda: rows(2, 16)),
    "nan_wrong": (script(LogOfNegative), lambda: rows(2, 16)),
    "nan_right": (script(LogOfClamped), lambda: rows(2, 16)),
    "prepared_wrong": (script(Normalizing), lambda: torch.randint(0, 256, (2, 12, 12, 3), dtype=torch.uint8)),
    "prepared_right": (script(Plain), lambda: rows(2, 3, 12, 12)),
    "size_wrong": (script(lambda: small_cnn([nn.Flatten(), nn.Linear(4 * 8 * 8, 4)])), lambda: rows(2, 3, 8, 8)),
    "size_right": (script(lambda: small_cnn([nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 4)])), lambda: rows(2, 3, 8, 8)),
    "requires_wrong": (script(OneHead), lambda: rows(2, 16)),
    "requires_right": (without_gradients(OneHead), lambda: rows(2, 16)),
}


class DoubleOutput(OneHead):
    def forward(self, x):
        return self.last(x) * torch.ones(4, dtype=torch.float64)


def make_script_module(name):
    """The model called `name` in TorchScript, seeded."""
    torch.manual_seed(0)
    return PITFALLS[name][0]()


def example_inputs(name, count):
    torch.manual_seed(1)
    return [PITFALLS[name][1]() for _ in range(count)]
