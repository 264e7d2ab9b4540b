"""Writes into .deps/models/reference/ what Python's torch does with the fixture models. Run by script/models.

Each file is one torch.save of dicts, lists, tuples, tensors, numbers and strings only, so that C++ reads it with
torch::pickle_load. (The *_int8.pt files beside them are the quantized modules themselves.)
"""

import pathlib

import torch
from torch.ao.quantization import (
    MinMaxObserver, QConfig, default_per_channel_weight_observer, get_default_qconfig, per_channel_dynamic_qconfig)
from torch.ao.quantization.quantize_jit import prepare_jit, quantize_dynamic_jit, quantize_jit
from torch.nn.utils import prune

import fixture_nets as nets
import fixture_zoo as zoo
from fixture_files import DATA, MODELS, TOOLS, make, prepare

SOURCES = [pathlib.Path(__file__), TOOLS / "fixture_nets.py", TOOLS / "fixture_zoo.py", *sorted(DATA.glob("*.u8"))]
CALIBRATION_BATCHES = 6
INPUTS = 3
STATIC_MODELS = ["digits_cnn", "onet", "resnet18", "mobilenet_v2", "mlp_scripted", "conv1d_bn", "functional_cnn"]
DYNAMIC_MODELS = ["digits_cnn", "onet", "resnet18", "mlp_scripted"]
PRUNED_MODELS = ["digits_cnn", "onet"]
PRUNE_AMOUNTS = [0.3, 0.5, 0.125, 0.005, 0.9]
REDUCES_RANGE = {"x86": True, "fbgemm": True, "onednn": False}


# --- models, their inputs, and what a reference is made from

def model_path(name):
    return (DATA if name == "digits_cnn" else MODELS) / f"{name}.pt"


def sources_of(*names):
    return [*SOURCES, *map(model_path, names)]


def digits(name, count):
    """The first images of a file in examples/data as `count` batches of 16."""
    pixels = torch.frombuffer(bytearray((DATA / f"digits_{name}_images.u8").read_bytes()), dtype=torch.uint8)
    batches = pixels.view(-1, 1, 8, 8)[:count * 16].float() / 16
    return [batch.clone() for batch in batches.split(16)]  # clone: torch.save stores what a view is a view of


def samples(name):
    """(calibration batches, other inputs) for a model."""
    if name == "digits_cnn":
        return digits("calibration", CALIBRATION_BATCHES), digits("test", INPUTS)
    generator = torch.Generator().manual_seed(7)
    count = CALIBRATION_BATCHES + INPUTS
    if name == "onet":
        batches = [nets.face_batch(4, 48, generator) for _ in range(count)]
    elif name in ("resnet18", "mobilenet_v2"):
        batches = [nets.image_batch(2, 64, generator) for _ in range(count)]
    else:
        batches = zoo.example_inputs(name, count)
    return batches[:CALIBRATION_BATCHES], batches[CALIBRATION_BATCHES:]


@torch.no_grad()
def outputs_of(module, inputs):
    return [module(x) for x in inputs]


def save(record, path):
    torch.save(record, path)
    torch.load(path, weights_only=True)  # refuses what C++ could not read either


# --- quantization

def run_all(module, batches):
    for batch in batches:
        module(batch)


def ranges_of(model, qconfig, calibration):
    """[(scale, zero point)] of every observer after calibration, to find where a difference begins.

    Sorted by the scales, shortest first, since the numbers in the observers' names change from run to run. Observers that saw
    nothing (in a branch not taken) are left out.
    """
    prepared = prepare_jit(model, {"": qconfig})
    run_all(prepared, calibration)
    observers = [m for name, m in prepared.named_modules() if "_observer_" in name and m.min_val.isfinite().any()]
    ranges = [m._c._get_method("calculate_qparams")() for m in observers]
    return sorted(ranges, key=lambda r: (r[0].numel(), r[0].tolist()))


def quantize_static(name, qconfig, engine):
    """The record of one static quantization and the quantized module."""
    torch.backends.quantized.engine = engine
    model = torch.jit.load(model_path(name))
    calibration, inputs = samples(name)
    with torch.no_grad():
        quantized = quantize_jit(model, {"": qconfig}, run_all, [calibration], inplace=False)
        ranges = ranges_of(model, qconfig, calibration)
    record = {
        "engine": engine,
        "calibration": calibration,
        "inputs": inputs,
        "outputs": outputs_of(quantized, inputs),
        "float_outputs": outputs_of(model, inputs),
        "ranges": ranges,
    }
    return record, quantized


def minmax_qconfig(engine):
    return QConfig(
        activation=MinMaxObserver.with_args(reduce_range=REDUCES_RANGE[engine]),
        weight=default_per_channel_weight_observer)


def quantize_dynamic(name):
    torch.backends.quantized.engine = "x86"
    model = torch.jit.load(model_path(name))
    inputs = samples(name)[1]
    with torch.no_grad():
        quantized = quantize_dynamic_jit(model, {"": per_channel_dynamic_qconfig})
    return {
        "engine": "x86",
        "inputs": inputs,
        "outputs": outputs_of(quantized, inputs),
        "float_outputs": outputs_of(model, inputs),
    }


def make_static(file, name, engine, qconfig):
    make(f"reference/{file}.pt", sources_of(name),
         lambda path: save(quantize_static(name, qconfig, engine)[0], path))


def make_quantization():
    for name in STATIC_MODELS:
        qconfig = minmax_qconfig("x86")
        make_static(f"static_minmax_{name}", name, "x86", qconfig)
        make(f"reference/static_minmax_{name}_int8.pt", sources_of(name),
             lambda path: quantize_static(name, qconfig, "x86")[1].save(str(path)))
        make_static(f"static_histogram_{name}", name, "x86", get_default_qconfig("x86"))
    for engine in ["onednn", "fbgemm"]:
        make_static(f"static_minmax_{engine}_digits_cnn", "digits_cnn", engine, minmax_qconfig(engine))
    for name in DYNAMIC_MODELS:
        make(f"reference/dynamic_{name}.pt", sources_of(name),
             lambda path: save(quantize_dynamic(name), path))


# --- pruning

def prune_masks():
    records = []
    for name in PRUNED_MODELS:
        model = torch.jit.load(model_path(name))
        weights = {layer: p.detach() for layer, p in model.named_parameters() if layer.endswith("weight") and p.dim() > 1}
        for amount in PRUNE_AMOUNTS:
            for layer, weight in weights.items():
                mask = prune.L1Unstructured(amount).compute_mask(weight, torch.ones_like(weight))
                records.append({
                    "model": name, "amount": amount, "layer": layer.removesuffix(".weight"), "mask": mask.to(torch.uint8)})
    return records


def make_prune():
    make("reference/prune_l1.pt", sources_of(*PRUNED_MODELS), lambda path: save(prune_masks(), path))


# --- what the small models and silero-vad answer

def zoo_outputs():
    record = {}
    for name in zoo.ZOO:
        inputs = zoo.example_inputs(name, INPUTS)
        record[name] = {"inputs": inputs, "outputs": outputs_of(torch.jit.load(model_path(name)), inputs)}
    return record


def silero_vad_stream():
    """The probabilities for consecutive chunks at 16 kHz; a state runs through them until reset_states."""
    generator = torch.Generator().manual_seed(0)
    loudness = torch.linspace(0, 1, 12).view(12, 1, 1)
    chunks = list((torch.randn(12, 1, 512, generator=generator).cumsum(-1) * 0.02 * loudness).unbind())
    model = torch.jit.load(MODELS / "silero_vad.jit")
    model.reset_states()
    with torch.no_grad():
        outputs = [model(chunk, 16000) for chunk in chunks]
    return {"sample_rate": 16000, "chunks": [chunk.clone() for chunk in chunks], "outputs": outputs}


def make_answers():
    make("reference/zoo.pt", sources_of(*zoo.ZOO), lambda path: save(zoo_outputs(), path))
    make("reference/silero_vad_stream.pt", [*SOURCES, MODELS / "silero_vad.jit"],
         lambda path: save(silero_vad_stream(), path))


def main():
    prepare()
    make_quantization()
    make_prune()
    make_answers()
    make("reference/versions.txt", SOURCES, lambda path: path.write_text(
        f"torch {torch.__version__}\ncpu {torch.backends.cpu.get_cpu_capability()}\n"))


if __name__ == "__main__":
    main()
