"""Makes .deps/models/mobile/: files of LibTorch's lite interpreter as Python writes them, in every bytecode version that it can
still make, and TorchScript models that the lite interpreter refuses. Run by script/models.
"""

import enum
import io
from typing import Optional

import torch
from torch import nn
from torch.jit import mobile

from fixture_files import DATA, TOOLS, make, prepare

SOURCE = TOOLS / "make_mobile.py"
DIGITS = DATA / "digits_cnn.pt"
OLDEST_BYTECODE = 4


class Forks(nn.Module):
    def forward(self, x):
        return torch.jit.wait(torch.jit.fork(torch.relu, x))


class Awaits(nn.Module):
    def forward(self, x):
        return torch.jit._awaitable_wait(torch.jit._awaitable(torch.relu, x))


class WithoutGradient(nn.Module):
    def forward(self, x):
        with torch.no_grad():
            return x + 1


@torch.jit.script
class Box:
    def __init__(self, value: torch.Tensor):
        self.value = value

    def open(self):
        return self.value


class OwnClass(nn.Module):
    def forward(self, x):
        return Box(x).open()


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Enumerates(nn.Module):
    def __init__(self):
        super().__init__()
        self.color = Color.RED

    def forward(self, x):
        return x if self.color == Color.RED else x + 1


@torch.jit.interface
class Shift(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pass


class ShiftByOne(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


class Interface(nn.Module):
    """Its file holds two methods of the name forward."""
    shift: Shift

    def __init__(self):
        super().__init__()
        self.shift = ShiftByOne()

    def forward(self, x: torch.Tensor):
        return 10 * self.shift.forward(x)


class Optionals(nn.Module):
    def forward(self, x: torch.Tensor, bias: Optional[torch.Tensor] = None, scale: float = 2.0):
        y = x * scale
        return y if bias is None else y + bias


MODELS = {"forks": Forks, "awaits": Awaits, "without_gradient": WithoutGradient, "own_class": OwnClass,
          "enumerates": Enumerates, "interface": Interface, "optionals": Optionals}


def digits():
    return torch.jit.load(str(DIGITS)).eval()


def make_versions():
    newest = io.BytesIO(digits()._save_to_buffer_for_lite_interpreter())
    version = mobile._get_model_bytecode_version(newest)
    make(f"mobile/digits_v{version}.ptl", [SOURCE, DIGITS],
         lambda path: digits()._save_for_lite_interpreter(str(path), _extra_files={"labels.txt": "0123456789"}))
    for older in range(OLDEST_BYTECODE, version):
        def backport(path):
            newest.seek(0)
            path.write_bytes(mobile._backport_for_mobile_to_buffer(newest, older))

        make(f"mobile/digits_v{older}.ptl", [SOURCE, DIGITS], backport)


def make_others():
    make("mobile/digits_flatbuffer.ptl", [SOURCE, DIGITS],
         lambda path: digits()._save_for_lite_interpreter(str(path), _use_flatbuffer=True))
    make("mobile/digits_train.ptl", [SOURCE, DIGITS],
         lambda path: digits().train()._save_for_lite_interpreter(str(path)))
    for name, net in MODELS.items():
        make(f"mobile/{name}.pt", [SOURCE], lambda path: torch.jit.script(net().eval()).save(str(path)))


if __name__ == "__main__":
    prepare()
    make_versions()
    make_others()
