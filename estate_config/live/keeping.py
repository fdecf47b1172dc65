"""What is in use is kept on disk too, where `estate.toml` asks for it: when it changes, and while stores confirm it."""

from __future__ import annotations

import logging
import math
import time
from datetime import UTC, datetime, timedelta

from estate_config.last_known_good import REFUSED, LastKnownGood
from estate_config.live.state import State, age_of
from estate_config.loading import keep
from estate_config.provenance import Record
from estate_config.settings import Settings, concrete, record_of

log = logging.getLogger("estate_config")

_TENTH = 0.1
"""Of `max_age`: values that are only confirmed are written again that often, not at each look."""
_NEVER = -math.inf


def keep_current(instance: Settings, state: State, *, changed: bool) -> None:
    """Write the version of now to the file of the last known good, if it is a new one or was confirmed long after.

    The file is removed while the store refuses a field: the service serves on, and does not start again. What stands in
    the way is logged, once for each trouble.
    """
    with state.keeping:  # who comes second writes what is in use by then
        values = concrete(instance)
        record = record_of(values)
        kept = None if record is None or record.chain is None else record.chain.last_known_good
        if record is None or kept is None:
            return
        refused = [name for name, problem in state.failing.items() if problem.code in REFUSED]
        if refused:
            said = tuple(kept.forget(refused))
        elif changed or _is_due(kept, record, state):
            said = tuple(keep(values, _as_of(kept, record, state)))
        else:
            return
        for warning in said if said != state.not_kept else ():
            log.warning("%s %s", warning.code, warning.message)
        state.not_kept = said
        state.kept = _NEVER if refused or said else time.monotonic()
        if values is not concrete(instance):  # a handler of a signal has kept its version, and our file came after
            keep_current(instance, state, changed=True)


def _is_due(kept: LastKnownGood, record: Record, state: State) -> bool:
    since = time.monotonic() - (record.at if state.kept is None else state.kept)
    return not state.failing and since > kept.max_age.total_seconds() * _TENTH


def _as_of(kept: LastKnownGood, record: Record, state: State) -> datetime:
    """Return when all values that are kept were known to be good: when the store last confirmed the oldest of them."""
    stored = [name for name, item in record.settings.items() if item.provider in kept.stores]
    ages = [age for name in stored if (age := age_of(name, record, state)) is not None]
    return datetime.now(UTC) - timedelta(seconds=max(ages, default=0.0))
