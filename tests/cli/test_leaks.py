"""No verb, in no format and on no way to fail, shows a value or a part of one. Canaries on every way."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.cli.conftest import TABLE, Project
from tests.leaks import CANARIES, PLAIN, assert_no_canary

SCHEMA = """
from pydantic import PostgresDsn, SecretStr, field_validator
from estate_config import Settings, secret, setting


class AiSettings(Settings):
    token: SecretStr = secret("token", default="{canary}")
    url: PostgresDsn = secret("database/url")
    numbers: list[int] = secret("numbers")
    plain: str = secret("plain", shelf="rds#plain")

    @field_validator("plain")
    @classmethod
    def _refuse(cls, value):
        if value.endswith("!"):
            raise ValueError(value)
        return value
"""

VERBS: dict[str, tuple[str, ...]] = {
    "check": ("check",),
    "check as JSON": ("check", "--format", "json"),
    "check of the schema": ("check", "--schema-only"),
    "explain": ("explain",),
    "explain as JSON": ("explain", "--format", "json"),
    "run": ("run", "ai", "--", "./no-such-program"),
    "push": ("push", "ai", "--from", "dotenv", "--to", "shelf", "--yes"),
    "push as JSON": ("push", "ai", "--from", "dotenv", "--to", "shelf", "--yes", "--format", "json"),
    "push, dry": ("push", "ai", "--from", "dotenv", "--to", "shelf", "--dry-run"),
    "push from the store": ("push", "ai", "--from", "shelf", "--to", "fixture", "--yes"),
    "providers": ("providers",),
    "providers as JSON": ("providers", "--format", "json"),
}


def quoted(value: str) -> str:
    """Return a value as a `.env` file has it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def stocked(project: Project, canary: str, *, url: str, numbers: str, plain: str) -> None:
    project.write("schemas.py", SCHEMA.replace('"{canary}"', repr(canary)))
    project.write("estate.toml", TABLE.replace('etl = "schemas:EtlSettings"\n', ""))
    project.write(".env", f"TOKEN={quoted(canary)}\nDATABASE_URL={url}\nNUMBERS={numbers}\nPLAIN={quoted(plain)}\n")
    on_shelf = {"token": canary, "database/url": url, "numbers": numbers, "rds": json.dumps({"plain": plain})}
    project.write("shelf.json", json.dumps(on_shelf))


def fine(project: Project, canary: str) -> None:
    stocked(project, canary, url="postgresql://u:p@h/d", numbers="1,2", plain=canary)


def invalid(project: Project, canary: str) -> None:
    stocked(project, canary, url=f"mysql://{PLAIN}@h", numbers=f"[{PLAIN}", plain=f"{canary}!")


def with_a_bad_line(project: Project, canary: str) -> None:
    fine(project, canary)
    project.write(".env", f"DATABASE_URL {PLAIN}\nTOKEN='{PLAIN}\n")


def with_a_store_that_raises(project: Project, canary: str) -> None:
    fine(project, canary)
    project.change("estate.toml", '["shelf"]', '["shelf"]\n[providers.shelf]\nraises = "fetch"')


def with_a_store_that_raises_at_the_writing(project: Project, canary: str) -> None:
    fine(project, canary)
    project.write("shelf.json", "{}")
    project.change("estate.toml", '["shelf"]', '["shelf"]\n[providers.shelf]\nraises = "put"')


def with_a_document_that_is_none(project: Project, canary: str) -> None:
    fine(project, canary)
    project.write("shelf.json", json.dumps({"rds": f'{{"plain": "{PLAIN}', "token": {"failed": "DENIED"}}))


def with_a_module_that_raises(project: Project, canary: str) -> None:
    fine(project, canary)
    project.write("schemas.py", f"value = {canary!r}\nraise ValueError(value)\n")


def with_a_zero_byte(project: Project, canary: str) -> None:
    fine(project, canary)
    project.write("shelf.json", json.dumps({**project.shelf, "token": f"\0{canary}"}))


STATES: list[Callable[[Project, str], None]] = [
    fine,
    invalid,
    with_a_bad_line,
    with_a_store_that_raises,
    with_a_store_that_raises_at_the_writing,
    with_a_document_that_is_none,
    with_a_module_that_raises,
    with_a_zero_byte,
]


CASES = [(state, PLAIN) for state in STATES] + [(invalid, canary) for canary in CANARIES if canary != PLAIN]


@pytest.mark.parametrize(("state", "canary"), CASES)
def test_trap_18_no_verb_shows_a_value(project: Project, state: Callable[[Project, str], None], canary: str) -> None:
    for environment in ("laptop", "cluster"):
        for name, words in VERBS.items():
            state(project, canary)
            done = project.run(*words, code=None, variables={"ESTATE_ENV": environment})
            shown = done.out + done.err
            assert shown.strip(), f"{name} in {environment} says nothing"
            assert "Traceback" not in shown
            assert_no_canary(shown, canary, f"{name} in {environment}")
            assert_no_canary(shown, PLAIN, f"{name} in {environment}")


def test_the_program_itself_shows_none_either(project: Project) -> None:
    with_a_store_that_raises_at_the_writing(project, PLAIN)
    for name in ("push", "push as JSON"):
        done = project.program(*VERBS[name], code=1)
        assert "raised ValueError in Shelf.put" in done.out
        assert_no_canary(done.out + done.err, PLAIN)
