#!/usr/bin/env python3
"""Check the layout of include/torchdeploy: umbrellas are complete, layers are kept, no header is too long.

    check_headers.py                       the check
    check_headers.py --that-reach HEADER   instead, list the headers that include HEADER, themselves or by another
"""
import pathlib
import re
import sys

INCLUDE = pathlib.Path(__file__).resolve().parent.parent / "include"
LIBRARY = INCLUDE / "torchdeploy"
UMBRELLAS = {"core.hpp": "core", "formats.hpp": "format", "stages.hpp": "stage", "backends.hpp": "backend"}
# headers that need a library of their own: other headers include them only where the macro of their component is set
OPT_IN = {"report/json.hpp": ("TORCHDEPLOY_WITH_JSON", re.compile(r"nlohmann/")),
          "onnx/wire.hpp": ("TORCHDEPLOY_WITH_ONNX", re.compile(r"protozero/")),
          "onnx_runtime/api.hpp": ("TORCHDEPLOY_WITH_ONNXRUNTIME", re.compile(r"(onnxruntime/)?onnxruntime_"))}
OPENVINO = re.compile(r"openvino/")
OPT_IN |= {f"openvino/{name}.hpp": ("TORCHDEPLOY_WITH_OPENVINO", OPENVINO)
           for name in ("call_shapes", "compiled_graph", "compress", "constants", "convert", "decoder", "executable",
                        "ir_file", "layer_results", "quantized_arithmetic", "request", "rules", "runtime", "types", "wide_integers")}
MOST_LINES = 400

# core/ is cheap to include: the standard library only, and of that not the slow headers
NOT_IN_CORE = re.compile(r"(?!torchdeploy/(core/|fwd|version)).*[/.]|(ranges|filesystem|regex|iostream)$")
# detail/libtorch/ holds the only doors to LibTorch's headers: they narrow them and fence their macros
LIBTORCH = re.compile(r"(torch|ATen|c10|caffe2)/")


def includes(header):
    return re.findall(r"^\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", header.read_text(), re.MULTILINE)


def included_by(header):
    return {INCLUDE / name for name in includes(header) if name.startswith("torchdeploy/")}


def reached_from(header):
    reached, waiting = set(), [header]
    while waiting:
        new = included_by(waiting.pop()) - reached
        reached |= new
        waiting += new
    return reached


def missing_from_umbrellas(headers):
    for umbrella, folder in UMBRELLAS.items():
        for header in sorted(set((LIBRARY / folder).rglob("*.hpp")) - included_by(LIBRARY / umbrella)):
            yield f"{umbrella} does not include {header.relative_to(INCLUDE)}"
    everything = LIBRARY / "torchdeploy.hpp"
    for header in sorted(headers - reached_from(everything) - {everything}):
        yield f"torchdeploy.hpp does not reach {header.relative_to(INCLUDE)}"


def guards_of(header, wanted):
    """The conditions of the innermost #if around each include of `wanted`."""
    conditions = []
    for line in header.read_text().splitlines():
        if opened := re.match(r"\s*#\s*(if.*)", line):
            conditions.append(opened[1])
        elif re.match(r"\s*#\s*endif", line):
            conditions.pop()
        elif re.match(rf"\s*#\s*include\s*<{re.escape(wanted)}>", line):
            yield conditions[-1] if conditions else ""


def unguarded(headers):
    for opt_in, (macro, library) in OPT_IN.items():
        for header in sorted(headers):
            name = header.relative_to(LIBRARY)
            if any(guard != f"ifdef {macro}" for guard in guards_of(header, f"torchdeploy/{opt_in}")):
                yield f"{name} includes {opt_in} outside of #ifdef {macro}"
            if OPT_IN.get(name.as_posix(), (None, None))[1] is not library and any(map(library.match, includes(header))):
                yield f"{name} includes what only {opt_in} may"


def complaints():
    headers = set(LIBRARY.rglob("*.hpp"))
    yield from missing_from_umbrellas(headers)
    yield from unguarded(headers)
    for header in sorted(headers):
        name = header.relative_to(LIBRARY)
        lines = len(header.read_text().splitlines())
        if lines > MOST_LINES:
            yield f"{name} has {lines} lines, more than {MOST_LINES}"
        for include in includes(header):
            if name.parts[0] == "core" and NOT_IN_CORE.match(include):
                yield f"{name} includes {include}, which core/ does without"
            if LIBTORCH.match(include) and name.parts[:2] != ("detail", "libtorch"):
                yield f"{name} includes {include}: go through detail/libtorch/"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--that-reach"]:
        wanted = INCLUDE / sys.argv[2]
        found = (header for header in LIBRARY.rglob("*.hpp") if wanted in reached_from(header))
        sys.exit(print("\n".join(sorted(header.relative_to(INCLUDE).as_posix() for header in found))))
    found = list(complaints())
    print("\n".join(found))
    sys.exit(bool(found))
