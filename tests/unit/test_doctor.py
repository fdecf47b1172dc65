"""How things stand with the secrets of a service, without a value being read where the store is remote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from estate_config import Code, Settings, secret, setting
from estate_config.contract import Prober
from estate_config.doctor import Diagnosis, diagnosed
from estate_config.environments import read
from estate_config.model import Deadline, Failed, Key, Notice, Status
from tests.doubles import Shelf, estate, spec_of
from tests.unit.conftest import Offer

CHANGED = datetime(2026, 1, 2, tzinfo=UTC)


class Service(Settings):
    token: str = secret("token")
    password: str = secret("rds/password")
    host: str = setting(default="localhost")
    url: str = secret("database/url", template="postgresql://app:{password}@{host}/db")
    maybe: str = secret("maybe", default="x")
    mode: str = setting(default="fast")


class Vault(Shelf):
    """Tells how things stand, and fails the test that makes it read."""

    def __init__(self, statuses: Mapping[str, Status | Failed]) -> None:
        super().__init__("vault")
        self.statuses = statuses

    def probe(self, keys: Sequence[Key], deadline: Deadline) -> Mapping[Key, Status | Failed]:
        return {key: self.statuses[key.name] for key in keys if key.name in self.statuses}

    def fetch(self, keys: Sequence[Key], deadline: Deadline) -> Any:
        raise AssertionError("a value was read")


def status(place: str, **words: Any) -> Status:
    return Status(place, **{"version": "v1", "changed_at": CHANGED, **words})


def diagnosis_of(offer: Offer, statuses: Mapping[str, Status | Failed], **local: object) -> Diagnosis:
    offer(spec_of("local", Shelf("local", local)))
    vault = Vault(statuses)
    offer(spec_of("vault", vault, offers=(Prober,), remote=True))
    found = read(estate("local", "vault"))
    diagnosis = diagnosed(Service, found, found.choose())
    assert vault.closed
    return diagnosis


def outcomes(diagnosis: Diagnosis) -> dict[str, tuple[str, str]]:
    return {item.field: (item.outcome, item.provider) for item in diagnosis.findings}


def test_what_is_there_is_found_with_its_version_and_nothing_is_read(offer: Offer) -> None:
    diagnosis = diagnosis_of(offer, {"rds/password": status("estate/rds/password")}, token="canary-value-1")
    assert outcomes(diagnosis) == {
        "token": ("found", "local"),
        "password": ("found", "vault"),
        "url": ("template", ""),
        "maybe": ("default", "vault"),
    }
    assert not diagnosis.problems
    password = diagnosis.findings[1]
    assert (password.place, password.version, password.changed_at) == ("estate/rds/password", "v1", CHANGED)
    shown = json.dumps([item.as_json() for item in diagnosis.findings])
    assert CHANGED.isoformat() in shown
    assert "canary" not in shown + repr(diagnosis)


def test_what_would_stop_the_start_is_a_problem_each_once(offer: Offer) -> None:
    deleted = Failed(Code.DELETED, "is scheduled for deletion", "restore it")
    diagnosis = diagnosis_of(offer, {"rds/password": deleted, "maybe": status("m", may_read=False)}, token="")
    assert {one.field: one.code for one in diagnosis.problems} == {
        "token": Code.EMPTY,
        "password": Code.DELETED,
        "maybe": Code.DENIED,
    }
    assert outcomes(diagnosis)["password"] == ("DELETED", "vault")


def test_absent_is_missing_with_the_places_that_were_asked(offer: Offer) -> None:
    diagnosis = diagnosis_of(offer, {"rds/password": status("p")})
    (problem,) = diagnosis.problems
    assert (problem.field, problem.code) == ("token", Code.MISSING)
    assert [step.provider for step in problem.places] == ["local", "vault"]
    assert outcomes(diagnosis)["token"] == ("absent", "vault")


def test_a_field_that_is_built_from_others_lacks_what_they_lack(offer: Offer) -> None:
    diagnosis = diagnosis_of(offer, {}, token="t")
    assert [one.field for one in diagnosis.problems] == ["password"]


def test_a_failure_of_a_provider_of_this_machine_is_told(offer: Offer) -> None:
    denied = Failed(Code.DENIED, "may not be read", "chmod it")
    diagnosis = diagnosis_of(offer, {"rds/password": status("p")}, token=denied)
    assert [one.code for one in diagnosis.problems] == [Code.DENIED]


def test_what_is_not_as_it_should_be_is_a_warning(offer: Offer) -> None:
    late = Notice(Code.STALE, "p", "its rotation is late", "rotate it")
    diagnosis = diagnosis_of(offer, {"rds/password": status("p", notices=(late,))}, token="t")
    assert diagnosis.findings[1].notices == ("its rotation is late",)
    (warning,) = diagnosis.warnings
    assert (warning.field, warning.code, warning.fix) == ("password", Code.STALE, "rotate it")


def test_a_remote_provider_that_cannot_probe_is_not_asked_for_values(offer: Offer) -> None:
    vault = Vault({})
    offer(spec_of("vault", vault, remote=True))
    found = read(estate("vault"))
    diagnosis = diagnosed(Service, found, found.choose())
    assert {one.code for one in diagnosis.problems} == {Code.UNAVAILABLE}
    assert "without reading its value" in diagnosis.problems[0].message


@pytest.mark.parametrize("answer", [7, None])
def test_a_provider_that_answers_nonsense_is_told(offer: Offer, answer: Any) -> None:
    diagnosis = diagnosis_of(offer, {"token": answer, "rds/password": status("p")})
    assert Code.PLUGIN in {one.code for one in diagnosis.problems}
