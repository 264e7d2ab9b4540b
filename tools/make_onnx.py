"""Makes .deps/models/onnx/: models as PyTorch's exporter and ONNX Runtime's quantizer write them, by hand-made ones for types
and domains that no exporter uses, and the own files of silero-vad and magika. Run by script/models.

NAME.onnx is the TorchScript model .deps/models/NAME.pt (or examples/data/NAME.pt), exported; where there is none, NAME.pt
lies beside it. The batch is dynamic, and the resolution where the net takes any.
"""

import logging
import os
import pathlib
import shutil
import warnings

import numpy as np
import onnx
import torch
from onnxruntime import quantization

import fixture_nets as nets
import fixture_onnx as own
from fixture_files import DATA, MODELS, TOOLS, make, prepare
from make_models import packaged_file

SOURCES = [TOOLS / "make_onnx.py", TOOLS / "fixture_onnx.py"]
OPSET = 17
BATCH = {0: "batch"}
IMAGE = {0: "batch", 2: "height", 3: "width"}


def digits(count):
    images = np.fromfile(DATA / "digits_calibration_images.u8", np.uint8).reshape(-1, 1, 8, 8)
    return torch.from_numpy(images[:count].astype(np.float32) / 16)


def images(count, size=224):
    return nets.image_batch(count, size, torch.Generator().manual_seed(1))


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def tokens(batch, count, words):
    return torch.randint(0, words, (batch, count), generator=torch.Generator().manual_seed(1))


# name: an example, the dynamic axes of the input, and of each output
EXPORTED = {
    "digits_cnn": (lambda: digits(2), BATCH, [BATCH]),
    "onet": (lambda: noise(2, 3, 48, 48), BATCH, [BATCH] * 3),
    "resnet18": (lambda: images(2), IMAGE, [BATCH]),
    "mobilenet_v2": (lambda: images(2), IMAGE, [BATCH]),
    "two_outputs": (lambda: noise(2, 16), BATCH, [BATCH] * 2),
    "control_flow_scripted": (lambda: noise(2, 16), BATCH, [BATCH]),
    "embedding_mlp": (lambda: tokens(2, 6, 50), {0: "batch", 1: "tokens"}, [BATCH]),
    "gru_scripted": (lambda: noise(2, 5, 8), {0: "batch", 1: "time"}, [BATCH]),
    "mlp_wide": (lambda: noise(2, 512), BATCH, [BATCH]),
    "encoder": (lambda: tokens(2, 128, 1000), {0: "batch", 1: "tokens"}, [{0: "batch", 1: "tokens"}]),
}
OWN_NETS = {"mlp_wide": own.wide_mlp, "encoder": own.Encoder}


def torchscript_of(name):
    if name in OWN_NETS:
        return MODELS / "onnx" / f"{name}.pt"
    return DATA / f"{name}.pt" if name == "digits_cnn" else MODELS / f"{name}.pt"


def export(net, example, path, axes, output_axes, **options):
    outputs = [f"output_{i}" if len(output_axes) > 1 else "output" for i in range(len(output_axes))]
    dynamic = {"input": axes, **dict(zip(outputs, output_axes))}
    torch.onnx.export(net, (example,), str(path), dynamo=False, input_names=["input"], output_names=outputs,
                      **{"opset_version": OPSET, "dynamic_axes": dynamic, **options})


def make_own_nets():
    @torch.no_grad()
    def trace(name, path):
        torch.manual_seed(0)
        torch.jit.trace(OWN_NETS[name]().eval(), EXPORTED[name][0]()).save(str(path))

    for name in OWN_NETS:
        make(f"onnx/{name}.pt", SOURCES, lambda path: trace(name, path))


def make_exported():
    for name, (example, axes, output_axes) in EXPORTED.items():
        source = torchscript_of(name)
        make(f"onnx/{name}.onnx", [*SOURCES, source],
             lambda path: export(torch.jit.load(str(source)), example(), path, axes, output_axes))

    source = torchscript_of("digits_cnn")
    make("onnx/digits_cnn_half.onnx", [*SOURCES, source],
         lambda path: export(torch.jit.load(str(source)).half(), digits(2).half(), path, BATCH, [BATCH]))
    make("onnx/digits_cnn_ir3.onnx", [*SOURCES, source],
         lambda path: initializers_as_inputs(MODELS / "onnx/digits_cnn.onnx", path))


def initializers_as_inputs(source, path):
    """As exporters wrote until 2019: each initializer is an input too."""
    model = onnx.load(source)
    model.ir_version = 3
    for each in model.graph.initializer:
        model.graph.input.append(onnx.helper.make_tensor_value_info(each.name, each.data_type, each.dims))
    onnx.save(model, path)


class Samples(quantization.CalibrationDataReader):
    def __init__(self, batches):
        self.batches = iter(batches)

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {"input": batch.numpy()}


def make_quantized():
    calibration = {
        "digits_cnn": lambda: digits(96).split(16),
        "onet": lambda: noise(64, 3, 48, 48).split(16),
        "resnet18": lambda: images(8).split(2),
        "mobilenet_v2": lambda: images(8).split(2),
        "mlp_wide": lambda: noise(64, 512).split(16),
    }
    for name, samples in calibration.items():
        source = MODELS / f"onnx/{name}.onnx"
        make(f"onnx/{name}_int8.onnx", [*SOURCES, source],
             lambda path: quantization.quantize_static(
                 str(source), str(path), Samples(samples()), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                 activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8))
    for name in ("mlp_wide", "encoder"):
        source = MODELS / f"onnx/{name}.onnx"
        make(f"onnx/{name}_dynamic_int8.onnx", [*SOURCES, source],
             lambda path: quantization.quantize_dynamic(str(source), str(path)))


def make_with_external_data():
    """mlp_wide.onnx again, its weights in one file beside it."""
    source = MODELS / "onnx/mlp_wide.onnx"

    def write(path):
        data = path.name + ".data"
        (path.parent / data).unlink(missing_ok=True)
        onnx.save_model(onnx.load(source), path, save_as_external_data=True, location=data, size_threshold=0)
        os.chmod(path.parent / data, 0o644)
        os.replace(path.parent / data, MODELS / "onnx" / data)

    make("onnx/mlp_wide_external.onnx", [*SOURCES, source], write)


def make_hand_made():
    def write(model, path):
        if not any(each.domain == "org.acme" for each in model.opset_import):
            onnx.checker.check_model(model)
        onnx.save(model, path)

    for name, model in own.HAND_MADE.items():
        make(f"onnx/{name}.onnx", SOURCES, lambda path: write(model(), path))


def make_packaged():
    vad = packaged_file("silero-vad", "silero_vad.onnx")
    make("onnx/silero_vad.onnx", [vad], lambda path: shutil.copyfile(vad, path))
    magika = pathlib.Path(packaged_file("magika", "model.onnx"))
    make("onnx/magika.onnx", [magika], lambda path: shutil.copyfile(magika, path))


def main():
    prepare()
    warnings.filterwarnings("ignore")  # the exporter's own advice
    logging.disable(logging.WARNING)
    make_own_nets()
    make_exported()
    make_quantized()
    make_with_external_data()
    make_hand_made()
    make_packaged()


if __name__ == "__main__":
    main()
