"""`estate check --schema-only`: what is wrong on every machine, found without asking anybody."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Project

ARN = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:estate/url-*"


@pytest.mark.parametrize(
    ("provider", "options", "address", "said"),
    [
        ("aws", "", "estate/*", "'estate/*' is no name of a secret"),
        ("aws", "", "a b", "'a b' is no name of a secret"),
        ("aws", "", ARN, "is no ARN of a secret"),
        ("aws", "", "x?stag=AWSPENDING", "has neither stage=… nor version=… after its ?"),
        ("vault", "", "nomount:path#x", "names a mount that estate.toml does not know"),
        ("vault", "", "x?version=abc", "only ?version=N is known"),
        ("azure", 'vault_url = "https://estate.vault.azure.net"', "has_underscore", "is no name of a secret in a key"),
        ("gcp", 'project = "estate"', "a b", "'a b' is no name of a secret"),
        ("parameter_store", "", "jwt:", "'jwt:' is no name of a parameter"),
        ("keyring", "", "noslash", "has the address 'noslash'"),
        ("command", 'command = ["pass", "{name}"]', "x", 'has an address, and `command` has no "{address}" to put it'),
        ("files", 'folder = "."', "rds#", "'rds#' names no member after its #"),
        ("files", 'folder = "."', "../key", "is not a path inside the folder"),
        ("env", "", "A=B", "is not a name that a variable can have"),
    ],
)
def test_an_address_that_its_provider_cannot_read_is_a_problem_of_its_field(
    project: Project, provider: str, options: str, address: str, said: str
) -> None:
    project.change("schemas.py", 'secret("openai/key")', f'secret("openai/key", {provider}={address!r})')
    project.change("estate.toml", '["shelf"]', f'["{provider}"]\n[providers.{provider}]\n{options}')
    done = project.run("check", "ai", "--schema-only", code=1)
    assert "ai cannot start in " in done.out
    assert "SCHEMA  openai_key\n" in done.out
    assert said in done.out
    assert "\n  fix  " in done.out
    made = project.run("generate", "dotenv", "ai", code=1)
    assert said in made.err
    assert made.out == ""


def test_a_place_that_a_prefix_makes_unreadable_is_one_too(project: Project) -> None:
    project.change("estate.toml", '["shelf"]', '["aws"]\n[providers.aws]\nprefix = "estate/*/"')
    done = project.run("check", "ai", "--schema-only", code=1)
    assert "'estate/*/openai/key' is no name of a secret" in done.out


def test_a_default_that_its_type_refuses_is_a_problem_of_its_field(project: Project) -> None:
    project.change("schemas.py", "default=2", 'default="two"')
    done = project.run("check", "--schema-only", code=1)
    assert "INVALID  workers\n  its default: input should be a valid integer" in done.out
    assert "etl: schema and chains are fine" in done.out


# --- what estate.toml says besides -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "place", "meant"),
    [
        ("[providers.evn]", "providers.evn", "env"),
        ("[environments.laptop.providers.dotnev]", "environments.laptop.providers.dotnev", "dotenv"),
    ],
)
def test_options_of_a_provider_that_nobody_knows_are_a_mistake(
    project: Project, table: str, place: str, meant: str
) -> None:
    project.change("estate.toml", '["shelf"]', f'["shelf"]\n{table}\nfolder = "x"')
    said = f'SCHEMA\n  estate.toml: {place}: no provider called "{place.rpartition(".")[2]}" is installed, and no chain'
    assert f'{said} has it; did you mean "{meant}"?' in project.run("check", "--schema-only", code=1).out
    project.run("check", "ai")


def test_options_of_a_provider_that_only_another_image_has_are_none(project: Project) -> None:
    project.change("estate.toml", '["shelf"]', '["elsewhere"]\n[providers.elsewhere]\nfolder = "x"\n[providers.aws]')
    project.run("check", "--schema-only", "--env", "laptop")


def test_a_default_environment_that_is_not_there_is_a_mistake(project: Project) -> None:
    project.change("estate.toml", '"laptop"', '"lapotp"')
    done = project.run("check", "--schema-only", code=1)
    assert 'default_environment: there is no environment "lapotp"; did you mean "laptop"?' in done.out


def test_what_is_wrong_with_the_file_does_not_hide_what_is_wrong_with_a_service(project: Project) -> None:
    project.change("estate.toml", '["shelf"]', '["shelf"]\n[providers.shlef]\nfile = "x"')
    project.change("schemas.py", "default=2", 'default="two"')
    done = project.run("check", "--schema-only", code=1)
    assert "providers.shlef: no provider called" in done.out
    assert "INVALID  workers" in done.out
    document = project.run("check", "--schema-only", "--format", "json", code=1).document
    assert [(one["service"], one["ok"]) for one in document["services"]] == [("", False), ("ai", False), ("etl", True)]
