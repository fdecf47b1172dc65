"""Whatever the order of faults, events and rotations: `settings` is one validated version, and none goes back."""

from __future__ import annotations

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from pydantic import model_validator

from estate_config import (
    Code,
    Settings,
    explain,
    health,
    lazy,
    load,
    on_change,
    refresh,
    retry_on_rejected,
    secret,
    snapshot,
)
from estate_config.live.turn import Turn
from estate_config.model import Failed
from tests.doubles import estate, spec_of
from tests.live.conftest import offers_of
from tests.live.doubles import UNREACHABLE, TellingStore
from tests.unit.conftest import offered

NAMES = ("user", "password", "token")


class Service(Settings):
    user: str = secret("user")
    password: str = secret("password")
    token: str = secret("token")

    @model_validator(mode="after")
    def _belong_together(self) -> Service:
        if self.user != self.password:
            raise ValueError("user and password are not of one version")
        return self


class Life(RuleBasedStateMachine):
    """A service, its store, and everything that may happen to them, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("estate_config.live.turn._ANNOUNCED", 0.0)  # it comes at once, or with the next look
        self.store = TellingStore(user="0", password="0", token="0")
        offered(self.patch, spec_of("store", self.store, offers=offers_of(self.store)))
        self.settings = load(lazy(Service), config=estate("store"))
        self.turn = Turn(self.settings, every=1000)
        self.number = 0
        self.highest: dict[str, int] = dict.fromkeys(NAMES, 0)
        self.called: list[Service] = []
        for name in NAMES:
            on_change(self.settings, name, self.called.append)
        self.shown = [snapshot(self.settings)]

    def teardown(self) -> None:
        self.patch.undo()

    # --- what happens to the store -----------------------------------------------------------------------------------

    @rule()
    def rotate(self) -> None:
        self.number += 1
        self.store.put("user", str(self.number))
        self.store.put("password", str(self.number))

    @rule()
    def rotate_half(self) -> None:
        self.number += 1
        self.store.put("user", str(self.number))

    @rule()
    def put_token(self) -> None:
        self.number += 1
        self.store.put("token", str(self.number))

    @rule(name=st.sampled_from(NAMES))
    def show_an_old_version(self, name: str) -> None:
        self.store.go_back(name)

    @rule(name=st.sampled_from(NAMES), code=st.sampled_from([Code.DENIED, Code.DELETED, Code.THROTTLED, Code.KMS]))
    def fail(self, name: str, code: Code) -> None:
        self.store.failing[name] = Failed(code, "is not to be had")

    @rule(name=st.sampled_from(NAMES))
    def lose(self, name: str) -> None:
        self.store.current.pop(name, None)

    @rule()
    def heal(self) -> None:
        self.store.failing.clear()
        self.store.down = None

    @rule()
    def go_down(self) -> None:
        self.store.down = UNREACHABLE

    # --- what the service does ---------------------------------------------------------------------------------------

    @rule(fields=st.lists(st.sampled_from(NAMES), unique=True))
    def refresh(self, fields: list[str]) -> None:
        done = refresh(self.settings, *fields)
        assert not (done.refused and done.changed)

    @rule()
    def look(self) -> None:
        self.turn.take()
        for circuit in self.turn.looks.values():
            circuit.due = 0
        self.turn.take()

    @rule(name=st.sampled_from(NAMES))
    def hear(self, name: str) -> None:
        version = self.store.current.get(name)
        if version is not None and version.number >= self.highest[name] and self.store.down is None:
            self.turn.take()
            self.store.news.put({name: version.name})
            self.turn.listen(1, 1)

    @rule(name=st.sampled_from(NAMES))
    def be_rejected(self, name: str) -> None:
        retry = retry_on_rejected(self.settings, name, exceptions=(OSError,), every=0.0)
        before = snapshot(self.settings)
        assert retry.renewed(before) == (getattr(self.settings, name) != getattr(before, name))

    @rule()
    def settle(self) -> None:
        self.heal()
        self.rotate()
        self.put_token()
        refresh(self.settings)
        assert not health(self.settings).degraded
        assert {name: getattr(self.settings, name) for name in NAMES} == {
            name: self.store.current[name].value for name in NAMES
        }

    # --- what is always so -------------------------------------------------------------------------------------------

    @invariant()
    def it_is_one_validated_version(self) -> None:
        assert self.settings.user == self.settings.password
        assert snapshot(self.settings) == self.settings

    @invariant()
    def versions_never_go_back(self) -> None:
        for name in NAMES:
            version = explain(self.settings)[name].version
            assert version is not None
            number = int(version.removeprefix("v"))
            assert number >= self.highest[name]
            self.highest[name] = number

    @invariant()
    def everyone_has_heard_of_every_version_in_order(self) -> None:
        now = snapshot(self.settings)
        heard = list({id(one): one for one in self.called}.values())
        assert not heard or heard[-1] is now
        if now is not self.shown[-1]:
            self.shown.append(now)
            assert heard[-1] is now


Life.TestCase.settings = profile(max_examples=100, stateful_step_count=30)
TestLife = Life.TestCase
