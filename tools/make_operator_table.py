#!/usr/bin/env python3
"""Write the table of operators that can be exported to ONNX into docs/onnx.md, from the tables in the code.

    make_operator_table.py          write it
    make_operator_table.py --check  is it as the code has it, and is each operator called by a test?
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAMILIES = ROOT / "include/torchdeploy/onnx/lowering"
PAGE = ROOT / "docs/onnx.md"
TESTS = ROOT / "tests/onnx_runtime"
# of these no test holds the name: they are written otherwise in the code that a test is
CALLED_BY = {
    "FloatImplicit": "a tensor where a number is expected",
    "IntImplicit": "the same",
    "ScalarImplicit": "the same",
    "_autocast_to_full_precision": "traces under autocast",
    "_autocast_to_reduced_precision": "the same",
    "sym_size": "exported programs",
    "ConstantChunk": "graphs that were fused",
    "NumToTensor": "traces",
    "_index_put_impl": "traces",
    "nonzero_numpy": "the same",
    "is_nonzero": "bool(x) of older code",
    "adjoint": "x.mH, which LibTorch has as another operator",
    "lstm_cell": "recurrent.cpp puts the name together",
    "gru_cell": "recurrent.cpp puts the name together",
    "rnn_tanh_cell": "recurrent.cpp puts the name together",
    "rnn_relu_cell": "recurrent.cpp puts the name together",
}
TABLE = re.compile(r"(?<=<!-- operators -->\n).*?(?=<!-- end of operators -->)", re.DOTALL)


def names_in(header):
    return sorted(set(re.findall(r'\{"((?:aten|prim|quantized|torchvision)::\w+)",', header.read_text())))


def untested():
    """Operators that the tests do not name, in place or not."""
    words = set(re.findall(r"\w+", "\n".join(each.read_text() for each in TESTS.rglob("*.cpp"))))
    names = [name.split("::")[1] for header in FAMILIES.glob("*.hpp") for name in names_in(header)]
    return sorted(name for name in names if not {name, name + "_"} & words and name not in CALLED_BY)


def table():
    rows, count = [], 0
    for header in sorted(FAMILIES.glob("*.hpp")):
        names = names_in(header)
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
        if untested():
            sys.exit("no test in tests/onnx_runtime calls " + ", ".join(untested()))
    else:
        PAGE.write_text(made)


if __name__ == "__main__":
    main()
