"""No value, nor a part of one, in anything that a failed load prints, logs, raises or keeps. Canaries on every way."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Callable

import pytest

from estate_config import (
    ConfigurationError,
    Settings,
    load,
    secret,
    use,
)
from tests.leaks import assert_no_canary, assert_no_canary_in_error
from tests.unit.conftest import Offer
from tests.unit.ways_to_fail import WAYS, Way


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_way_to_fail_gives_a_secret_away(
    way: Callable[[Way], None],
    canary: str,
    offer: Offer,
    everything_logged: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """T1, T2, T3, T4: messages, causes, contexts, notes, attributes, locals, logs, pickles, what is printed."""
    kinds = (ConfigurationError, AttributeError, TypeError, SystemExit, KeyboardInterrupt)
    with pytest.raises(kinds) as caught:
        way(Way(canary, offer))
    assert_no_canary_in_error(caught.value, canary)
    out, err = capsys.readouterr()
    assert_no_canary(out + err, canary, "what is printed")
    assert_no_canary(everything_logged.getvalue(), canary, "the log")
    error = caught.value
    if isinstance(error, ConfigurationError):
        assert error.__cause__ is None
        assert error.__context__ is None
        shown = [error.as_text(), error.as_text(color=True), json.dumps(error.as_json()), repr(vars(error))]
        shown += [repr(dataclasses.asdict(problem)) for problem in (*error.problems, *error.warnings)]
        assert_no_canary("\n".join(shown), canary, "the report")


def test_nothing_of_a_failed_load_stays_in_memory_that_we_own(canary: str) -> None:
    class Number(Settings):
        number: int = secret()

    with pytest.raises(ConfigurationError), use(Number, {"number": canary}):
        load(Number)
    kept = [repr(vars(module)) for name, module in sys.modules.items() if name.startswith("estate_config.")]
    assert_no_canary("\n".join(kept), canary, "a module")
