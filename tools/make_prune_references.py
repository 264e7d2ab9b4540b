"""Writes .deps/models/reference/prune_masks.pt: what torch.nn.utils.prune masks in the fixture models. Run by script/models.

A record for each model and case: the steps, and the mask of all its layers together, one bit for a weight (1: kept).
"""

import fnmatch
import pathlib

import torch
from torch.nn.utils import prune

from fixture_files import DATA, MODELS, TOOLS, make, prepare

SMALL = ["digits_cnn", "onet", "mlp_scripted", "conv1d_bn", "conv3d", "conv_transpose", "relu6_cnn"]
LARGE = ["resnet18", "mobilenet_v2"]


def step(criterion, amount, dimension=None, *, together=False, layers=(), seed=0):
    return {"criterion": criterion, "amount": amount, "dimension": dimension, "global": together,
            "layers": list(layers), "seed": str(seed)}


FOR_ALL = {
    "random": [step("random", 0.3, seed=7)],
    "l1 slices": [step("l1", 0.3, 0)],
    "l2 slices": [step("l2", 0.5, 1)],
    "random slices": [step("random", 0.4, 0, seed=3)],
    "global l1": [step("l1", 0.3, together=True)],
    "global random": [step("random", 0.3, together=True, seed=5)],
    "l1 then l1": [step("l1", 0.3), step("l1", 0.3)],
    "slices then elements": [step("l2", 0.3, 0), step("l1", 0.5)],
    "random then l1": [step("random", 0.3, seed=2**63 + 1), step("l1", 0.4)],
}
FOR_SMALL = {
    "l1": [step("l1", 0.125)],
    "l2": [step("l2", 0.9)],
    "nothing": [step("random", 0.0), step("l1", 0.0, 0)],
    "everything": [step("l1", 1.0)],
    "all slices": [step("l1", 1.0, 0)],
    "last dimension": [step("l1", 0.34, -1)],
    "second from last": [step("random", 0.5, -2, seed=1)],
    "count": [step("l1", 5)],
    "count of slices": [step("l2", 1, 0)],
    "count at random": [step("random", 7, seed=4)],
    "global count": [step("l2", 100, together=True)],
    "elements then slices": [step("l1", 0.9), step("l1", 0.5, 0)],
    "slices then others": [step("l1", 0.3, 0), step("l2", 0.4, 1), step("random", 0.2, -1, seed=9)],
    "slices then slices": [step("random", 0.4, 0, seed=1), step("random", 0.4, 0, seed=1)],
    "global then one by one": [step("l1", 0.5, together=True), step("random", 0.25, seed=6),
                               step("random", 0.5, together=True, seed=6)],
    "some layers": [step("l1", 0.5, layers=["*1*", "*3*"]), step("random", 0.5, layers=["*0*", "*1*"], seed=2),
                    step("l1", 0.2, layers=["*[1-3]*"], together=True)],
}


def prune_all(modules, criterion, amount, dimension, together, seed):
    torch.manual_seed(seed)
    if together:
        method = prune.RandomUnstructured if criterion == "random" else prune.L1Unstructured
        prune.global_unstructured([(m, "weight") for m in modules], method, amount=amount)
        return
    for m in modules:
        if dimension is None and criterion == "random":
            prune.random_unstructured(m, "weight", amount)
        elif dimension is None:
            prune.l1_unstructured(m, "weight", amount)
        elif criterion == "random":
            prune.random_structured(m, "weight", amount, dimension)
        else:
            prune.ln_structured(m, "weight", amount, {"l1": 1, "l2": 2}[criterion], dimension)


def packed(mask):
    bits = mask.to(torch.uint8)
    bits = torch.nn.functional.pad(bits, (0, -len(bits) % 8)).view(-1, 8)
    return (bits << torch.arange(8, dtype=torch.uint8)).sum(1, dtype=torch.uint8)


def nodes_of(block):
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from nodes_of(inner)


def weights_of(model):
    """The names of the convolutions and linear layers with their weights, in the order they run."""
    parameters, weights = dict(model.named_parameters()), {}
    for node in nodes_of(model.inlined_graph):
        if "conv" not in node.kind() and node.kind() != "aten::linear":
            continue
        at, path = list(node.inputs())[1].node(), []
        while at.kind() == "prim::GetAttr":
            path.insert(0, at.s("name"))
            at = at.input().node()
        weights[".".join(path[:-1])] = parameters[".".join(path)].detach()
    return weights


def mask_after(name, steps):
    """None where a pattern of the case matches no layer of the model."""
    layers = {}
    for path, weight in weights_of(torch.jit.load((DATA if name == "digits_cnn" else MODELS) / f"{name}.pt")).items():
        layers[path] = torch.nn.Module()
        layers[path].weight = torch.nn.Parameter(weight.clone())
    for each in steps:
        for pattern in each["layers"]:
            if not fnmatch.filter(layers, pattern):
                return None
        wanted = [layer for name, layer in layers.items()
                  if not each["layers"] or any(fnmatch.fnmatchcase(name, pattern) for pattern in each["layers"])]
        prune_all(wanted, each["criterion"], each["amount"], each["dimension"], each["global"],
                  int(each["seed"]))
    masks = [getattr(layer, "weight_mask", torch.ones_like(layer.weight)).detach() for layer in layers.values()]
    return torch.cat([mask.flatten() for mask in masks]) == 1


def masks():
    records = []
    for name in SMALL + LARGE:
        for case, steps in (FOR_ALL | (FOR_SMALL if name in SMALL else {})).items():
            if (mask := mask_after(name, steps)) is not None:
                records.append({"model": name, "case": case, "steps": steps, "weights": len(mask), "mask": packed(mask)})
    return records


def main():
    prepare()
    sources = [pathlib.Path(__file__), TOOLS / "fixture_nets.py", TOOLS / "fixture_zoo.py", DATA / "digits_cnn.pt",
               *[MODELS / f"{name}.pt" for name in SMALL[1:] + LARGE]]
    make("reference/prune_masks.pt", sources, lambda path: torch.save(masks(), path))


if __name__ == "__main__":
    main()
