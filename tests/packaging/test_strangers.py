"""What strangers do with the wheel: test their own project, and bring a provider of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.snippets import snippets
from tests.packaging.environments import ROOT, Built, Installed, build, install

pytestmark = pytest.mark.xdist_group("distribution")  # built once, not once a worker

ESTATE = ROOT / "examples" / "estate"
STRANGER = ROOT / "examples" / "sqlite-provider"


def test_a_project_with_the_test_file_of_the_docs_is_green(tested: Installed, tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "tests-with-doubles.md"
    files = {s.file: s.text for s in snippets(page) if s.file in ("settings.py", "test_answers.py")}
    for name, text in files.items():
        (tmp_path / str(name)).write_text(text, "utf-8")
    assert len(files["test_answers.py"].splitlines()) <= 20
    done = tested.run(tested.python, "-m", "pytest", "-q", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.fixture(scope="module")
def with_stranger(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    stranger = build(STRANGER, tmp_path_factory.mktemp("stranger"))
    return install(
        tmp_path_factory.mktemp("venv"), built.wheel, stranger.wheel, needing=("pytest", "hypothesis", "psycopg")
    )


def test_a_strangers_provider_passes_the_conformance_kit_where_it_is_installed(
    with_stranger: Installed, tmp_path: Path
) -> None:
    tests = STRANGER / "tests"
    done = with_stranger.run(
        with_stranger.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, folder=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed" not in done.stdout
    assert " passed" in done.stdout


def test_a_strangers_provider_serves_the_example_by_one_line_of_estate_toml(
    with_stranger: Installed, tmp_path: Path
) -> None:
    (tmp_path / "estate.toml").write_text(
        '[services]\netl = "services.etl.settings:EtlSettings"\n'
        '[environments.production]\nchain = ["env", "sqlite"]\n'
        '[providers.sqlite]\nfile = "secrets.db"\n',
        "utf-8",
    )
    code = (
        "import sqlite3\n"
        "from estate_config import explain, load\n"
        "from services.etl.settings import settings\n"
        "with sqlite3.connect('secrets.db') as database:\n"
        "    database.execute('CREATE TABLE settings (name TEXT PRIMARY KEY, value)')\n"
        "    rows = [('kreb/api_key', 'k'), ('rds/password', 'p')]\n"
        "    database.executemany('INSERT INTO settings VALUES (?, ?)', rows)\n"
        "database.close()\n"
        "load(settings, environment='production')\n"
        "print(settings.kreb_api_key.get_secret_value(), explain(settings)['kreb_api_key'].provider)\n"
    )
    done = with_stranger.run(
        with_stranger.python, "-W", "error", "-c", code, folder=tmp_path, variables={"PYTHONPATH": str(ESTATE)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["k", "sqlite"]
