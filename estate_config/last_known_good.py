"""The values of the last good load, on disk: for a start while their store cannot be reached, and for nothing else.

Kept is what providers of the chain that leave the machine have answered, as one load found it good as a whole. It
stands in for a setting only where the place that was asked then cannot be reached now. A store that says denied,
deleted or absent is believed; see docs/design/0013-last-known-good.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from estate_config.describe import declared
from estate_config.errors import Asked, Code, Problem
from estate_config.file_key import KeyOf
from estate_config.model import Failed, Found, Origin
from estate_config.redaction import Hidden
from estate_config.resolve import Answer
from estate_config.schema import Setting
from estate_config.sealed_file import Bond, seal, unseal

UNREACHABLE = frozenset({Code.UNAVAILABLE, Code.THROTTLED})
"""The store said nothing of the secret. CREDENTIALS is not among them: a login that was taken away is to count."""
REFUSED = frozenset({Code.DENIED, Code.KMS, Code.DELETED})
"""The store has taken a secret away: it is not to come back by the next outage."""
OUTCOME = "last known good"
"""What `Asked.outcome` says of a value that comes from the file."""

_PATIENCE = 5.0
"""Seconds that the key may take: of their own, for the deadline of a load may be over when the store is unreachable."""
_SKEW = timedelta(minutes=5)
"""A file may be so much younger than the clock allows."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the file holds."""

    as_of: datetime
    """When all of it was known to be good."""
    settings: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """By field: `asked`, pairs of a provider and a place; `found`, None where no provider had a value."""


@dataclass(frozen=True, slots=True)
class LastKnownGood:
    """The file of one service in one environment."""

    path: Path
    bond: Bond
    key_of: KeyOf
    max_age: timedelta
    stores: frozenset[str]
    """The providers of the chain whose answers are kept: they leave the machine, and say when they refuse."""

    def stand_in(self, answers: Mapping[str, Answer], *, removes: bool = True) -> list[Problem]:
        """Give the last known good to the answers whose store cannot be reached; return what is to be said of it.

        Where the store refuses one, the file is removed, unless somebody else than the service is asking.
        """
        failed = {
            name: one.failed for name, one in answers.items() if one.failed and _last(one).provider in self.stores
        }
        refused = [name for name, one in failed.items() if one.code in REFUSED]
        lacking = [answers[name] for name, one in failed.items() if one.code in UNREACHABLE]
        if refused or not lacking:
            return self.forget(refused) if removes else []
        kept = self._read()
        if isinstance(kept, Failed):
            fix = kept.fix or "bring the store back"
            return [self._problem(kept.code, f"the last known good is not used: {self.path} {kept.hint}", fix)]
        fixes = dict.fromkeys(one.fix for one in failed.values())
        steps = [step for answer in lacking if (step := self._fill(answer, kept)) is not None]
        said = [self._used(kept, steps, fixes)] if steps else []
        if len(steps) < len(lacking):
            message = f"the last known good has nothing for {len(lacking) - len(steps)} of the settings: {self.path}"
            said.append(self._problem(Code.MISSING, message, "the next good load keeps what their places have then"))
        return said

    def keep(self, answers: Mapping[str, Answer], as_of: datetime | None = None) -> list[Problem]:
        """Write the answers of a good load to the file; return why that was not possible, as a warning.

        `as_of` is when all of them were known to be good; without it, when the oldest of them was fetched. Answers that
        came from the file themselves are not written: the file stays as it is until all are read from their stores.
        """
        if any(stands_in(answer) for answer in answers.values()):
            return []
        document = self._document(answers, as_of)
        failed = None if document is None else seal(self.path, self.bond, document, self.key_of)
        if failed is None:
            return []
        message = f"the last known good is not kept: {self.path} {failed.hint}"
        return [self._problem(failed.code, message, failed.fix)]

    def _document(self, answers: Mapping[str, Answer], as_of: datetime | None) -> Hidden[bytes] | None:
        """Return what the file is to hold, None: nothing. Made apart, as writing waits, and may be interrupted."""
        entries = {name: entry for name, one in answers.items() if (entry := _entry(one, self.stores)) is not None}
        if not entries:
            return None
        fetched = [one.found.origin.fetched_at for name, one in answers.items() if name in entries and one.found]
        oldest = min(fetched, default=datetime.now(UTC))
        return Hidden(json.dumps({"as_of": (as_of or oldest).isoformat(), "settings": entries}).encode())

    def forget(self, refused: Collection[str]) -> list[Problem]:
        """Remove the file where the store refuses any of these fields; return what is to be said of it."""
        if not refused:
            return []
        message, fix = "is removed", "the next good load writes a new one"
        try:
            self.path.lstat()  # a disk that is read-only says so before it says that there is no such file
            self.path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:  # also of a folder that may not be looked into: the file may be there
            message, fix = "cannot be removed", f"rm {self.path}"
        why = f"the store refuses {', '.join(refused)}"
        return [self._problem(Code.STALE, f"the last known good {message}: {why}", fix)]

    def _read(self) -> Kept | Failed:
        content = unseal(self.path, self.bond, self.key_of)
        if content is None:
            return Failed(Code.MISSING, "is not there", "one good load writes it; look whether its folder is kept")
        if isinstance(content, Failed):
            return content
        document = json.loads(content.reveal())
        kept = Kept(datetime.fromisoformat(document["as_of"]), document["settings"])
        age = datetime.now(UTC) - kept.as_of
        if age > self.max_age:
            hint = f"is of {_utc(kept.as_of)}, which is longer ago than the {_long(self.max_age)} that max_age allows"
            return Failed(Code.STALE, hint)
        return Failed(Code.STALE, "is of the future", "set the clock of this machine") if age < -_SKEW else kept

    def _fill(self, answer: Answer, kept: Kept) -> Asked | None:
        """Let the answer be what it was; return the step at which the store could not be reached."""
        entry, step = kept.settings.get(answer.setting.field), _last(answer)
        if entry is None or [step.provider, answer.places[-1].text] not in entry["asked"]:
            return None
        answer.failed = None
        answer.asked.append(Asked("disk", str(self.path), OUTCOME))
        if entry["found"] is not None:
            why = f"last known good of {_utc(kept.as_of)}, from {self.path}: {step.provider} said {step.outcome}"
            answer.found = _found(entry["found"], why)
        return step

    def _used(self, kept: Kept, steps: Sequence[Asked], fixes: Collection[str]) -> Problem:
        age = _long(datetime.now(UTC) - kept.as_of)
        count = f"{len(steps)} settings have their" if len(steps) > 1 else "a setting has its"
        message = (
            f"{count} last known good, of {_utc(kept.as_of)}, {age} old, from {self.path}: the store cannot be reached"
        )
        until = f"bring the store back before {_utc(kept.as_of + self.max_age)}: a start after that is refused"
        return Problem("", Code.STALE, message, tuple(steps), "\n".join([until, *filter(None, fixes)]))

    def _problem(self, code: Code, message: str, fix: str) -> Problem:
        return Problem("", code, message, (Asked("disk", str(self.path), code.value),), fix)


def stands_in(answer: Answer) -> bool:
    """Whether an answer is what the file had, and no store has said anything of it since."""
    return any(step.outcome == OUTCOME for step in answer.asked)


def schema_hash(settings: Sequence[Setting]) -> str:
    """Return a hash of what a class declares: names, types, addresses."""
    rows = sorted(
        [item.field, item.name, item.secret, item.shape.value, declared(item.info), sorted(item.addresses.items())]
        for item in settings
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _last(answer: Answer) -> Asked:
    """The step at which an answer failed: those after it were not asked, and have no place."""
    return answer.asked[len(answer.places) - 1]


def _entry(answer: Answer, stores: Collection[str]) -> dict[str, Any] | None:
    """Return what is kept of an answer; None: nothing, since no store has to do with it."""
    steps = list(zip(answer.asked, answer.places, strict=False))  # one built from a template has a step without a place
    asked = [(step.provider, place.text) for step, place in steps if step.provider in stores]
    found_by = next((step.provider for step, _ in steps if step.outcome == "found"), None)
    if asked and found_by is None:
        return {"asked": asked, "found": None}
    value = None if answer.found is None else answer.found.value
    if answer.found is None or found_by not in stores or not isinstance(value, str | bytes):
        return None
    return {"asked": asked, "found": _written(value, answer.found.origin)}


def _written(value: str | bytes, origin: Origin) -> dict[str, Any]:
    written = {"text": value} if isinstance(value, str) else {"bytes": base64.b64encode(value).decode()}
    times = {
        name: at and at.isoformat()
        for name, at in (("fetched_at", origin.fetched_at), ("created_at", origin.created_at))
    }
    return {
        **written,
        "provider": origin.provider,
        "place": origin.place,
        "version": origin.version,
        "stage": origin.stage,
        **times,
    }


def _found(written: Mapping[str, Any], why: str) -> Found:
    value = written["text"] if "text" in written else base64.b64decode(written["bytes"])
    fetched, created = (at and datetime.fromisoformat(at) for at in (written["fetched_at"], written["created_at"]))
    origin = Origin(written["provider"], written["place"], written["version"], written["stage"], fetched, created, why)
    return Found(value, origin)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _long(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"  # noqa: PLR2004 - two hours
