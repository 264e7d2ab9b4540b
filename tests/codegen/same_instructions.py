#!/usr/bin/env python3
"""Check that a file's functions `by_hand`, `piped` and `recipe` compile to the same instructions.

    same_instructions.py FILE COMPILER [FLAGS...]
"""
import difflib
import re
import subprocess
import sys

REFERENCE, *OTHERS = FUNCTIONS = ["by_hand", "piped", "recipe"]


def assembly(file, command):
    # g++ would fold equal functions into one: that they are equal must be seen, not hidden
    folding = [] if "clang" in command[0] else ["-fno-ipa-icf"]
    command = [*command, "-std=c++20", "-O2", "-g0", *folding, "-S", "-o", "-", file]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def instructions(text, function):
    """The function's own lines, without directives and comments; labels are numbered as they come."""
    body = re.search(rf"^{function}:[^\n]*\n(.*?)^\s*\.size\s+{function}\b", text, re.MULTILINE | re.DOTALL)
    if not body:
        sys.exit(f'no function `{function}`: declare it extern "C"')
    labels = {}
    result = []
    for line in body[1].splitlines():
        line = re.sub(r"\s*#.*", "", line).strip()
        line = re.sub(rf"\b{function}\b", "THIS", line)
        line = re.sub(r"\.L\w+", lambda label: labels.setdefault(label[0], f".L{len(labels)}"), line)
        if line and (not line.startswith(".") or re.fullmatch(r"\.L\d+:", line)):
            result.append(re.sub(r"\s+", " ", line))
    used = " ".join(line for line in result if not line.endswith(":"))
    return [line for line in result if not line.endswith(":") or re.search(re.escape(line[:-1]) + r"\b", used)]


def main():
    file, *command = sys.argv[1:]
    text = assembly(file, command)
    listing = {function: instructions(text, function) for function in FUNCTIONS}
    print("\n".join(listing[REFERENCE]))
    failed = False
    for function in OTHERS:
        difference = list(difflib.unified_diff(listing[REFERENCE], listing[function], REFERENCE, function, lineterm=""))
        failed |= bool(difference)
        print("\n".join(difference))
    print(*(f"{function}: {len(lines)} instructions" for function, lines in listing.items()), sep="\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
