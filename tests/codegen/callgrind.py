#!/usr/bin/env python3
"""Count the instructions of `ours_calls` against those of `theirs_calls`, which the program calls once each.

    callgrind.py PROGRAM CALLS MOST [ARGUMENTS...]

Both functions make CALLS calls, which PROGRAM is told as its first argument; fails if ours takes more than MOST of theirs:
a ratio, "1.01", or a ratio and instructions per call, "1.01,300", of which one must hold.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

FUNCTIONS = ["ours_calls", "theirs_calls"]


def count(program, arguments):
    """The functions' instructions, callees included."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={folder}/out"]
        for function in FUNCTIONS:
            command += [f"--toggle-collect={function}", f"--dump-after={function}"]
        subprocess.run([*command, program, *arguments], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        counts = {}
        for dump in pathlib.Path(folder).glob("out*"):
            text = dump.read_text()
            trigger = re.search(r"^desc: Trigger: --dump-after=(\S+)", text, re.MULTILINE)
            if trigger:
                counts[trigger[1]] = int(re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)[1])
    return counts


def main():
    program, calls, most, *arguments = sys.argv[1:]
    counts = count(program, [calls, *arguments])
    ours, theirs = (counts[function] / int(calls) for function in FUNCTIONS)
    print(f"instructions per call: ours {ours:.0f}, theirs {theirs:.0f}, ratio {ours / theirs:.3f} (at most {most})")
    ratio, _, more = most.partition(",")
    return ours > float(ratio) * theirs and not (more and ours <= theirs + float(more))


if __name__ == "__main__":
    sys.exit(main())
