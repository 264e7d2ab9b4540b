"""Stands for torchvision while timm is imported, which takes names from it that making a network never calls.

`with installed(): import timm`. Torchvision itself has operators compiled for one build of torch, and is not needed.
"""

import contextlib
import importlib.abc
import importlib.machinery
import sys
import types


class _Anything(type):
    """Of a class: any attribute is there, such as the members of an enumeration, each different."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return f"{cls.__name__}.{name}"


class _Module(types.ModuleType):
    """A module in which every name is a class of its own: fit to be imported, inherited from and asked for by isinstance."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = _Anything(name, (), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Module(spec.name)

    def exec_module(self, module):
        pass


@contextlib.contextmanager
def installed():
    """In its body torchvision can be imported; after it there is none, as packages that ask whether there is one shall see."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
