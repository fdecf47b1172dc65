"""The soak, for ten seconds: `make soak` is the whole of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.under_load.soak import MARGIN, Sample, check, risen, soak

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("under load")]

SECONDS, SEED = 10, 30
WARMING_UP = replace(MARGIN, kilobytes=32_768)
"""A process grows for a minute, until it has met everything once: memory is for `make soak`."""
FLAT = Sample(kilobytes=90_000, threads=11, descriptors=3)


def test_nothing_grows_nothing_is_told_and_every_version_is_one_while_everything_goes_wrong() -> None:
    run = soak(SECONDS, SEED, until_seen=("told", "refreshed", "failed", "refused", "let in", "rejected"))
    check(run, WARMING_UP)
    assert "the old value serves on" in run.log


@pytest.mark.parametrize("name", ["kilobytes", "threads", "descriptors"])
def test_what_grows_is_seen(name: str) -> None:
    most = getattr(FLAT, name) + getattr(MARGIN, name)
    within, above = replace(FLAT, **{name: most}), replace(FLAT, **{name: most + 1})
    assert risen([*[FLAT] * 20, *[within] * 10]) == []
    (words,) = risen([*[FLAT] * 20, *[above] * 10])
    assert words.startswith(f"{name}: ")
