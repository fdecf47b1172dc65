"""`estate init`, as a program in an empty folder: what it writes works, and nothing is lost or copied."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estate_config import Settings
from estate_config.scaffold.drafts import field_name, guessed
from estate_config.scaffold.reading import from_dotenv
from tests.leaks import PLAIN, assert_no_canary

DOTENV = f"""
DATABASE_URL=postgresql://app:{PLAIN}@localhost/estate
OPENAI_API_KEY={PLAIN}
export PORT=8000
DEBUG=true
PIN=0123
BROKER=kafka://app:{PLAIN}@h
kreb-url=https://api.example/x
class=economy
MODEL_CONFIG=x
"""
CLASS = f"""
from datetime import timedelta
from typing import Annotated, Literal
from pydantic import Field, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

class Old(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="APP_")
    database_url: PostgresDsn = "postgresql://user:{PLAIN}@localhost/mydb"
    jwt_secret: Annotated[SecretStr, Field(min_length=8)]
    mode: Literal["fast", "slow"] = Field("fast", description="How it goes")
    timeout: timedelta = timedelta(seconds=3)
    names: list[str] | None = None
    workers: int = 2
    shadow: str = Field(alias="OLD_NAME")
"""
TEXTS = f"""
from typing import Literal
from pydantic_settings import BaseSettings

class Texts(BaseSettings):
    DATABASE_URL: str = "postgresql://svc:{PLAIN}@db.internal/app"
    broker: str = "kafka://svc:{PLAIN}@h"
    brokers: list[str] = ["kafka://svc:{PLAIN}@h"]
    stripe: str = "sk_live_{PLAIN}"
    hosts: list[str] = ["{PLAIN}"]
    ports: tuple[int, ...] = (1, 2)
    mode: Literal["fast", "slow"] | None = "slow"
"""
BROKEN = """
from pydantic_settings import BaseSettings

class Broken(BaseSettings):
    class Inner: ...
    model_config = {"arbitrary_types_allowed": True}
    inner: Inner
"""
DYNACONF = f"""
[default]
debug = false
[default.database]
host = "localhost"
password = "{PLAIN}"
brokers = ["kafka://app:{PLAIN}@h"]
[production]
workers = 4
"""


def run(folder: Path, *words: str, exit_code: int = 0) -> str:
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [str(programs / words[0]), *words[1:]],
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert_no_canary(done.stdout + done.stderr, PLAIN)
    return done.stdout + done.stderr


def works(folder: Path) -> str:
    """Return the schema that was written, after its own tests, its schema check and a type check have passed."""
    written = {name: (folder / name).read_text("utf-8") for name in ("settings.py", "estate.toml", ".env.example")}
    for text in written.values():
        assert_no_canary(text, PLAIN)
    assert " passed" in run(folder, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_settings.py")
    assert "schema and chains are fine" in run(folder, "estate", "check", "--schema-only")
    run(folder, "estate", "generate", "dotenv", "--out", ".env.example", "--check")
    scanned = subprocess.run(
        [str(Path(sys.executable).with_name("estate")), "scan", "--no-values", "--format", "json"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert [one for one in json.loads(scanned.stdout)["findings"] if one["file"] in written] == []
    return written["settings.py"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "Price list"
    made.mkdir()
    return made


def test_from_nothing_a_beginning_that_works(folder: Path) -> None:
    told = run(folder, "estate", "init")
    assert "cp .env.example .env" in told
    schema = works(folder)
    assert "class PriceListSettings(Settings):" in schema
    assert "api_key: SecretStr = secret(" in schema


def test_from_a_dotenv_file_which_then_serves_the_service(folder: Path) -> None:
    (folder / ".env").write_text(DOTENV, "utf-8")
    (folder / ".env").chmod(0o600)
    run(folder, "estate", "init", "--from", ".env", "--service", "ai")
    schema = works(folder)
    for line in (
        "database_url: PostgresDsn = secret()",
        "openai_api_key: SecretStr = secret()",
        "port: int = setting()",
        "debug: bool = setting()",
        "pin: SecretStr = secret()",
        "broker: SecretStr = secret()",
        'kreb_url: HttpUrl = setting(env="kreb-url")',
        'class_: str = setting(env="class")',
    ):
        assert f"    {line}\n" in schema
    assert "ai can start in development" in run(folder, "estate", "check")


@pytest.mark.parametrize("source", [".env", "old:Old"])
def test_a_name_that_the_schema_is_written_with_hides_nothing(folder: Path, source: str) -> None:
    names = ("SETTING", "SECRET", "STR", "INT", "FLOAT", "BOOL", "LIST", "DICT")
    (folder / ".env").write_text("".join(f"{name}=x\n" for name in names) + "PORT=1\nDEBUG=true\nKEY=k\n", "utf-8")
    fields = "".join(f"    {name.lower()}: str\n" for name in names)
    old = f"from pydantic_settings import BaseSettings\nclass Old(BaseSettings):\n{fields}    port: int\n"
    (folder / "old.py").write_text(old, "utf-8")
    run(folder, "estate", "init", "--from", source)
    schema = works(folder)
    for name in names:
        assert re.search(rf'^    {name.lower()}_: \w+ = (secret|setting)\(env="{name}"\)$', schema, re.MULTILINE)


@pytest.mark.parametrize("words", [(), ("--from", ".env")])
def test_a_dotenv_file_that_is_there_keeps_its_values_whatever_it_tells_to_do(
    folder: Path, words: tuple[str, ...]
) -> None:
    (folder / ".env").write_text(f"SECRET_KEY={PLAIN}\n", "utf-8")
    told = run(folder, "estate", "init", *words)
    assert ".env stays as it is" in told
    assert "cp .env.example .env" not in told


def test_from_a_class_of_pydantic_settings_with_its_names_types_and_harmless_defaults(folder: Path) -> None:
    (folder / "old.py").write_text(CLASS, "utf-8")
    run(folder, "estate", "init", "--from", "old:Old")
    schema = works(folder)
    run(folder, "mypy", "--strict", "settings.py", "--cache-dir", os.devnull)
    for line in (
        'database_url: PostgresDsn = secret(env="APP_DATABASE_URL")',
        'jwt_secret: Annotated[SecretStr, Field(min_length=8)] = secret(env="APP_JWT_SECRET")',
        "mode: Literal['fast', 'slow'] = setting(default='fast', description='How it goes', env=\"APP_MODE\")",
        'timeout: timedelta = setting(env="APP_TIMEOUT")',
        'names: list[str] | None = setting(default=None, env="APP_NAMES")',
        'workers: int = setting(default=2, env="APP_WORKERS")',
        'shadow: str = setting(env="OLD_NAME")',
    ):
        assert f"    {line}\n" in schema


def test_no_text_that_a_class_has_as_a_default_is_copied(folder: Path) -> None:
    (folder / "texts.py").write_text(TEXTS, "utf-8")
    run(folder, "estate", "init", "--from", "texts:Texts")
    schema = works(folder)
    for line in (
        "DATABASE_URL: str = secret()",
        "broker: str = secret()",
        "brokers: list[str] = secret()",
        "stripe: str = setting()",
        "hosts: list[str] = setting()",
        "ports: tuple[int, ...] = setting(default=(1, 2))",
        "mode: Literal['fast', 'slow'] | None = setting(default='slow')",
    ):
        assert f"    {line}\n" in schema
    assert_no_canary(run(folder, "estate", "docs", "--format", "html"), PLAIN)


def test_from_a_settings_file_of_dynaconf_which_then_serves_development(folder: Path) -> None:
    (folder / "settings.toml").write_text(DYNACONF, "utf-8")
    run(folder, "estate", "init", "--from", "settings.toml")
    schema = works(folder)
    for line in (
        "debug: bool = setting()",
        'database_password: SecretStr = secret(dynaconf="database.password")',
        'database_brokers: list[str] = secret(dynaconf="database.brokers")',
        "workers: int = setting()",
    ):
        assert f"    {line}\n" in schema
    assert 'files = ["settings.toml"]' in (folder / "estate.toml").read_text("utf-8")


def test_what_was_written_for_machines(folder: Path) -> None:
    document = json.loads(run(folder, "estate", "init", "--format", "json"))
    assert document["ok"]
    assert sorted(document["files"]) == sorted(path.name for path in folder.iterdir() if path.is_file())
    assert document["settings"] > document["secrets"] > 0
    again = json.loads(run(folder, "estate", "init", "--format", "json", exit_code=1))
    assert not again["ok"]
    assert "is there already" in again["message"]


def test_nothing_is_written_over_what_is_there(folder: Path) -> None:
    (folder / "estate.toml").write_text("mine", "utf-8")
    assert "estate.toml is there already" in run(folder, "estate", "init", exit_code=1)
    assert [path.name for path in folder.iterdir()] == ["estate.toml"]
    assert (folder / "estate.toml").read_text("utf-8") == "mine"


@pytest.mark.parametrize("name", ["3d-render", "7"])
def test_a_folder_whose_name_begins_with_a_digit_is_a_service_too(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    run(tmp_path / name, "estate", "init")
    works(tmp_path / name)


def test_a_package_that_would_be_imported_in_place_of_the_schema_is_in_the_way(folder: Path) -> None:
    (folder / "settings").mkdir()
    (folder / "settings" / "__init__.py").touch()
    assert "settings/__init__.py is there already" in run(folder, "estate", "init", exit_code=1)
    assert [path.name for path in folder.iterdir()] == ["settings"]


def test_what_was_written_before_a_failure_is_taken_back(folder: Path) -> None:
    (folder / "broken.py").write_text(BROKEN, "utf-8")
    told = run(folder, "estate", "init", "--from", "broken:Broken", exit_code=1)
    assert "the schema that was drafted cannot be used, and is taken back: " in told
    assert {path.name for path in folder.iterdir()} <= {"broken.py", "__pycache__"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("gone.env", "cannot be read (FileNotFoundError)"),
        ("empty.env", "has no setting to begin with"),
        (
            "nowhere:Class",
            "there is no module nowhere\n  fix  run estate in the folder that it is in, or correct its name",
        ),
        (
            "needy:Class",
            "needy cannot be imported: ModuleNotFoundError in needy.py:1\n  fix  pip install what has the mod",
        ),
        ("json:Class", "has no class Class of pydantic-settings"),
        ("bad.toml", "cannot be read by dynaconf"),
        ("latin.env", "cannot be read (UnicodeDecodeError)"),
        ("lines.env", "lines.env:2 is no NAME=VALUE"),
        ("two.env", "two.env:2 is no NAME=VALUE; a value of several lines needs quotes"),
        ("one.env", "one.env:2 is no NAME=VALUE"),
        ("short.env", "short.env:2 is no NAME=VALUE"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_written(folder: Path, source: str, words: str) -> None:
    (folder / "bad.toml").write_text(f'password = "{PLAIN}', "utf-8")
    (folder / "latin.env").write_bytes(b"A=\xff")
    (folder / "empty.env").write_text("# nothing yet\n", "utf-8")
    (folder / "lines.env").write_text(f"PRIVATE_KEY=-----BEGIN\n{PLAIN}\n{PLAIN}==\n", "utf-8")
    (folder / "two.env").write_text(f"JWT_SECRET={PLAIN}\n{PLAIN}==\n", "utf-8")
    (folder / "one.env").write_text(f"JWT_SECRET={PLAIN}\n{PLAIN}=\n", "utf-8")
    (folder / "short.env").write_text(f"JWT_SECRET={PLAIN}\na+/= \n", "utf-8")
    (folder / "needy.py").write_text("import nobodys_module", "utf-8")
    before = set(folder.iterdir())
    assert words in run(folder, "estate", "init", "--from", source, exit_code=1)
    assert set(folder.iterdir()) - before <= {folder / "__pycache__"}


def test_one_field_is_not_called_many(folder: Path) -> None:
    (folder / "one.env").write_text("WORKERS=2\n", "utf-8")
    assert "\n1 field from one.env, 0 of them secret\n" in run(folder, "estate", "init", "--from", "one.env")


def test_a_variable_that_is_empty_is_a_setting_whatever_its_letters(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_PASSWORD=\napiKey=\ngoogleApplicationCredentials=''\nSIGN='='\n", "utf-8")
    names = [draft.field for draft in from_dotenv(tmp_path / ".env")]
    assert names == ["database_password", "apikey", "googleapplicationcredentials", "sign"]


@given(st.text(min_size=1))
def test_any_variable_has_a_name_that_a_field_may_have(variable: str) -> None:
    name = field_name(variable)
    assert name.isidentifier()
    assert not hasattr(Settings, name)
    assert not name.startswith(("_", "model_"))


@given(st.text(), st.text() | st.integers() | st.booleans() | st.lists(st.text()) | st.floats())
def test_no_draft_holds_the_value(variable: str, value: object) -> None:
    drafted = guessed("X" + variable, [PLAIN, value] if isinstance(value, list) else f"{PLAIN}{value}")
    assert_no_canary(repr(drafted), PLAIN)
