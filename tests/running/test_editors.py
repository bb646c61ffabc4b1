"""What VS Code reports: pyright finds no error in a project, and in what `startapp` writes."""

import subprocess

import pytest

from tests.support.machine import PRESENT, clean_environment, program

PYRIGHT = "pyright@1.1.414"


@pytest.fixture(scope="module")
def pyright(tmp_path_factory):
    """Return a function that runs pyright in a project; it returns the last line of the output."""
    folder = tmp_path_factory.mktemp("pyright")
    (folder / "package.json").write_text('{"private": true}')
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"]
    subprocess.run([program("npm"), "install", *options, PYRIGHT], cwd=folder, env=clean_environment(), check=True)

    def run(project):
        words = [folder / "node_modules" / ".bin" / "pyright", "--pythonpath", project.python]
        return project.call(*words, check=False).stdout

    return run


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("interface", "python_version"),
    [("WSGI", PRESENT[0]), ("ASGI", PRESENT[-1])],
)
def test_pyright_finds_no_error(installed, tmp_path, pyright, interface, python_version):
    project = installed(interface, python_version, background_tasks="Celery").copy(tmp_path)
    project.run("startapp", "shop", "Offer", "title:str", "category:items.Item", "price:decimal", "seller:user")
    told = pyright(project)
    assert "\n0 errors, " in f"\n{told}", told


@pytest.mark.matrix
def test_pyright_would_tell(installed, tmp_path, pyright):
    project = installed("ASGI").copy(tmp_path)
    models = project.path / "items" / "models.py"
    models.write_text(models.read_text().replace("return self.name", "return 1"))
    assert "reportReturnType" in pyright(project)
