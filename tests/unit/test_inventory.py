"""What providers there are, where from, what they lack, who uses them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from estate_config import Code, discovery
from estate_config.contract import GROUP, Prober, Writer
from estate_config.environments import read
from estate_config.inventory import Entry, inventory
from tests.doubles import Shelf, estate, spec_of
from tests.unit.conftest import Offer

CODE = """
from tests.doubles import Shelf, spec_of

spec = spec_of({name!r}, Shelf({name!r}))
"""

Install = Callable[..., Entry]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """Install the distribution `drawers` 1.2 with one provider, as if there were no other, and return its entry."""

    def installed(*requires: str, name: str = "drawer", extras: str = "", code: str | None = None) -> Entry:
        info = tmp_path / "drawers-1.2.dist-info"
        info.mkdir()
        head = [
            "Metadata-Version: 2.1",
            "Name: drawers",
            "Version: 1.2",
            *(f"Requires-Dist: {one}" for one in requires),
        ]
        (info / "METADATA").write_text("\n".join(head) + "\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = drawers:spec {extras}\n")
        (tmp_path / "drawers.py").write_text(CODE.format(name=name) if code is None else code)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "drawers", raising=False)
        (point,) = distribution("drawers").entry_points
        monkeypatch.setattr(discovery, "installed", lambda: {name: (point,)})
        return entries(estate(name))[name]

    return installed


def entries(table: dict[str, Any]) -> dict[str, Entry]:
    return {entry.name: entry for entry in inventory(read({"environments": {"test": {"chain": ["x"]}}, **table}))}


def test_an_installed_provider_is_described(offer: Offer) -> None:
    offer(spec_of("shelf", Shelf("shelf"), offers=(Writer, Prober)))
    table = {"environments": {"here": {"chain": ["env", "shelf"]}, "there": {"chain": ["shelf"]}}}
    shelf = entries(table)["shelf"]
    assert shelf.environments == ("here", "there")
    assert (shelf.title, shelf.summary, shelf.offers) == ("the shelf", "The shelf.", ("Writer", "Prober"))
    assert (shelf.lacks, shelf.broken) == (None, None)


def test_all_that_come_with_the_package_are_there_and_whole() -> None:
    listed = inventory(read(estate("env")))
    assert [entry.name for entry in listed] == sorted(discovery.installed())
    assert all(entry.distribution.startswith("estate-config ") for entry in listed)
    assert [entry.broken for entry in listed if entry.broken] == []


def test_each_that_has_an_sdk_names_the_extra_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("estate_config.inventory._is_installed", lambda name: False)
    fixes = {entry.name: entry.lacks.fix for entry in inventory(read(estate("env"))) if entry.lacks}
    extras = {name: name for name in ("aws", "azure", "dynaconf", "gcp", "keyring", "vault")}
    assert fixes == {
        name: f"pip install 'estate-config[{extra}]'" for name, extra in {**extras, "parameter_store": "aws"}.items()
    }


def test_a_provider_that_a_chain_names_and_nobody_installed_is_broken() -> None:
    shelf = entries(estate("shlef"))["shlef"]
    assert (shelf.environments, shelf.distribution) == (("here",), "")
    assert shelf.broken is not None
    assert shelf.broken.code is Code.PLUGIN


def test_a_provider_that_cannot_be_imported_is_broken_and_names_its_package(install: Install) -> None:
    drawer = install(code="1/0\n")
    assert drawer.distribution == "drawers 1.2"
    assert drawer.broken is not None
    assert "cannot be imported: ZeroDivisionError" in drawer.broken.message


@pytest.mark.parametrize(
    ("requires", "name", "extras"),
    [
        (["nowhere-to-be-found>=2; extra == 'drawer'", "pytest; extra == 'drawer'"], "drawer", ""),
        (['nowhere-to-be-found[x]>=2 ; python_version > "3" and extra == "drawer"'], "drawer", ""),
        (["nowhere-to-be-found; extra == 'top-drawer'"], "top_drawer", ""),
        (["nowhere-to-be-found; extra == 'wood'"], "drawer", "[wood]"),
    ],
)
def test_what_the_extra_of_a_provider_asks_for_and_is_not_installed_is_lacking(
    install: Install, requires: list[str], name: str, extras: str
) -> None:
    drawer = install(*requires, name=name, extras=extras)
    assert drawer.broken is None
    assert drawer.lacks is not None
    assert drawer.lacks.message == f'the provider "{name}" needs nowhere-to-be-found, which is not installed'
    assert drawer.lacks.fix == f"pip install 'drawers[{extras.strip('[]') or name}]'"


@pytest.mark.parametrize(
    "requires", [[], ["pytest; extra == 'drawer'"], ["nowhere-to-be-found", "nowhere-to-be-found; extra == 'others'"]]
)
def test_what_other_extras_ask_for_is_not_lacking(install: Install, requires: list[str]) -> None:
    assert install(*requires).lacks is None


def test_an_entry_is_ready_for_machines(install: Install) -> None:
    drawer = install("nowhere-to-be-found; extra == 'drawer'").as_json()
    assert json.loads(json.dumps(drawer))["lacks"]["code"] == "PLUGIN"
    assert set(drawer) == {"name", "environments", "distribution", "title", "summary", "offers", "lacks", "broken"}
