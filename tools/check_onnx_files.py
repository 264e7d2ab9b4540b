"""Checks .onnx files in folders with onnx.checker, shape inference included: `check_onnx_files.py FOLDER ...`."""

import pathlib
import sys

import onnx


def main():
    files = sorted(path for folder in sys.argv[1:] for path in pathlib.Path(folder).rglob("*.onnx"))
    bad = 0
    for path in files:
        try:
            onnx.checker.check_model(str(path), full_check=True)
        except Exception as error:  # of several kinds
            bad += 1
            print(f"{path.name}: {str(error).splitlines()[0][:200]}")
    print(f"{len(files) - bad} of {len(files)} files pass")
    return 0 if files and bad == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
