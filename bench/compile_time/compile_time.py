#!/usr/bin/env python3
"""Measure what including the library costs, beside what it stands on.

    compile_time.py [--compiler g++] [--rounds 5]

The programs are compiled in turn, round after round, so that a busy machine slows them alike; medians of the seconds of
processor time are compared.
"""
import argparse
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INCLUDE = ROOT / "include"

MOST_RATIO_OF_UMBRELLA = 1.15
MOST_SECONDS_OF_CORE = 0.15


def libtorch():
    for line in (ROOT / "build/release/CMakeCache.txt").read_text().splitlines():
        if line.startswith("Torch_DIR:"):
            return pathlib.Path(line.partition("=")[2]).parents[2]
    sys.exit("configure the release preset first: script/bench does")


def standard_headers_of_core():
    text = "\n".join(header.read_text() for header in (INCLUDE / "torchdeploy/core").glob("*.hpp"))
    return sorted(set(re.findall(r"^#include (<[^/>]+>)", text, re.MULTILINE)))


def seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    torch = libtorch() / "include"
    command = [options.compiler, "-std=c++20", "-fsyntax-only", f"-I{INCLUDE}", "-isystem", torch]
    command += ["-isystem", torch / "torch/csrc/api/include"]
    programs = {
        "torch/script.h": ["<torch/script.h>"],
        "torchdeploy.hpp": ["<torchdeploy/torchdeploy.hpp>"],
        "standard headers of core": standard_headers_of_core(),
        "core.hpp": ["<torchdeploy/core.hpp>"],
    }

    times = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as folder:
        for name, headers in programs.items():
            source = "".join(f"#include {header}\n" for header in headers)
            (pathlib.Path(folder) / f"{name.replace('/', '_')}.cpp").write_text(source)
        for _ in range(options.rounds):
            for name in programs:
                times[name].append(seconds([*command, f"{folder}/{name.replace('/', '_')}.cpp"]))

    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        print(f"{value:8.2f} s  {name}")
    ratio = median["torchdeploy.hpp"] / median["torch/script.h"]
    extra = median["core.hpp"] - median["standard headers of core"]
    print(f"torchdeploy.hpp / torch/script.h: {ratio:.3f} (at most {MOST_RATIO_OF_UMBRELLA})")
    print(f"core.hpp - its standard headers: {extra:+.2f} s (at most {MOST_SECONDS_OF_CORE:+.2f} s)")
    return ratio > MOST_RATIO_OF_UMBRELLA or extra > MOST_SECONDS_OF_CORE


if __name__ == "__main__":
    sys.exit(main())
