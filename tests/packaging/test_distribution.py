"""What users install: built once, put into an environment of its own without extras, and used from another folder."""

from __future__ import annotations

import json
import re
import tarfile
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.packaging.environments import ROOT, Built, Installed

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PROVIDERS: dict[str, str] = PROJECT["entry-points"]["estate_config.providers"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]

pytestmark = pytest.mark.xdist_group("distribution")  # built once, not once a worker


def headers(built: Built) -> str:
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return wheel.read(name).decode().partition("\n\n")[0]


def test_it_is_imported_from_the_wheel_in_any_folder(installed: Installed) -> None:
    file = installed.told("import estate_config; print(estate_config.__file__)")
    assert Path(file).is_relative_to(installed.folder)


def test_every_public_name_is_there(installed: Installed) -> None:
    assert installed.told("import estate_config as e; [getattr(e, name) for name in e.__all__]") == ""


def test_a_schema_loads_with_nothing_but_the_wheel(installed: Installed) -> None:
    code = (
        "from estate_config import Settings, load, secret\n"
        "class AiSettings(Settings):\n"
        "    jwt: str = secret('jwt/secret')\n"
        "print(load(AiSettings, config={'environments': {'e': {'chain': ['fixture']}},"
        " 'providers': {'fixture': {'values': {'jwt': 'made-up'}}}}, environment='e').jwt)"
    )
    assert installed.told(code) == "made-up"


def test_every_provider_is_found_and_its_spec_imports_without_its_sdk(installed: Installed) -> None:
    code = (
        "import json; from estate_config import discovery\n"
        "print(json.dumps({name: discovery.find(name).name for name in discovery.installed()}))"
    )
    assert json.loads(installed.told(code)) == {name: name for name in PROVIDERS}


def test_no_sdk_is_installed_without_extras(installed: Installed) -> None:
    names = [Requirement(line).name for name, lines in EXTRAS.items() if name != "all" for line in lines]
    code = f"from importlib.metadata import distributions as d; print([x.name for x in d() if x.name in {names!r}])"
    assert installed.told(code) == "[]"


def test_the_extra_all_has_every_other_extra() -> None:
    (line,) = EXTRAS["all"]
    assert Requirement(line).extras == set(EXTRAS) - {"all"}


OPTIONS = {
    "azure": {"vault_url": "https://estate.vault.azure.net"},
    "dynaconf": {"files": ["settings.toml"]},
    "gcp": {"project": "estate"},
}
"""What a provider cannot be built without."""


@pytest.mark.parametrize("name", sorted(set(PROVIDERS) & set(EXTRAS)))
def test_a_provider_without_its_sdk_says_what_to_install(installed: Installed, name: str) -> None:
    code = (
        "from estate_config import ConfigurationError, Settings, load, secret\n"
        "class AiSettings(Settings):\n"
        "    jwt: str = secret('jwt/secret')\n"
        "try:\n"
        f"    load(AiSettings, config={{'environments': {{'e': {{'chain': [{name!r}]}}}},"
        f" 'providers': {{{name!r}: {OPTIONS.get(name, {})!r}}}}}, environment='e')\n"
        "except ConfigurationError as error:\n"
        "    (problem,) = error.problems\n"
        "    print(problem.code, problem.field, problem.fix, sep='\\n')\n"
    )
    assert installed.told(code).splitlines() == ["PLUGIN", "jwt", f"pip install 'estate-config[{name}]'"]


@pytest.mark.parametrize("package", ["estate_config", "estate_config_providers"])
def test_both_packages_say_that_they_are_typed(built: Built, package: str) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        assert f"{package}/py.typed" in wheel.namelist()


def test_the_wheel_has_the_two_packages_and_the_licence_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        tops = {name.split("/")[0] for name in wheel.namelist()}
        licences = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    assert {re.sub(r"-.*", "", top) for top in tops} == {"estate_config", "estate_config_providers"}
    assert len(licences) == 1


def test_the_sdist_can_be_tested_and_holds_nothing_private(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "Makefile", "requirements/dev.txt", "LICENSE", "CHANGELOG.md"} <= names
    assert {"tests/packaging/test_distribution.py", "docs/index.md", "examples/estate/estate.toml"} <= names
    assert not [
        name for name in names if re.search(r"(^|/)(\.env(\.(?!example).*)?|\.git|__pycache__|\.venv)(/|$)", name)
    ]


def test_the_metadata_names_no_host_and_no_folder(built: Built) -> None:
    assert "://" not in headers(built)
    requirements = message_from_string(headers(built)).get_all("Requires-Dist") or []
    assert len(requirements) > 3
    assert not [line for line in requirements if Requirement(line).url]


def test_the_locked_requirements_name_no_host_and_no_folder() -> None:
    for line in (ROOT / "requirements" / "dev.txt").read_text("utf-8").splitlines():
        assert re.match(r"([a-z0-9._-]+==|    --hash=sha256:|    # via )", line), line


def test_the_command_line_without_its_extra_says_how_to_install_it(installed: Installed) -> None:
    done = installed.run(installed.folder / "bin" / "estate", "check")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "estate needs the extra cli: pip install 'estate-config[cli]'\n"
