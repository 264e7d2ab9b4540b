#!/usr/bin/env python3
"""Check that a file does not compile, and that the compiler says why in the words that the file expects.

    compile_fail.py FILE COMPILER [FLAGS...]

FILE holds lines `// expect: TEXT`, plain text that the compiler must print: spaces and the library's own namespaces do
not count. One error is allowed, and in g++ ten lines of output. With -DGOOD_TWIN the same file must compile.
"""
import os
import re
import subprocess
import sys

MOST_LINES_IN_GCC = 10


def compile(file, command):
    command = [*command, "-std=c++20", "-fsyntax-only", file]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    return run.returncode, run.stderr


def plain(text):
    text = re.sub(r"\b(torchdeploy|v0\w*)::", "", text)
    return re.sub(r"\s*([^\w\s])\s*", r"\1", re.sub(r"\s+", " ", text))  # `char [9]` and `char[9]` are one


def complaints(file, command):
    with open(file, encoding="utf-8") as source:
        expected = re.findall(r"^\s*// expect: (.*\S)", source.read(), re.MULTILINE)
    status, output = compile(file, command)
    errors = re.findall(r"error:", output)
    lines = output.splitlines()

    if not expected:
        yield "the file has no `// expect: ` line"
    if status == 0:
        yield "it compiles"
    elif len(errors) != 1:
        yield f"{len(errors)} errors instead of one"
    for text in expected:
        if plain(text) not in plain(output):
            yield f"missing: {text}"
    if "clang" not in command[0] and len(lines) > MOST_LINES_IN_GCC:
        yield f"{len(lines)} lines of output, more than {MOST_LINES_IN_GCC}"

    status_of_twin, output_of_twin = compile(file, [*command, "-DGOOD_TWIN", "-Wall", "-Wextra", "-Werror"])
    if status_of_twin != 0:
        yield "its good twin does not compile:\n" + output_of_twin
    print(output)


def main():
    file, *command = sys.argv[1:]
    found = list(complaints(file, command))
    for complaint in found:
        print("FAILED:", complaint)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
