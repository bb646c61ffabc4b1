"""The filters and functions that this template adds to Jinja."""

import shutil
import sys
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension

from template_code import answers, names, pipfile, questions, texts

FILTERS = [
    answers.refusals,
    answers.refuse_impossible_answers,
    answers.running_python,
    names.package_name,
    texts.docker_string,
    texts.markdown,
    texts.python_assignment,
    texts.python_string,
]


class Filters(Extension):
    """Adds the filters, and the functions `default_index` and `template_root`, to Cookiecutter's Jinja."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters.update({function.__name__: function for function in FILTERS})
        environment.globals["default_index"] = pipfile.default_index
        environment.globals["template_root"] = lambda: str(questions.ROOT)
        forget_package()


def forget_package() -> None:
    """Remove this package from sys.modules, and its bytecode from the user's copy of the template.

    `cruft update` renders two versions of the template in one process, each with a package of its own.
    """
    package = __name__.partition(".")[0]
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    shutil.rmtree(Path(__file__).with_name("__pycache__"), ignore_errors=True)
