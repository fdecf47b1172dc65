"""A load from given values, and its problems by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from estate_config import ConfigurationError, Problem, Settings, load, use


def made(cls: type[Settings], **values: Any) -> Any:
    with use(cls, values):
        return load(cls)


def problems(cls: type[Settings], values: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Problem]:
    with pytest.raises(ConfigurationError) as caught:
        made(cls, **{**(values or {}), **more})
    found = caught.value.problems
    assert len({problem.field for problem in found}) == len(found), "a field has two problems"
    return {problem.field: problem for problem in found}
