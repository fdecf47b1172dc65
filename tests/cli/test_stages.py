"""`--stage`: a service is run and checked on a version that is not the current one yet, secret by secret."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.conftest import Project

CHILD = """
from estate_config import explain, load
from schemas import AiSettings
settings = load(AiSettings)
print(settings.database_url.get_secret_value(), explain(settings)["database_url"].stage)
print(settings.openai_key.get_secret_value(), explain(settings)["openai_key"].stage)
"""


@pytest.fixture
def staged(project: Project) -> Project:
    """The shelf has stages: `name@STAGE` is on it beside `name`."""
    project.change("shelf.py", "offers=(Writer,))", "offers=(Writer,), stages=True)")
    project.change(
        "shelf.py", "value = stored.get(name)", "value = stored.get(name + f'@{key.stage}' * bool(key.stage))"
    )
    project.change("shelf.py", 'stage="CURRENT"', 'stage=key.stage or "CURRENT"')
    stored = {
        "database/url": "now",
        "database/url@NEXT": "next",
        "openai/key": "key",
        "openai/key@NEXT": {"failed": "DENIED"},
    }
    project.write("shelf.json", json.dumps(stored))
    project.variables["ESTATE_ENV"] = "cluster"
    return project


def test_a_program_has_the_stage_in_its_variables_and_its_own_load_asks_for_it(staged: Project) -> None:
    program = ("sh", "-c", f'echo $DATABASE_URL $OPENAI_KEY; exec {sys.executable} -c "$0"', CHILD)
    done = staged.program("run", "ai", "--stage", "database_url=NEXT", "--", *program, variables={"PYTHONPATH": "."})
    assert done.out == "next key\nnext NEXT\nkey CURRENT\n"


def test_a_service_is_checked_on_a_stage_before_it_is_the_current_one(staged: Project) -> None:
    staged.run("check", "ai", "--stage", "database_url=NEXT")
    done = staged.run("check", "ai", "--stage", "database_url=NEXT", "--stage", "openai_key=NEXT", code=1)
    assert "DENIED  openai_key" in done.out
    staged.run("check", "ai")


def test_explain_shows_the_stage_that_the_variable_asks_for(staged: Project) -> None:
    done = staged.run("explain", "ai", variables={"ESTATE_STAGES": "database_url=NEXT"})
    assert "shelf/database/url  NEXT v1" in done.out


def test_where_nobody_has_stages_nothing_is_run(staged: Project) -> None:
    done = staged.run("run", "ai", "--env", "laptop", "--stage", "database_url=NEXT", "--", "true", code=78)
    assert "SCHEMA  database_url" in done.err
    assert "take database_url out of ESTATE_STAGES" in done.err


@pytest.mark.parametrize(
    ("asked", "words"),
    [("databse_url=NEXT", 'did you mean "database_url"?'), ("NEXT", "FIELD=STAGE"), ("password=NEXT", "there is no")],
)
def test_a_stage_that_cannot_be_asked_for_is_wrong_usage(staged: Project, asked: str, words: str) -> None:
    assert words in " ".join(staged.run("check", "ai", "--stage", asked, code=2).err.replace("│", "").split())
