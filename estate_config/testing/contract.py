"""The conformance kit: what every provider has to be, as tests.

A provider of your own needs one subclass and one fixture, which puts values into the real thing::

    from estate_config.testing import ProviderContract, Shelf
    from my_package.drawer import spec

    class TestDrawer(ProviderContract):
        @pytest.fixture
        def shelf(self, tmp_path):
            def put(key, value):
                (tmp_path / key.name.replace("/", "_")).write_bytes(value if key.binary else value.encode())

            return Shelf(spec, put, options={"folder": tmp_path})

What the store cannot hold is said by class attributes (`binary`, `empty_values`, `largest`, `cannot_hold`), and the
ways in which it can fail by `spoil`, `ruin` and `hang` of the shelf.
"""

from __future__ import annotations

from typing import Any

from estate_config.testing.finding import Finding
from estate_config.testing.holding import Holding
from estate_config.testing.keeping import Keeping
from estate_config.testing.living import Living
from estate_config.testing.standing import Standing


class ProviderContract(Standing, Finding, Holding, Keeping, Living):
    """All standard tests. None of them can be overridden silently."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse a subclass that redefines a standard test, unless it says with `xfail(reason=…)` why."""
        super().__init_subclass__(**options)
        for name in dir(ProviderContract):
            if name.startswith("test_") and not _is_standard(cls, name):
                raise TypeError(
                    f"{cls.__name__}.{name} overrides a standard test of the conformance kit. "
                    "Remove it, or say why it cannot pass: @pytest.mark.xfail(reason=…)"
                )


def _is_standard(cls: type[ProviderContract], name: str) -> bool:
    test = getattr(cls, name)
    marks = getattr(test, "pytestmark", [])
    return test is getattr(ProviderContract, name) or any(
        mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks
    )
