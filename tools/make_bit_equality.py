"""Writes into .deps/models/reference/bit_equality_MODEL.pt what Python's quantize_jit gives for every engine and observer
that C++ must equal bit for bit, and for every engine what quantize_dynamic_jit gives. Run by script/models.

A file holds, as C++ can read with torch::pickle_load: the calibration batches, the inputs, what the float model gives for
these, and a list of records, one for each way to quantize, with the outputs.
"""

import pathlib

import torch
from torch.ao.quantization import (
    HistogramObserver, MinMaxObserver, MovingAverageMinMaxObserver, QConfig, default_dynamic_qconfig, get_default_qconfig,
    per_channel_dynamic_qconfig)
from torch.ao.quantization.quantize_jit import quantize_dynamic_jit, quantize_jit

import fixture_nets as nets
from fixture_files import TOOLS, make, prepare
from make_references import model_path, outputs_of, run_all, samples, save, sources_of

MODELS = ["digits_cnn", "onet", "rnet", "resnet18", "mobilenet_v2"]
ENGINES = ["x86", "fbgemm", "onednn", "qnnpack"]
OBSERVERS = {"minmax": MinMaxObserver, "moving average 0.01": MovingAverageMinMaxObserver, "histogram": HistogramObserver}
CALIBRATION_BATCHES = 5
INPUTS = 2


def batches(name):
    """(calibration batches, other inputs) for a model."""
    if name != "rnet":
        calibration, inputs = samples(name)
        return calibration[:CALIBRATION_BATCHES], inputs[:INPUTS]
    generator = torch.Generator().manual_seed(7)
    faces = [nets.face_batch(4, 24, generator) for _ in range(CALIBRATION_BATCHES + INPUTS)]
    return faces[:CALIBRATION_BATCHES], faces[CALIBRATION_BATCHES:]


def settings_of(engine):
    """What torch does by default for an engine: (7 of 8 bits for activations, a scale for each channel of a weight)."""
    default = get_default_qconfig(engine)
    return default.activation().reduce_range, default.weight().qscheme == torch.per_channel_symmetric


def record_of(name, engine, observer, calibration, inputs):
    """One quantization: static, or dynamic without an observer."""
    torch.backends.quantized.engine = engine
    reduce_range, per_channel = settings_of(engine)
    model = torch.jit.load(model_path(name))
    with torch.no_grad():
        if observer:
            activation = OBSERVERS[observer].with_args(reduce_range=reduce_range)
            qconfig = QConfig(activation=activation, weight=get_default_qconfig(engine).weight)
            quantized = quantize_jit(model, {"": qconfig}, run_all, [calibration])
        else:
            qconfig = per_channel_dynamic_qconfig if per_channel else default_dynamic_qconfig
            quantized = quantize_dynamic_jit(model, {"": qconfig})
    return {
        "engine": engine,
        "observer": observer,
        "reduce_range": reduce_range,
        "per_channel": per_channel,
        "outputs": outputs_of(quantized, inputs),
    }


def everything(name):
    calibration, inputs = batches(name)
    return {
        "calibration": calibration,
        "inputs": inputs,
        "float_outputs": outputs_of(torch.jit.load(model_path(name)), inputs),
        "records": [record_of(name, engine, observer, calibration, inputs)
                    for engine in ENGINES for observer in [*OBSERVERS, ""]],
    }


def main():
    prepare()
    for name in MODELS:
        make(f"reference/bit_equality_{name}.pt", [pathlib.Path(__file__), *sources_of(name)],
             lambda path: save(everything(name), path))


if __name__ == "__main__":
    main()
