"""Makes the TorchScript files in .deps/models/ that tests and benchmarks load. Run by script/models.

They come from the packages silero-vad and facenet-pytorch, from fixture_nets.py, fixture_zoo.py, fixture_pitfalls.py,
fixture_int8.py and fixture_runtimes.py.
"""

import importlib.metadata
import shutil

import torch

import fixture_int8 as int8
import fixture_nets as nets
import fixture_pitfalls as pitfalls
import fixture_runtimes as runtimes
import fixture_zoo as zoo
from fixture_files import TOOLS, make, prepare

NETS_SOURCE = TOOLS / "fixture_nets.py"
ZOO_SOURCE = TOOLS / "fixture_zoo.py"
PITFALLS_SOURCE = TOOLS / "fixture_pitfalls.py"
INT8_SOURCE = TOOLS / "fixture_int8.py"
RUNTIMES_SOURCE = TOOLS / "fixture_runtimes.py"


def packaged_file(package, name):
    """The path of a file inside an installed package, found without importing it."""
    for file in importlib.metadata.files(package):
        if file.name == name:
            return file.locate()
    raise FileNotFoundError(f"{package} has no {name}")


@torch.no_grad()
def save_traced(net, example, path):
    torch.jit.trace(net, example).save(str(path))


def make_silero_vad():
    source = packaged_file("silero-vad", "silero_vad.jit")
    make("silero_vad.jit", [source], lambda path: shutil.copyfile(source, path))


def make_mtcnn():
    def net_of(net_class, weights):
        net = net_class()
        net.load_state_dict(torch.load(weights, weights_only=True))
        return net.eval()

    for name, net_class in [("pnet", nets.PNet), ("rnet", nets.RNet), ("onet", nets.ONet)]:
        weights = packaged_file("facenet-pytorch", f"{name}.pt")
        make(f"{name}.pt", [NETS_SOURCE, weights],
             lambda path: torch.jit.script(net_of(net_class, weights)).save(str(path)))
    make("onet_traced.pt", [NETS_SOURCE, weights],
         lambda path: save_traced(net_of(nets.ONet, weights), torch.zeros(2, 3, 48, 48), path))


def make_image_classifiers():
    def settled(net_class):
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(0)
        return nets.settle_batchnorm(net_class(), (nets.image_batch(8, 224, generator) for _ in range(8)))

    for name, net_class in [("resnet18", nets.ResNet18), ("mobilenet_v2", nets.MobileNetV2)]:
        make(f"{name}.pt", [NETS_SOURCE], lambda path: torch.jit.script(settled(net_class)).save(str(path)))
    make("resnet18_traced.pt", [NETS_SOURCE],
         lambda path: save_traced(settled(nets.ResNet18), torch.zeros(2, 3, 224, 224), path))


def make_zoo():
    for name in zoo.ZOO:
        make(f"{name}.pt", [NETS_SOURCE, ZOO_SOURCE], lambda path: zoo.make_script_module(name).save(str(path)))


def make_pitfalls():
    for name in pitfalls.PITFALLS:
        make(f"pitfalls/{name}.pt", [PITFALLS_SOURCE], lambda path: pitfalls.make_script_module(name).save(str(path)))
    make("reference/pitfalls.pt", [PITFALLS_SOURCE],
         lambda path: torch.save({name: pitfalls.example_inputs(name, 2) for name in pitfalls.PITFALLS}, path))


def make_int8():
    for name in int8.INT8:
        make(f"int8/{name}.pt", [INT8_SOURCE], lambda path: int8.make_script_module(name).save(str(path)))


def make_runtimes():
    for name in runtimes.RUNTIMES:
        make(f"runtimes/{name}.pt", [RUNTIMES_SOURCE], lambda path: runtimes.make_script_module(name).save(str(path)))
    make("reference/runtimes.pt", [RUNTIMES_SOURCE], lambda path: torch.save(
        {name: runtimes.example_inputs(name, [1, 5, 8]) for name in runtimes.RUNTIMES}, path))


def main():
    prepare()
    make_silero_vad()
    make_mtcnn()
    make_image_classifiers()
    make_zoo()
    make_pitfalls()
    make_int8()
    make_runtimes()


if __name__ == "__main__":
    main()
