"""`estate check`: all that is wrong with all services, at once."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Project


def test_it_is_fine_if_every_service_can_start(project: Project) -> None:
    done = project.program("check")
    assert [re.sub(r"[\d.]+ s$", "… s", line) for line in done.out.splitlines()] == [
        "ai can start in laptop: 2 secrets, 3 settings in all; dotenv 2, default 1; … s",
        "etl can start in laptop: 2 secrets, 3 settings in all; dotenv 2, default 1; … s",
    ]
    assert done.err == ""


def test_every_report_is_printed_and_none_stops_the_next(project: Project) -> None:
    project.write(".env", "OPENAI_KEY=x\n")
    done = project.program("check", code=1)
    assert done.out == (
        "ai cannot start in laptop: 1 problem.\n"
        "chain: env → dotenv   from estate.toml\n"
        "\n"
        "MISSING  database_url\n"
        "  no provider of the chain has it\n"
        "    env     DATABASE_URL          absent\n"
        "    dotenv  DATABASE_URL in .env  absent\n"
        "  fix  export DATABASE_URL='…'\n"
        "       add the line DATABASE_URL=<value> to .env\n"
        "\n"
        "etl cannot start in laptop: 2 problems.\n"
        "chain: env → dotenv   from estate.toml\n"
        "\n"
        "MISSING  database_url\n"
        "  no provider of the chain has it\n"
        "    env     DATABASE_URL          absent\n"
        "    dotenv  DATABASE_URL in .env  absent\n"
        "  fix  export DATABASE_URL='…'\n"
        "       add the line DATABASE_URL=<value> to .env\n"
        "\n"
        "MISSING  password\n"
        "  no provider of the chain has it\n"
        "    env     RDS_PASSWORD          absent\n"
        "    dotenv  RDS_PASSWORD in .env  absent\n"
        "  fix  export RDS_PASSWORD='…'\n"
        "       add the line RDS_PASSWORD=<value> to .env\n"
    )


def test_only_the_named_services_are_checked_each_once(project: Project) -> None:
    project.write(".env", "DATABASE_URL=x\nRDS_PASSWORD=x\n")
    assert project.run("check", "etl", "etl").out.count("can start") == 1
    project.run("check", "ai", code=1)


def test_the_environment_is_the_named_one_or_as_the_variables_say(project: Project) -> None:
    assert "ai cannot start in cluster" in project.run("check", "ai", "--env", "cluster", code=1).out
    assert "in cluster" in project.run("check", code=1, variables={"ESTATE_ENV": "cluster"}).out


def test_what_does_not_stop_a_start_is_shown(project: Project) -> None:
    (project.folder / ".env").chmod(0o644)
    done = project.run("check", "ai")
    assert "INSECURE\n  can be read or changed by other users" in done.out
    assert "fix  chmod 600 .env" in done.out


def test_a_service_that_cannot_be_imported_is_its_own_problem_only(project: Project) -> None:
    project.write("broken.py", "\nimport nowhere_to_be_found\n")
    project.change("estate.toml", "schemas:Ai", "broken:Ai")
    done = project.run("check", code=1)
    assert "ai cannot start in laptop: 1 problem." in done.out
    assert "broken cannot be imported: ModuleNotFoundError in broken.py:2" in done.out
    assert "etl can start in laptop" in done.out


def test_the_current_folder_comes_first_on_the_path(project: Project) -> None:
    project.write("services/ai/settings.py", (project.folder / "schemas.py").read_text())
    project.change("estate.toml", "schemas:Ai", "services.ai.settings:Ai")
    project.program("check", "ai")


# --- for machines ----------------------------------------------------------------------------------------------------


def test_reports_for_machines(project: Project) -> None:
    project.write(".env", "OPENAI_KEY=x\nDATABASE_URL=x\n")
    document = project.run("check", "--format", "json", code=1).document
    assert document["ok"] is False
    ai, etl = document["services"]
    assert ai == {
        "ok": True,
        "service": "ai",
        "environment": "laptop",
        "chain": ["env", "dotenv"],
        "config": "estate.toml",
        "problems": [],
        "warnings": [],
        "degraded": [],
    }
    assert (etl["ok"], [problem["code"] for problem in etl["problems"]]) == (False, ["MISSING"])
    assert etl["problems"][0]["places"][0] == {"provider": "env", "place": "RDS_PASSWORD", "outcome": "absent"}


def test_what_a_user_s_module_prints_does_not_spoil_the_document(project: Project) -> None:
    project.change("schemas.py", "from pydantic", "print('hello')\nfrom pydantic")
    done = project.program("check", "--format", "json")
    assert done.document["ok"] is True
    assert done.err == "hello\n"


# --- without secrets -------------------------------------------------------------------------------------------------


def test_trap_21_schema_only_needs_no_secrets_and_asks_nobody(project: Project) -> None:
    project.write(".env", "this is no line of a .env file\n")
    project.change("estate.toml", '["shelf"]', '["shelf"]\n[providers.shelf]\nraises = "fetch"')
    assert project.program("check", "--schema-only").out == (
        "ai: schema and chains are fine in test, laptop, cluster\n"
        "etl: schema and chains are fine in test, laptop, cluster\n"
    )


def test_schema_only_does_not_ask_which_environment_this_is(project: Project) -> None:
    project.change("estate.toml", "default_environment", "#")
    project.run("check", code=1)
    project.run("check", "--schema-only")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('["shelf"]', '["shlef"]'), 'no provider called "shlef" is installed; did you mean "shelf"?'),
        (('["shelf"]', '["shelf"]\n[providers.shelf]\nfle = "x"'), 'fle is not known; did you mean "file"?'),
        (("schemas:Etl", "schemas:Elt"), "schemas has no EltSettings"),
    ],
)
def test_schema_only_finds_what_is_wrong_in_any_environment(
    project: Project, change: tuple[str, str], said: str
) -> None:
    project.change("estate.toml", *change)
    done = project.run("check", "--schema-only", code=1)
    assert said in done.out
    assert done.out.count("etl cannot start in ") == 1


def test_schema_only_of_one_environment(project: Project) -> None:
    project.change("estate.toml", '["shelf"]', '["shlef"]')
    assert project.run("check", "ai", "--schema-only", "--env", "laptop").out.endswith("are fine in laptop\n")
    document = project.run("check", "--schema-only", "--format", "json", code=1).document
    assert [(one["ok"], one["environment"]) for one in document["services"]] == [(False, "cluster")] * 2


# --- what is wrong with the estate itself ----------------------------------------------------------------------------


def test_an_estate_that_cannot_be_used_is_a_report(project: Project) -> None:
    project.write("estate.toml", "[environments.laptop]\nchian = []\n")
    assert project.run("check", code=1).out.startswith("the configuration cannot be used: 2 problems.\n\nSCHEMA\n")
    document = project.run("check", "--format", "json", code=1).document
    assert document["ok"] is False
    assert [problem["code"] for problem in document["problems"]] == ["SCHEMA", "SCHEMA"]


def test_an_estate_without_services_says_how_to_list_one(project: Project) -> None:
    project.write("estate.toml", '[environments.laptop]\nchain = ["env"]\n')
    assert 'fix  add [services] to estate.toml, with a line as ai = "module:Class"' in project.run("check", code=1).out


def test_a_variable_that_names_no_environment_is_a_problem(project: Project) -> None:
    done = project.run("check", code=1, variables={"ESTATE_ENV": "clutser"})
    assert 'there is no environment "clutser", asked for by ESTATE_ENV; did you mean "cluster"?' in done.out


# --- wrong usage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("aii",), 'there is no "aii"; did you mean "ai"?'),
        (("--env", "clutser"), 'there is no "clutser"; did you mean "cluster"?'),
        (("--env", "test", "--schema-only", "zzz"), 'there is no "zzz"; there is: ai, etl'),
        (("--format", "yaml"), "yaml"),
        (("--schema",), "--schema"),
    ],
)
def test_a_name_that_is_not_there_is_wrong_usage(project: Project, words: tuple[str, ...], said: str) -> None:
    done = project.run("check", *words, code=2)
    assert said in done.err
    assert done.out == ""
