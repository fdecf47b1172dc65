"""The four steps of a rotation, each of which can be done again, and after which it can be broken off.

What has happened is read from the stages of the secret; nothing is kept anywhere else. Nothing here raises: there are
values in the frames.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar, cast

from estate_config.contract import Prober, Rotator
from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Status
from estate_config.parallel import at_once
from estate_config.redaction import Hidden, where
from estate_config.resolve import Link
from estate_config.rotation.ways import Values, Way

T = TypeVar("T")


class Step(StrEnum):
    """In this order."""

    CREATE = "create"
    SET = "set"
    TEST = "test"
    FINISH = "finish"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What is rotated, where it is, and how."""

    name: str
    environment: str
    link: Link
    key: Key
    way: Way
    admin: Key | None
    hand_over: timedelta
    seconds: float
    """That one step may take."""

    @property
    def rotator(self) -> Rotator:
        return cast("Rotator", self.link.provider)

    @property
    def command(self) -> str:
        """That rotates it."""
        return shlex.join(["estate", "rotate", self.name, "--env", self.environment])

    def at(self, stage: str) -> Key:
        return replace(self.key, stage=stage)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the stages of a secret stand. Ids of versions are no secrets."""

    place: str
    current: str
    pending: str | None
    """The version that waits, be there a value in it or not; None also where it is the current one, or was."""
    previous: str | None
    changed_at: datetime | None
    rotated: bool | None
    """Whether the store has it rotated on a schedule."""


def standing(rotation: Rotation) -> Standing | Failed:
    """Return how the stages stand."""
    keys = [rotation.key, *(rotation.at(stage) for stage in (rotation.rotator.pending, rotation.rotator.previous))]
    prober = cast("Prober", rotation.link.provider)
    asked = _asked(rotation, lambda deadline: prober.probe(keys, deadline))
    if isinstance(asked, Failed):
        return asked
    current, pending, previous = (asked.get(key) for key in keys)
    if current is None:
        return Failed(Code.MISSING, "is not there", rotation.link.provider.locate(rotation.key).fix)
    if isinstance(current, Failed):
        return current
    versions = [one.version if isinstance(one, Status) else None for one in (pending, previous)]
    has_been = versions[0] in (current.version, versions[1])  # finished, and its label was left there
    waiting = None if has_been else versions[0]
    return Standing(current.place, current.version or "", waiting, versions[1], current.changed_at, current.rotated)


def too_early(rotation: Rotation, stands: Standing) -> Failed | None:
    """Return why no new rotation should begin: it would end the time in which the value before is accepted."""
    if stands.pending or not stands.previous or stands.changed_at is None:
        return None
    until = stands.changed_at + rotation.hand_over
    if until <= datetime.now(UTC):
        return None
    hint = f"is in its hand-over: the version before is to be accepted until {until:%Y-%m-%d %H:%M:%S} UTC"
    return Failed(Code.DENIED, hint, f"wait, or end it now: {rotation.command} --now")


def perform(rotation: Rotation, step: Step, version: str, *, seen: str | None = None) -> Failed | None:
    """Do one step of the rotation to this version. What is done already is left as it is.

    `seen`: the version that was current when somebody decided to rotate. A rotation of another one does not begin.
    """
    stands = standing(rotation)
    if isinstance(stands, Failed):
        return stands
    if stands.current == version:
        return None
    begins = step is Step.CREATE and stands.pending is None
    if stands.pending != version and not begins:
        stage = rotation.rotator.pending
        hint = f"does not have the version {version} as {stage}: another rotation has begun, or this one was ended"
        return Failed(Code.UNAVAILABLE, hint, f"{rotation.command}   # goes on with what has begun")
    if begins and seen not in (None, stands.current):
        hint = "got another current version meanwhile, whose hand-over may have begun"
        return Failed(Code.UNAVAILABLE, hint, f"{rotation.command}   # if it is to get yet another one")
    return _performed(rotation, step, version, stands)


def _performed(rotation: Rotation, step: Step, version: str, stands: Standing) -> Failed | None:
    match step:
        case Step.CREATE:
            return _create(rotation, version, begun=stands.pending is not None)
        case Step.FINISH:
            key, before, move = rotation.key, stands.current, rotation.rotator.make_current
            return _asked(rotation, lambda deadline: move(key, version, before, deadline))
        case _:
            return _tried(rotation, step)


def _create(rotation: Rotation, version: str, *, begun: bool) -> Failed | None:
    """Let the next value wait, unless there is one in the version that waits."""
    now, waiting = rotation.at(rotation.rotator.current), rotation.at(rotation.rotator.pending)
    read = _read(rotation, [now, waiting] if begun else [now])
    current, pending = read[now], read.get(waiting)
    if pending is not None:
        return pending if isinstance(pending, Failed) else None
    if not isinstance(current, Hidden):
        return current or _NO_VALUE
    made = rotation.way.create(current)
    if isinstance(made, Failed):
        return made
    put = rotation.rotator.put_pending
    return _asked(rotation, lambda deadline: put(rotation.key, made.reveal(), version, deadline))


def _tried(rotation: Rotation, step: Step) -> Failed | None:
    """Let the value that waits be accepted, or see whether it is."""
    by = rotation.rotator
    now, waiting, before = (rotation.at(stage) for stage in (by.current, by.pending, by.previous))
    admin = [rotation.admin] if rotation.admin and step is Step.SET else []
    held: dict[Key, Hidden[str]] = {}
    for key, value in _read(rotation, [now, waiting, before, *admin]).items():
        if isinstance(value, Hidden):
            held[key] = value
        elif key != before:  # which is only a second way in
            failed = value or _NO_VALUE
            return replace(failed, hint=f"has an admin whose secret {failed.hint}") if key in admin else failed
    values = Values(held[now], held[waiting], held.get(before), held[admin[0]] if admin else None)
    work = rotation.way.set if step is Step.SET else rotation.way.test
    return _asked(rotation, lambda deadline: work(values, deadline))


_NO_VALUE = Failed(Code.NO_VALUE, "has no value yet", "store the first value by hand, or by `estate push`")


def _read(rotation: Rotation, keys: Sequence[Key]) -> dict[Key, Hidden[str] | Failed | None]:
    """Return what is at each key; None: no value."""
    provider = rotation.link.provider
    asked = _asked(rotation, lambda deadline: provider.fetch(keys, deadline))
    if isinstance(asked, Failed):
        return dict.fromkeys(keys, asked)
    return {key: _text(asked.get(key)) for key in keys}


def _text(answer: Found | Failed | None) -> Hidden[str] | Failed | None:
    if isinstance(answer, Found):
        if isinstance(answer.value, str):
            return Hidden(answer.value)
        return Failed(Code.MALFORMED, "is no text, and only texts are rotated", "rotate it by a program of its own")
    return None if answer is None or answer.code is Code.NO_VALUE else answer


def _asked(rotation: Rotation, call: Callable[[Deadline], T]) -> T | Failed:
    """Return what a call answers that may wait, and that a stranger may have written."""
    deadline = Deadline(rotation.seconds)

    def work(_: None) -> T | Failed:
        try:
            return call(deadline)
        except ProviderError as error:
            return Failed(error.code, error.hint, error.fix)
        except Exception as error:  # noqa: BLE001 - a stranger's provider may raise anything
            said = f"could not be worked on: {type(error).__name__} in {where(error)}"
        return Failed(Code.PLUGIN, said, "report it to the makers of the provider")

    late = Failed(Code.UNAVAILABLE, f"was not answered within {rotation.seconds:g} seconds", "run it again: it goes on")
    return at_once(work, [None], deadline).get(None, late)
