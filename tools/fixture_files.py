"""Writes the files of .deps/models/: each one only when something it is made from has changed, and whole or not at all."""

import contextlib
import hashlib
import os
import pathlib
import warnings

import torch

TOP = pathlib.Path(__file__).resolve().parent.parent
TOOLS = TOP / "tools"
DATA = TOP / "examples" / "data"
MODELS = TOP / ".deps" / "models"
STAMPS = MODELS / ".stamps"  # a file of the same name for each one made: what it was made from
PARTIAL = MODELS / ".partial"


def prepare():
    """The settings under which every fixture is made."""
    warnings.filterwarnings("ignore", message=".*deprecated.*")
    torch.set_num_threads(1)


def key_of(*sources):
    """A hash of the running torch and of the files something is made from."""
    digest = hashlib.sha256(torch.__version__.encode())
    for source in sources:
        digest.update(pathlib.Path(source).read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def replacing(path):
    """A path to write to (of the same name, since archives keep it inside), moved to `path` at the end."""
    PARTIAL.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    yield PARTIAL / path.name
    os.replace(PARTIAL / path.name, path)


def make(name, sources, write):
    """Makes MODELS/name by write(path), unless it was made from the same sources before."""
    path, stamp = MODELS / name, STAMPS / name
    key = key_of(*sources)
    if path.exists() and stamp.exists() and stamp.read_text() == key:
        return
    print(f"  {name}", flush=True)
    stamp.unlink(missing_ok=True)
    with replacing(path) as partial:
        write(partial)
    with replacing(stamp) as partial:
        partial.write_text(key)
