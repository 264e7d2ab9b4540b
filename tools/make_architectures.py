"""Makes .deps/models/architectures/: what fixture_architectures.py builds, traced and, where that works, scripted, with
inputs, and what Python's exporter to ONNX made of the same files. Run by script/architectures.

    NAME/traced.pt, NAME/scripted.pt
    NAME/case.pt         for C++ (torch::pickle_load): inputs of several sizes, open axes, Python's figures
    NAME/about.json      the same without the tensors; all of them together: manifest.json

Each is made in a process of its own, within a time limit. Arguments: the names of those to make again; default: all that
are missing or out of date.
"""

import io
import json
import multiprocessing
import os
import shutil
import sys
import time
import traceback
import warnings

import numpy
import onnx
import onnxruntime
import torch

import fixture_architectures as fixtures
from fixture_files import MODELS, TOOLS, key_of, prepare

FOLDER = MODELS / "architectures"
SOURCES = [TOOLS / name for name in ("fixture_architectures.py", "fixture_architecture_nets.py", "make_architectures.py")]
SECONDS = 900  # for one architecture, on a busy machine
OPSET = 17
BATCHES = (2, 1, 3)  # the first one is the example's
TOLERANCE = 1e-4  # of the largest value of an output


# --- networks that compute something --------------------------------------------------------------------------------------
@torch.no_grad()
def randomise(net):
    """What starts as one number everywhere, or so small that it changes nothing, hides mistakes."""
    for parameter in net.parameters():
        if not parameter.is_floating_point():
            continue
        if parameter.max() == parameter.min():
            if parameter.abs().max() >= 0.1:
                parameter.mul_(torch.empty_like(parameter).uniform_(0.7, 1.3))
            elif parameter.numel() > 1:
                parameter.normal_(0, 0.1)
            else:
                parameter.fill_(0.5)
        elif parameter.dim() > 1:
            wanted = (parameter[0].numel()) ** -0.5
            if parameter.std() < 0.3 * wanted:
                parameter.mul_(wanted / parameter.std())


@torch.no_grad()
def settle(net, batches):
    """The running statistics of batch norms: the mean over these batches, as of a trained net."""
    norms = [m for m in net.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    if norms:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        net.train()
        for batch in batches:
            net(*batch)
        for norm in norms:
            norm.momentum = 0.1
    return net.eval()


# --- comparing ----------------------------------------------------------------------------------------------------------
def leaves(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [leaf for each in value for leaf in leaves(each)] if value is not None else []


def difference(expected, got):
    """The largest difference as a share of the largest value; infinite where shapes or dtypes differ."""
    worst = 0.0
    if len(expected) != len(got):
        return float("inf")
    for a, b in zip(expected, got):
        if a.shape != b.shape or a.dtype != b.dtype:
            return float("inf")
        if a.is_floating_point():
            scale = a.abs().max().item() if a.numel() else 0
            error = (a - b).abs().max().item() if a.numel() else 0
            worst = max(worst, error / max(scale, 1e-12)) if error == error else float("inf")
        elif not torch.equal(a, b):
            return float("inf")
    return worst


def results_of(net, inputs):
    with torch.no_grad():
        return leaves(net(*[each.clone() for each in inputs]))


# --- Python's exporter ----------------------------------------------------------------------------------------------------
def count_nodes(graph):
    inner = (a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH)
    return len(graph.node) + sum(count_nodes(each) for each in inner)


def export(net, inputs, axes, sizes):
    """What torch.onnx.export makes of a network."""
    names = [f"input_{i}" for i in range(len(inputs))]
    dynamic = {}
    for index, axis, name in axes:
        if name == "batch":
            dynamic.setdefault(names[index], {})[axis] = name
    found = {"exported": False, "checked": False, "equal": False, "seconds": 0.0, "nodes": 0, "bytes": 0, "error": ""}
    file = io.BytesIO()
    start = time.perf_counter()
    try:
        torch.onnx.export(net, tuple(inputs), file, input_names=names, dynamic_axes=dynamic, opset_version=OPSET, dynamo=False)
        found["exported"], found["seconds"] = True, time.perf_counter() - start
        text = file.getvalue()
        model = onnx.load_from_string(text)
        found["nodes"], found["bytes"] = count_nodes(model.graph), len(text)
        onnx.checker.check_model(model, full_check=True)
        found["checked"] = True
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        session = onnxruntime.InferenceSession(text, options, providers=["CPUExecutionProvider"])
        taken = {each.name for each in session.get_inputs()}
        worst = 0.0
        for each in sizes:
            given = {name: tensor.numpy() for name, tensor in zip(names, each) if name in taken}
            got = [torch.from_numpy(numpy.asarray(x)) for x in session.run(None, given)]
            worst = max(worst, difference(results_of(net, each), got))
        found["difference"], found["equal"] = worst, worst <= TOLERANCE
        if not found["equal"]:
            found["error"] = f"differs by {worst:.1e} of the largest value"
    except Exception as error:  # whatever it refuses with
        found["error"] = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
    return found


# --- one architecture -----------------------------------------------------------------------------------------------------
def open_axes(inputs, names):
    """[input, axis, name], by which sizes differ between the inputs of two batches and of two steps."""
    (small, large), (first, second) = (inputs(2, 0), inputs(3, 0)), (inputs(2, 0), inputs(2, 1))
    axes, left, taken = [], list(names), {}
    for i in range(len(small)):
        for axis in range(small[i].dim()):
            if small[i].size(axis) != large[i].size(axis):
                axes.append((i, axis, "batch"))
            sizes = (first[i].size(axis), second[i].size(axis))
            if sizes[0] != sizes[1]:
                # equal sizes have one name, in the order of the names, unless a tensor has two of them
                if sizes not in taken or len(left) > 0 and any(a == (i, taken[sizes]) for a in [(b[0], b[2]) for b in axes]):
                    taken[sizes] = left.pop(0)
                axes.append((i, axis, taken[sizes]))
    assert not left, f"no axis is {left}"
    return axes


def make(name, key):
    architecture = fixtures.ARCHITECTURES[name]
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    torch.manual_seed(0)
    net = architecture.build()
    randomise(net)
    net = settle(net, [architecture.inputs(4, 0) for _ in range(4)])
    axes = open_axes(architecture.inputs, architecture.axes)
    sizes = [architecture.inputs(batch, 0) for batch in BATCHES]
    expected = [results_of(net, each) for each in sizes]
    for step in range(1, architecture.steps + 1 if architecture.axes else 1):
        try:
            wider = architecture.inputs(BATCHES[0], step)
            expected.append(results_of(net, wider))
            sizes.append(wider)
        except Exception:  # not all of them know all sizes
            pass
    rows = expected[0]
    if not all(torch.isfinite(x).all() for x in rows if x.is_floating_point()):
        raise RuntimeError("its results are not finite")
    if all(x.dim() == 0 or (x == x.flatten()[0]).all() for x in rows):
        raise RuntimeError("its results are one number")

    about = {"key": key, "axes": axes, "shapes": [list(x.shape) for x in sizes[0]], "forms": {}, "not_made": {},
             "parameters": sum(p.numel() for p in net.parameters())}
    forms = [("traced", lambda: torch.jit.trace(net, tuple(x.clone() for x in sizes[0]), strict=False, check_trace=False))]
    if architecture.script:
        forms.append(("scripted", lambda: torch.jit.script(net)))
    for form, convert in forms:
        path = folder / f"{form}.pt"
        try:
            with torch.no_grad():
                made = convert()
            made.save(str(path))
        except Exception as error:
            path.unlink(missing_ok=True)
            about["not_made"][form] = f"{type(error).__name__}: {error}".strip().replace("\n", " ")[:300]
            continue
        made = torch.jit.load(str(path))
        valid = []  # a trace bakes sizes in: at those where it isn't the network any more there is nothing to compare with
        for i, (each, wanted) in enumerate(zip(sizes, expected)):
            try:
                if difference(wanted, results_of(made, each)) <= 1e-3:
                    valid.append(i)
            except Exception:
                pass
        if 0 not in valid:
            path.unlink()
            about["not_made"][form] = "it does not compute what the network does"
            continue
        compared = [sizes[i] for i in valid if i in (0, BATCHES.index(3))]
        python = export(torch.jit.load(str(path)), sizes[0], axes, compared)
        if not python["equal"] and form == "traced":  # the network itself, which Python's users have too
            again = export(net, sizes[0], axes, compared)
            if again["equal"]:
                python = again | {"of_network": True, "error": ""}
        about["forms"][form] = {"valid": valid, "python": python}
    if not about["forms"]:
        raise RuntimeError(str(about["not_made"]))
    torch.save({"inputs": [[x.contiguous() for x in each] for each in sizes], "axes": [list(each) for each in axes],
                "forms": about["forms"]}, folder / "case.pt")
    (folder / "about.json").write_text(json.dumps(about, indent=1))


def run(name, key):
    for stream in (1, 2):  # LibTorch prints graphs beside its exceptions
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    try:
        make(name, key)
    except BaseException as error:
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        FOLDER.joinpath(f"{name}.failed").write_text(f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
        os._exit(1)
    os._exit(0)


def up_to_date(name, key):
    about = FOLDER / name / "about.json"
    return about.exists() and json.loads(about.read_text())["key"] == key


def main():
    prepare()
    warnings.filterwarnings("ignore")
    key = key_of(*SOURCES)
    FOLDER.mkdir(parents=True, exist_ok=True)
    unknown = set(sys.argv[1:]) - set(fixtures.ARCHITECTURES)
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}")
    wanted = sys.argv[1:] or [name for name in fixtures.ARCHITECTURES if not up_to_date(name, key)]
    if wanted:
        import transformers.modeling_utils  # noqa: F401: once, not in each process
        transformers.logging.set_verbosity_error()
    failed, running = [], {}
    waiting, start = list(wanted), time.monotonic()
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            name = waiting.pop(0)
            FOLDER.joinpath(f"{name}.failed").unlink(missing_ok=True)
            process = multiprocessing.get_context("fork").Process(target=run, args=(name, key))
            process.start()
            running[name] = (process, time.monotonic())
        time.sleep(0.05)
        for name, (process, began) in list(running.items()):
            late = time.monotonic() - began > SECONDS
            if process.is_alive() and not late:
                continue
            if late:
                process.kill()
            process.join()
            del running[name]
            if process.exitcode != 0:
                failed.append(name)
                log = FOLDER / f"{name}.failed"
                why = log.read_text().splitlines()[0][:200] if log.exists() else f"ended with {process.exitcode}"
                print(f"  {name}: {why}", flush=True)
            else:
                print(f"  {name} ({time.monotonic() - began:.1f} s)", flush=True)
    manifest = {name: json.loads((FOLDER / name / "about.json").read_text()) for name in sorted(fixtures.ARCHITECTURES)
                if (FOLDER / name / "about.json").exists()}
    FOLDER.joinpath("manifest.json").write_text(json.dumps(manifest, indent=1))
    for folder in FOLDER.iterdir():
        if folder.is_dir() and folder.name not in fixtures.ARCHITECTURES:
            shutil.rmtree(folder)
    forms = [form for each in manifest.values() for form in each["forms"].values()]
    ok = sum(form["python"]["equal"] for form in forms)
    print(f"{len(manifest)} architectures, {len(forms)} files in {time.monotonic() - start:.0f} s; Python's exporter: {ok} equal")
    if failed:
        sys.exit(f"not made: {', '.join(failed)}")


if __name__ == "__main__":
    main()
