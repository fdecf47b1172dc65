"""Settings on a store in memory, as the tests of the live part have them."""

from __future__ import annotations

from tests.live.conftest import _nothing_around, live  # noqa: F401 - fixtures
from tests.unit.conftest import offer  # noqa: F401 - a fixture
