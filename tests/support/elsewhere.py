"""A pytest plugin, `-p tests.support.elsewhere`, that takes from the tests some of what Windows does not have.

Modules and functions that only Linux and macOS have are missing for the code of this repository. With
PYTHONWARNDEFAULTENCODING=1 and the WARNINGS of windows.py, a text without an encoding is an error. What the tests
start has all of it. Of a test with parameters only the first one is run, for the others run the same code.
"""

import builtins
import os

from tests.support.windows import FUNCTIONS, MODULES, OWN

imported = builtins.__import__


def import_module(name, namespace=None, *arguments, **options):
    importer = (namespace or {}).get("__name__") or ""
    if name.partition(".")[0] in MODULES and importer.partition(".")[0] in OWN:
        raise ModuleNotFoundError(f"No module named {name!r} on Windows, and {importer} imports it", name=name)
    return imported(name, namespace, *arguments, **options)


builtins.__import__ = import_module
for function in FUNCTIONS:
    delattr(os, function)


def pytest_collection_modifyitems(items):
    items[:] = {(item.path, item.originalname): item for item in reversed(items)}.values()
