"""compare.py OURS [RUNS]: seconds of static quantization, ours beside Python's quantize_jit on the same model and samples.

Both take turns, run by run, on one thread, and medians are compared: of the whole (prepare, calibrate, convert), and of running
the samples through the observed model alone. torch has no Percentile: it stands beside torch's HistogramObserver. Exits with 1
where ours takes longer than Python's, of any part.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"
import torch  # noqa: E402
from torch.ao.quantization import (
    HistogramObserver, MinMaxObserver, MovingAverageMinMaxObserver, QConfig, default_per_channel_weight_observer)
from torch.ao.quantization.quantize_jit import quantize_jit

TOP = pathlib.Path(__file__).resolve().parents[2]
MODELS = TOP / ".deps" / "models"
CASES = {
    "digits_cnn": (TOP / "examples/data/digits_cnn.pt", 32, (16, 1, 8, 8)),
    "onet": (MODELS / "onet.pt", 32, (8, 3, 48, 48)),
    "rnet": (MODELS / "rnet.pt", 32, (16, 3, 24, 24)),
    "mobilenet_v2": (MODELS / "mobilenet_v2.pt", 32, (1, 3, 224, 224)),
    "resnet18": (MODELS / "resnet18.pt", 32, (1, 3, 224, 224)),
}
OBSERVERS = {
    "minmax": MinMaxObserver,
    "moving_average": MovingAverageMinMaxObserver,
    "histogram": HistogramObserver,
    "percentile": HistogramObserver,
}


def theirs(path, samples, observer):
    model = torch.jit.load(path)
    qconfig = QConfig(activation=observer.with_args(reduce_range=True), weight=default_per_channel_weight_observer)
    alone = []

    def run(module, samples):
        begin = time.perf_counter()
        for sample in samples:
            module(sample)
        alone.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    with torch.no_grad():
        quantize_jit(model, {"": qconfig}, run, [samples])
    return time.perf_counter() - begin, alone[0]


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.backends.quantized.engine = "x86"
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    slower = []
    program = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, (path, count, shape) in CASES.items():
            file = pathlib.Path(folder) / f"{name}.pt"
            generator = torch.Generator().manual_seed(1)
            samples = [torch.nn.functional.avg_pool2d(torch.randn(shape, generator=generator), 5, 1, 2) * 4
                       for _ in range(count)]
            torch.save(samples, file)

            def ours(observer):
                print(path, file, observer, file=program.stdin, flush=True)
                return tuple(map(float, program.stdout.readline().split()))

            for observer, torch_observer in OBSERVERS.items():
                pairs = [(ours(observer), theirs(path, samples, torch_observer)) for _ in range(runs)]
                for part, what in enumerate(["whole", "calibration"]):
                    mine, python = (statistics.median(pair[side][part] for pair in pairs) for side in (0, 1))
                    if mine > python:
                        slower.append(f"{name} {observer} {what}")
                    print(f"{name:13} {observer:15} {what:12} ours {mine:8.3f} s  Python {python:8.3f} s  "
                          f"{mine / python:5.2f} of Python's", flush=True)
    program.stdin.close()
    program.wait()
    for each in slower:
        print(f"slower than Python's: {each}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
