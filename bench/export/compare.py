"""compare.py OURS [RUNS]: seconds of an export to ONNX, ours beside Python's torch.onnx.export(dynamo=False) of the same file.

Both take turns, run by run, on one thread, and medians are compared: of the whole (from the loaded model to the written file),
and of lowering and writing, without running the model on its sample, which ours does at two sizes or three.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import onnx
os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"
import torch  # noqa: E402

MODELS = pathlib.Path(__file__).resolve().parents[2] / ".deps" / "models"
CASES = {
    "resnet18": (MODELS / "resnet18.pt", (1, 3, 224, 224)),
    "mobilenet_v2": (MODELS / "mobilenet_v2.pt", (1, 3, 224, 224)),
    "encoder, 6 layers": (MODELS / "onnx" / "encoder.pt", (1, 128)),  # of words
}


def theirs(path, sample, result):
    model = torch.jit.load(path)
    begin = time.perf_counter()
    torch.onnx.export(model, (sample,), result, input_names=["x"], dynamic_axes={"x": {0: "batch"}}, opset_version=17,
                      dynamo=False)
    return time.perf_counter() - begin


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    program = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, (path, shape) in CASES.items():
            generator = torch.Generator().manual_seed(1)
            sample = torch.randn(shape, generator=generator) if len(shape) > 2 else torch.randint(100, shape, generator=generator)
            torch.save(sample, folder / "sample.pt")

            def ours():
                print(path, folder / "sample.pt", folder / "ours.onnx", file=program.stdin, flush=True)
                return tuple(map(float, program.stdout.readline().split()))

            pairs = [(ours(), theirs(path, sample, folder / "python.onnx")) for _ in range(runs)]
            whole, lowering, python = (statistics.median(values) for values in zip(
                *((all, all - evaluations, python) for (all, evaluations), python in pairs)))
            nodes = [len(onnx.load(folder / f"{side}.onnx").graph.node) for side in ("ours", "python")]
            print(f"{name:18} Python {python:6.3f} s, {nodes[1]} nodes  ours {whole:6.3f} s, {nodes[0]} nodes: "
                  f"{python / whole:4.1f}x; lowering and writing {lowering:6.3f} s: {python / lowering:5.1f}x", flush=True)
    program.stdin.close()
    program.wait()


if __name__ == "__main__":
    main()
