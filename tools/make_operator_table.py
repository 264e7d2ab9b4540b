#!/usr/bin/env python3
"""Write the table of operators that can be exported to ONNX into docs/onnx.md, from the tables in the code.

    make_operator_table.py          write it
    make_operator_table.py --check  is it as the code has it?
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAMILIES = ROOT / "include/torchdeploy/onnx/lowering"
PAGE = ROOT / "docs/onnx.md"
TABLE = re.compile(r"(?<=<!-- operators -->\n).*?(?=<!-- end of operators -->)", re.DOTALL)


def table():
    rows, count = [], 0
    for header in sorted(FAMILIES.glob("*.hpp")):
        names = sorted(set(re.findall(r'\{"((?:aten|prim|quantized|torchvision)::\w+)",', header.read_text())))
        if not names:
            continue
        count += len(names)
        listed = ", ".join(f"`{name.removeprefix('aten::')}`" for name in names)
        rows.append(f"| {header.stem.replace('_', ' ')} | {listed} |")
    return f"\n{count} operators, without `aten::`:\n\n| family | operators |\n|---|---|\n" + "\n".join(rows) + "\n\n"


def main():
    text = PAGE.read_text()
    made = TABLE.sub(lambda _: table(), text)
    if "--check" in sys.argv[1:]:
        if made != text:
            sys.exit(f"docs/onnx.md is not as the code has it: run tools/{pathlib.Path(__file__).name}")
    else:
        PAGE.write_text(made)


if __name__ == "__main__":
    main()
