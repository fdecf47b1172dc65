"""`estate generate all`: one line in a schema and one command, and every file that follows from it follows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from estate_config.environments import read
from tests.fakes.aws import StrictAws
from tests.leaks import PLAIN, assert_no_canary

ESTATE = Path(__file__).parents[2] / "examples" / "estate"


def estate(folder: Path, *words: str, exit_code: int = 0, variables: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("estate"), *words],
        cwd=folder,
        env={"PATH": str(Path(sys.executable).parent), "PYTHONDONTWRITEBYTECODE": "1", **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert_no_canary(done.stdout + done.stderr, PLAIN)
    return done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The example estate, to be changed."""
    ignored = shutil.ignore_patterns("node_modules", "__pycache__", "dist", ".pytest_cache", ".env")
    return Path(shutil.copytree(ESTATE, tmp_path / "estate", ignore=ignored))


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    with StrictAws() as fake:
        yield fake


def test_the_generated_files_of_the_example_are_what_its_schemas_say() -> None:
    told = estate(ESTATE, "generate", "all", "--check")
    assert told.count("is as it should be") == len(read(ESTATE / "estate.toml").table.generated) > 10


def test_a_commit_of_the_generated_files_passes_the_scan() -> None:
    found = json.loads(estate(ESTATE, "scan", "--no-values", "--format", "json", exit_code=1))["findings"]
    generated = read(ESTATE / "estate.toml").table.generated
    assert [finding for finding in found if finding["file"] in generated] == []


def test_a_new_secret_is_one_line_and_one_command(copy: Path, aws: StrictAws) -> None:
    schema = copy / "services" / "etl" / "settings.py"
    before = schema.read_text("utf-8")
    line = '    maps_api_key: ApiKey = secret("maps/api_key", description="Finds addresses", owner="data")\n'
    after = before.replace("    kreb_base_url:", f"{line}    kreb_base_url:", 1)
    schema.write_text(after, "utf-8")
    assert len(after.splitlines()) == len(before.splitlines()) + 1

    assert "infrastructure/iam.json is not as it should be" in estate(copy, "generate", "all", "--check", exit_code=1)
    estate(copy, "generate", "all")
    estate(copy, "generate", "all", "--check")
    for file in ("docs/settings.md", "docs/settings.html", "infrastructure/iam.json", ".env.example"):
        assert "maps" in (copy / file).read_text("utf-8").lower(), file
    assert "estate/maps/api_key" in (copy / "infrastructure" / "terraform" / "secrets-manager.tf").read_text("utf-8")

    production = {**aws.environment(), "NODE_ENV": "production"}
    names = {"KREB_API_KEY": f"{PLAIN}-1", "RDS_PASSWORD": f"{PLAIN}-2", "DATABASE_URL": f"postgresql://a:{PLAIN}@h/d"}
    dotenv = copy / ".env"
    dotenv.touch(0o600)
    dotenv.write_text("".join(f"{name}={value}\n" for name, value in names.items()), "utf-8")
    push = ("push", "etl", "--from", "dotenv", "--to", "aws", "--env", "production", "--yes")
    assert "missing at the source" in estate(copy, *push, variables=production)
    assert "MISSING  maps_api_key" in estate(copy, "check", "etl", variables=production, exit_code=1)
    dotenv.write_text(dotenv.read_text("utf-8") + f"MAPS_API_KEY={PLAIN}-3\n", "utf-8")
    estate(copy, *push, variables=production)
    assert "etl can start in production" in estate(copy, "check", "etl", variables=production)


def test_a_file_that_cannot_be_made_does_not_hide_the_others(copy: Path) -> None:
    table = (copy / "estate.toml").read_text("utf-8")
    (copy / "estate.toml").write_text(
        table.replace('= "iam"', '= { artefact = "iam", environment = "development" }'), "utf-8"
    )
    told = estate(copy, "generate", "all", "--check", exit_code=1)
    assert "infrastructure/iam.json: no chain has the provider aws" in told
    assert told.count("is as it should be") > 10


def listing(copy: Path, *lines: str) -> None:
    beginning = (copy / "estate.toml").read_text("utf-8").partition("[generated]")[0]
    (copy / "estate.toml").write_text("\n".join([f"{beginning}[generated]", *lines, ""]), "utf-8")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('"a.md" = { artefcat = "markdown" }', 'did you mean "artefact"?'),
        ("", "no file is listed"),
    ],
)
def test_a_list_that_cannot_be_read_is_named(copy: Path, table: str, words: str) -> None:
    listing(copy, table)
    assert words in estate(copy, "generate", "all", exit_code=1)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('"markdwon"', 'there is no artefact "markdwon"; did you mean "markdown"?'),
        ('{ artefact = "markdown", services = ["elt"] }', 'there is no service "elt"; did you mean "etl"?'),
        (
            '{ artefact = "markdown", environment = "prodution" }',
            'there is no environment "prodution"; did you mean "production"?',
        ),
    ],
)
def test_a_name_that_is_not_there_is_a_problem_of_its_file_and_the_others_are_made(
    copy: Path, entry: str, words: str
) -> None:
    listing(copy, f'"a.md" = {entry}', '"b.json" = "iam"')
    told = estate(copy, "generate", "all", exit_code=1)
    assert "a.md cannot be made: 1 problem.\n\nSCHEMA\n" in told
    assert f"estate.toml: generated.a.md: {words}" in told
    assert "wrote b.json" in told
    assert words in estate(copy, "check", "--schema-only", exit_code=1)


def test_what_became_of_the_list_is_a_document_whatever_is_wrong_with_it(copy: Path) -> None:
    listing(copy, '"a.md" = "markdwon"', '"b.json" = "iam"')
    document = json.loads(estate(copy, "generate", "all", "--format", "json", exit_code=1))
    assert document["ok"] is False
    assert [(one["file"], one["state"]) for one in document["files"]] == [("a.md", "refused"), ("b.json", "written")]


def test_a_service_that_cannot_be_used_is_said_once_and_hides_no_file_of_the_others(copy: Path) -> None:
    (copy / "services" / "ai" / "settings.py").write_text("import nowhere_to_be_found\n", "utf-8")
    told = estate(copy, "generate", "all", "--check", exit_code=1)
    assert told.count("nowhere_to_be_found") == 1
    assert "infrastructure/iam.json cannot be made: see above what is wrong with ai\n" in told
    assert "k8s/etl-deployment.yaml is as it should be" in told


def test_what_has_no_equal_in_typescript_is_refused_without_a_word_of_a_start(copy: Path) -> None:
    listing(copy, '"secrets.ts" = { artefact = "typescript", services = ["backend"] }')
    table = (copy / "estate.toml").read_text("utf-8").replace('["env", "aws"]', '["env", "vault"]')
    (copy / "estate.toml").write_text(table, "utf-8")
    told = estate(copy, "generate", "all", exit_code=1)
    assert told.startswith("secrets.ts cannot be made: 1 problem.\n\nSCHEMA\n")
    assert "cannot start" not in told


def test_all_takes_its_files_from_the_list_and_from_nowhere_else() -> None:
    assert "says which files" in estate(ESTATE, "generate", "all", "etl", exit_code=2)
