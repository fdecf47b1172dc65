"""What the watching thread does for one instance: looks, listens, renews, each provider at its own time.

It has providers of its own to look and to listen with, so that nobody closes them under it; leases are renewed on the
providers that fetched the values.
"""

from __future__ import annotations

import contextvars
import logging
import time
from collections.abc import Mapping

from estate_config.chains import chain_of
from estate_config.contract import Leased, Watcher
from estate_config.errors import Code, ProviderError
from estate_config.jitter import between
from estate_config.live.changes import call_back
from estate_config.live.circuit import Circuit
from estate_config.live.glancing import Glance, glance
from estate_config.live.keeping import keep_current
from estate_config.live.refreshing import Allowed, Refreshed, renewed
from estate_config.live.state import state_of
from estate_config.loading import close_all
from estate_config.model import Deadline, Key, Notice, Renewal
from estate_config.provenance import Record
from estate_config.redaction import where
from estate_config.resolve import Link
from estate_config.schema import Setting
from estate_config.settings import Settings, record_of

log = logging.getLogger("estate_config")

_SLICE = 5.0
"""Seconds of listening before looking up: whether it is to end, and whether a look is due."""
_ANNOUNCED = 10.0
"""Seconds that an announced version is waited for: every operation of Secrets Manager is eventually consistent."""
_FIRST_AGAIN = 0.1
"""Seconds, about, before it is read for the second time."""
_RENEWING = 10.0
"""Seconds that a round of renewals may take."""
_NEVER = 3600.0


def _half_of_max_stale(cls: type[Settings]) -> list[float]:
    """A value is confirmed before it is STALE, also if one look fails."""
    limits = [item.declaration.max_stale for item in cls.__estate_settings__]
    return [limit.total_seconds() / 2 for limit in limits if limit is not None]


class Turn:
    """The looking after one instance."""

    def __init__(self, instance: Settings, every: float) -> None:
        self.instance = instance
        self.every = self.wanted = every = min([every, *_half_of_max_stale(type(instance))])
        self.looks: dict[str, Circuit] = {}
        self.renewals: dict[str, Circuit] = {}
        self.ears: dict[str, Circuit] = {}
        self.away: dict[str, str] = {}
        """Why a provider cannot be looked at, by its name: it is away, or says no to everything."""
        self.notices: dict[str, tuple[Notice, ...]] = {}
        """What went wrong when leases were last renewed, by provider."""
        self.deaf: set[str] = set()
        """Providers that nobody tells anything."""
        self.awaited: dict[str, str | None] = {}
        """Versions that were announced and are not there yet, by field."""
        self.awaited_until, self.awaiting = Deadline(0), Circuit(_ANNOUNCED)
        self.leased: Record | None = None
        """The version of which all that is leased has its time to be renewed."""
        self.is_child = False
        self.context = contextvars.copy_context()
        """Of who asked: with its swaps, if it is a test."""
        self.links = self._chain()
        self.first = time.monotonic() + every * between(0.5, 1.0)  # not all of a fleet at once

    def due(self) -> float:
        """Return when something is to be done, on the monotonic clock."""
        ears = [ear for name, ear in self.ears.items() if name not in self.deaf and ear.failures and not ear.is_due()]
        awaiting = [self.awaiting] if self.awaited else []
        circuits = [*self.looks.values(), *self.renewals.values(), *ears, *awaiting]
        return min((one.due for one in circuits), default=time.monotonic() + self.every)

    def take(self) -> None:
        """Do what is due."""
        if self.is_child:
            self._start_as_child()
        if self.wanted != self.every:
            self.every, self.looks, self.first = self.wanted, {}, time.monotonic()
        self._prepare()
        self._renew()
        self._read_announced()
        self._look()
        self._notice_leases()

    def troubles(self) -> list[str]:
        """Return what the last looks and renewals could not do, and why."""
        unseen = [f"{name} cannot be looked at for new values: {why}" for name, why in dict(self.away).items()]
        noticed = [notice for notices in dict(self.notices).values() for notice in notices]
        return [*unseen, *(f"{notice.code} {notice.place}: {notice.message}" for notice in noticed)]

    def stumbled(self) -> None:
        """Come again later: something went wrong that nobody thought of."""
        for circuit in (*self.looks.values(), *self.renewals.values(), *self.ears.values()):
            if circuit.is_due():
                circuit.failed()

    def after_fork(self) -> None:
        """In a forked child: leases and logins are the parent's, and so is the time to look."""
        self.is_child = True
        self.context = self.context.copy()  # the fork may have come while it was in use

    # --- who is to be looked at --------------------------------------------------------------------------------------

    def _record(self) -> Record:
        record = record_of(self.instance)
        assert record is not None and record.chain is not None  # noqa: S101, PT018 - watch() has loaded it
        return record

    def _chain(self) -> tuple[Link, ...]:
        record = self._record()
        return chain_of(type(self.instance), record.asked_environment, record.asked_config).links

    def _prepare(self) -> None:
        for link in self.links:
            if link.name not in self.looks:
                self.looks[link.name] = Circuit(self.every)
                self.looks[link.name].due = self.first
            if Leased in link.spec.offers and link.name not in self.renewals:
                self.renewals[link.name] = Circuit(_NEVER)
            if Watcher in link.spec.offers and link.name not in self.ears:
                self.ears[link.name] = Circuit(self.every)

    def _settings(self) -> list[Setting]:
        by_hand = {"override", "template"}
        settings = self._record().settings
        return [
            item
            for item in type(self.instance).__estate_settings__
            if item.declaration.live and settings[item.field].provider not in by_hand
        ]

    def _start_as_child(self) -> None:
        """Make providers of this process, read anew what ends with the parent's leases, and tell what is not told."""
        self.links = self._chain()
        leased = [link.name for link in self.links if Leased in link.spec.offers]
        fields = [name for name, item in self._record().settings.items() if item.provider in leased]
        self.looks, self.renewals, self.ears, self.away, self.notices = {}, {}, {}, {}, {}
        self.first = time.monotonic() + self.every * between(0, 1)  # as above
        if fields:
            renewed(self.instance, fields, Allowed())
        call_back(state_of(self.instance))
        self.is_child = False  # last: what could not be done is tried again

    # --- looking -----------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        links = [link for link in self.links if self.looks[link.name].is_due()]
        if not links:
            return
        record = self._record()
        deadline = Deadline(record.chain.deadline if record.chain else 0)
        seen = glance(record, self._settings(), links, deadline)
        close_all(links)
        for name, one in seen.items():
            self._noted(name, one)
        state = state_of(self.instance)
        again = self._answered_again(seen)  # a look at its version does not say that it can be read
        state.confirm(name for one in seen.values() for name in one.same - again)
        moved = {name for one in seen.values() for name in one.moved} | again
        moved |= state.refused_for | state.untaken  # it may have been taken back, or be valid by now
        if moved:
            log.debug("%s may have new values: %s", record.info.service, ", ".join(sorted(moved)))
            renewed(self.instance, moved, Allowed())
        else:
            keep_current(self.instance, state, changed=False)

    def _noted(self, name: str, seen: Glance) -> None:
        circuit = self.looks[name]
        if not seen.trouble:
            circuit.answered()
            self.away.pop(name, None)
            return
        if not circuit.failures:
            log.warning("%s cannot be looked at for new values, which is tried again: %s", name, seen.trouble)
        circuit.failed()
        self.away[name] = seen.trouble

    def _answered_again(self, seen: Mapping[str, Glance]) -> set[str]:
        """Return the fields that could not be read from a provider which answers now, be it that it has no value."""
        answering = {name for name, one in seen.items() if not one.trouble}
        return {
            name
            for name, problem in state_of(self.instance).failing.items()
            if any(step.provider in answering and step.outcome == problem.code for step in problem.places)
        }

    # --- listening ---------------------------------------------------------------------------------------------------

    def listens(self) -> bool:
        """Whether any provider may be told of changes now."""
        return any(name not in self.deaf and ear.is_due() for name, ear in self.ears.items())

    def listen(self, seconds: float, listeners: int) -> None:
        """Wait for news, no longer than a slice; read what is new."""
        for link in self.links:
            if link.name in self.ears and link.name not in self.deaf and self.ears[link.name].is_due():
                self._hear(link, Deadline(min(seconds, _SLICE / listeners)))

    def _hear(self, link: Link, deadline: Deadline) -> None:
        provider, ear = link.provider, self.ears[link.name]
        served = [item for item in self._settings() if self._record().settings[item.field].provider == link.name]
        fields = {link.key(item): item.field for item in served}
        if not isinstance(provider, Watcher):
            self.deaf.add(link.name)
            return
        try:
            said = provider.changes(list(fields), deadline)
            news = None if said is None else dict(said)
        except ProviderError as error:
            trouble = f"{error.code} {error.hint}"
        except Exception as error:  # noqa: BLE001 - a stranger's provider may raise anything
            trouble = f"raised {type(error).__name__} in {where(error)}"
        else:
            ear.failures = 0
            if news is None:
                self.deaf.add(link.name)
            elif news:
                self._announced({fields[key]: version for key, version in news.items() if key in fields})
            return
        if not ear.failures:
            log.warning("%s cannot listen for changes, and is looked at as usual: %s", link.name, trouble)
        ear.failed()

    def _announced(self, expected: Mapping[str, str | None]) -> None:
        """Read what was announced, now and again until that version is there; others are heard meanwhile."""
        self.awaited |= expected
        self.awaited_until, self.awaiting = Deadline(_ANNOUNCED), Circuit(_ANNOUNCED, first=_FIRST_AGAIN)
        self._read_announced()

    def _read_announced(self) -> None:
        """Read what is awaited; what is there, or over since there is a newer one, is awaited no longer."""
        if not self.awaited or not self.awaiting.is_due():
            return
        self.awaiting.failed()  # until it is there
        expected, open_fields = self.awaited, self._not_yet(self.awaited)
        state_of(self.instance).confirm(name for name in expected if name not in open_fields)
        before = self._record().settings
        done = renewed(self.instance, open_fields, Allowed(versions=expected)) if open_fields else Refreshed()
        over = {problem.field for problem in done.problems if problem.code is Code.STALE}
        over |= {name for name, item in self._record().settings.items() if item.version != before[name].version}
        left = [name for name in self._not_yet(expected) if name not in over and expected[name] is not None]
        if left and not self.awaited_until.remaining():
            log.warning("the version that was announced is not there yet: %s", ", ".join(left))
            left = []
        self.awaited = {name: expected[name] for name in left}

    def _not_yet(self, expected: Mapping[str, str | None]) -> list[str]:
        settings = self._record().settings
        return [name for name, version in expected.items() if version is None or settings[name].version != version]

    # --- leases ------------------------------------------------------------------------------------------------------

    def _notice_leases(self) -> None:
        """A new version may have a lease that ends before the next round."""
        if self._record() is not self.leased:
            for circuit in self.renewals.values():
                circuit.due = circuit.due if circuit.failures else min(circuit.due, time.monotonic())

    def _renew(self) -> None:
        self._notice_leases()
        chain = self._record().chain
        for link in () if chain is None else chain.links:
            circuit = self.renewals.get(link.name)
            provider = link.provider
            if circuit is None or not circuit.is_due():
                continue
            if not isinstance(provider, Leased):
                del self.renewals[link.name]
                continue
            said: object = None
            try:
                said = provider.renew(Deadline(_RENEWING))
                trouble = f"answered with a {type(said).__name__}"
            except Exception as error:  # noqa: BLE001 - a stranger's provider may raise anything
                trouble = f"raised {type(error).__name__} in {where(error)}"
            if isinstance(said, Renewal):
                self._renewed(link, said)
                continue
            if not circuit.failures:
                log.warning("%s cannot renew its leases: %s", link.name, trouble)
            self.notices[link.name] = (Notice(Code.PLUGIN, link.name, f"cannot renew its leases: {trouble}"),)
            circuit.failed()
        self.leased = self._record()

    def _renewed(self, link: Link, said: Renewal) -> None:
        known = {(notice.code, notice.place) for notice in self.notices.get(link.name, ())}
        self.notices[link.name] = said.notices
        for notice in said.notices:
            if (notice.code, notice.place) in known:
                continue
            mended = f"; {' or '.join(notice.fix.splitlines())}" if notice.fix else ""
            log.warning("%s %s: %s%s", notice.code, notice.place, notice.message, mended)
        circuit = self.renewals[link.name]
        circuit.failures = 0
        circuit.due = time.monotonic() + min(self.every, _NEVER if said.seconds is None else said.seconds)
        fields = self._fields(link, said.ending)
        if fields:
            done = renewed(self.instance, fields, Allowed())
            # What was leased anew has a time of its own.
            circuit.due = time.monotonic() + (0.0 if done.changed else 1.0)

    def _fields(self, link: Link, keys: tuple[Key, ...]) -> list[str]:
        """Return which of the keys are of fields that may change: one that is pinned stays, though its lease ends."""
        named = {link.key(item): item.field for item in self._settings()}
        return [named[key] for key in keys if key in named]
