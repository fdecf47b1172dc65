"""What is generated, and what is refused since TypeScript has no like of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field, Json, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from estate_config import ConfigurationError, Settings, environments, secret, setting
from estate_config.errors import Code
from estate_config.generate.catalogue import catalogue_of
from estate_config.generate.files import RefusedError
from estate_config.generate.typescript import runtime, typescript
from tests.generate.typescript.nodejs import MARK
from tests.generate.typescript.schemas import SCHEMAS, Laptop
from tests.leaks import PLAIN, assert_no_canary

ENV: Mapping[str, Any] = {"environments": {"production": {"chain": ["env"]}}, "default_environment": "production"}


def generated(service: type[Settings], table: Mapping[str, Any] = ENV) -> str:
    return typescript(catalogue_of(environments.read(table), {"service": service}), MARK)


def one_field(annotation: Any, default: Any = ...) -> type[Settings]:
    namespace = {"__annotations__": {"field": annotation}, "__module__": __name__}
    if default is not ...:
        namespace["field"] = default
    return type("Service", (Settings,), namespace)


class Recursive(BaseModel):
    """A model in which values are changed."""

    name: str

    @field_validator("name")
    @classmethod
    def lower(cls, name: str) -> str:
        return name.lower()


class Aliased(BaseModel):
    name: str = Field(alias="Name")


def upper(text: str) -> str:
    return text.upper()


REFUSED: dict[str, tuple[type[Settings], str]] = {
    "a type": (one_field(Decimal), "the type Decimal has no like"),
    "a union": (one_field(int | str), "the type int or str has no like"),
    "a list of anything": (one_field(list), "list does not say what is in it"),
    "a tuple of parts": (one_field(tuple[int, str]), "does not say what is in it, or has parts of its own"),
    "numbers to choose from": (one_field(Literal[1, 2]), "allows other values than texts"),
    "a mapping by numbers": (one_field(dict[int, str]), "does not say what is in it, by texts"),
    "durations in a list": (one_field(list[timedelta]), "a duration inside of another type"),
    "a validator of a type": (one_field(Annotated[str, AfterValidator(upper)]), "func= of str has no like"),
    "a strict number": (one_field(Annotated[int, Field(strict=True)]), "strict= of int has no like"),
    "JSON in a text": (one_field(Json[list[int]]), "has no like"),
    "a pattern with flags": (one_field(Annotated[str, Field(pattern=r"(?i)a")]), "its pattern is one that JavaScript"),
    "a pattern of Python": (one_field(Annotated[str, Field(pattern=r"\Aa\z")]), "its pattern is one that JavaScript"),
    "a model with a validator": (one_field(Recursive, secret()), "Recursive.lower is a validator in Python"),
    "a model with other names": (one_field(list[Aliased]), "Aliased.name has an alias"),
    "a default made by code": (one_field(str, setting(default_factory=str)), "its default is made by a function"),
    "a default of a secret": (one_field(str, secret(default=PLAIN)), "its default is a secret's"),
    "a default that is not valid": (one_field(int, setting(default=PLAIN)), "its default is not valid"),
    "a default of None, not allowed": (one_field(int, setting(default=None)), "its default is not valid"),
    "a secret's None, not allowed": (one_field(SecretStr, secret(default=None)), "its default is not valid"),
    "a nested secret's default": (
        one_field(Laptop.model_fields["rds"].annotation, setting(default={})),
        "is a secret's",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_like_in_typescript_is_a_schema_problem_of_its_field(name: str) -> None:
    service, words = REFUSED[name]
    with pytest.raises(ConfigurationError) as caught:
        generated(service)
    (problem,) = caught.value.problems
    assert (problem.field, problem.code) == ("field", Code.SCHEMA)
    assert words in problem.message
    assert problem.fix
    assert_no_canary(str(caught.value), PLAIN)


class Checked(Settings):
    """With three things that only Python can do."""

    model_config = SettingsConfigDict(str_strip_whitespace=True)

    low: int = 1
    high: Decimal = Decimal(1)

    @model_validator(mode="after")
    def in_order(self) -> Checked:
        return self


class Sourced(Settings):
    name: str = "a"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (env_settings,)


def test_all_that_is_refused_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        generated(Checked)
    assert [(problem.field, problem.message.split()[0]) for problem in caught.value.problems] == [
        ("", "Checked.in_order"),
        ("", "str_strip_whitespace"),
        ("high", "the"),
    ]
    with pytest.raises(ConfigurationError, match="settings_customise_sources"):
        generated(Sourced)


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        (
            {"chain": ["env", "keyring"]},
            r"\[environments.production\] asks keyring, and in TypeScript there are only env",
        ),
        (
            {"chain": ["aws"], "providers": {"aws": {"role_arn": "arn:aws:iam::123456789012:role/estate"}}},
            "asks aws with role_arn =, which TypeScript does not know",
        ),
    ],
)
def test_what_a_chain_asks_for_and_typescript_has_not_is_a_schema_problem(provider: dict[str, Any], words: str) -> None:
    table = {"environments": {"production": provider}}
    with pytest.raises(ConfigurationError, match=words) as caught:
        generated(one_field(str), table)
    assert [problem.code for problem in caught.value.problems] == [Code.SCHEMA]


def test_what_only_a_live_service_in_python_does_is_left_out_and_the_first_region_is_asked() -> None:
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/changes"
    aws = {"regions": ["eu-west-1", "us-east-1"], "replica_regions": ["eu-north-1"], "events_queue_url": queue}
    text = generated(one_field(str), {"environments": {"production": {"chain": ["aws"], "providers": {"aws": aws}}}})
    assert "region: 'eu-west-1'" in text
    assert not re.search("regions|us-east-1|eu-north-1|queue", text)


def test_it_is_that_of_one_service() -> None:
    catalogue = catalogue_of(environments.read(ENV), {"one": one_field(str), "two": one_field(int)})
    with pytest.raises(RefusedError, match="one, two"):
        typescript(catalogue, MARK)


class Example(Settings):
    """Signs people in."""

    jwt_secret: Annotated[str, Field(min_length=32)] = secret(
        "jwt/secret", description="Signs */ tokens.", owner="backend", rotates=timedelta(days=90)
    )
    lifetime: timedelta = setting(default=timedelta(hours=1))
    regions: list[Literal["north", "south"]] = setting(default=["north"])
    sentry: SecretStr | None = secret("sentry/dsn", default=None)


def test_it_reads_like_the_schema() -> None:
    text = generated(Example)
    assert f"// {MARK}\n" in text
    assert (
        """\
/** Signs people in. */
export interface Secrets {
  /** Signs *\\/ tokens: `jwt/secret`, secret, of backend, rotates every 90d. */
  readonly jwt_secret: string;
  /** `lifetime`, in milliseconds. */
  readonly lifetime: number;
  /** `regions`. */
  readonly regions: readonly ('north' | 'south')[];
  /** `sentry/dsn`, secret. */
  readonly sentry: string | null;
}

const type: z.ZodType<Secrets> = z.object({
  jwt_secret: t.text({ min: 32 }),
  lifetime: t.duration().default(3600000),
  regions: t.list(z.array(t.oneOf('north', 'south'))).default(['north']),
  sentry: t.text().nullable().default(null),
});
"""
        in text
    )


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_the_same_every_time_and_on_every_machine(name: str) -> None:
    program = f"""
from estate_config import environments
from estate_config.generate.catalogue import catalogue_of
from estate_config.generate.typescript import typescript
from tests.generate.typescript.schemas import SCHEMAS
service, table = SCHEMAS[{name!r}]
print(typescript(catalogue_of(environments.read(table), {{"service": service}}), ""), end="")
"""
    root = Path(__file__).parents[3]
    paths = os.pathsep.join(map(str, (root, root / "examples" / "estate")))
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": paths, "PYTHONHASHSEED": seed, "PATH": os.defpath},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for seed, folder in (("1", root), ("2", "/"))
    }
    assert len(outputs) == 1
    assert str(root) not in outputs.pop()


def test_the_files_beside_it_are_the_same_for_every_service() -> None:
    files = runtime(MARK)
    assert all(text.startswith(f"// {MARK}\n") and len(text.splitlines()) < 400 for text in files.values())
    assert {Path(name).parent.name for name in files} == {"estate-config"}


def test_the_command_writes_all_of_them_and_finds_what_was_changed_by_hand(tmp_path: Path) -> None:
    (tmp_path / "estate.toml").write_text(
        'default_environment = "development"\n[services]\napi = "settings:Api"\n'
        '[environments.development]\nchain = ["env", "dotenv"]\n'
    )
    (tmp_path / "settings.py").write_text(
        "from estate_config import Settings, secret\n\n\nclass Api(Settings):\n    key: str = secret('api/key')\n"
    )
    (tmp_path / "src").mkdir()

    def estate(*words: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).parent / "estate"
        command = [str(program), "generate", "typescript", *words, "--out", "src/secrets.ts"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert estate("--check").returncode == 1
    written = estate()
    assert written.returncode == 0, written.stderr
    assert "wrote src/secrets.ts and 11 beside it: 1 service, 1 setting, 1 secret" in written.stdout
    assert len(list((tmp_path / "src" / "estate-config").glob("*.ts"))) == 11
    assert estate("--check").returncode == 0
    beside = tmp_path / "src" / "estate-config" / "aws.ts"
    beside.write_text(beside.read_text() + "// changed by hand\n")
    (tmp_path / "src" / "estate-config" / "load.ts").unlink()
    checked = estate("--check")
    assert checked.returncode == 1
    assert "-// changed by hand" in checked.stdout
    assert "load.ts is not there" in checked.stdout
    assert "estate generate typescript --out src/secrets.ts" in checked.stdout
    assert estate().returncode == 0
    assert estate("--check").returncode == 0
    beside.write_text("// somebody's own\n")
    refused = estate()
    assert refused.returncode == 1
    assert "estate did not make it" in refused.stderr
