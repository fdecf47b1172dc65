"""Defaults that their own types refuse: said without a load, and without running what depends on the machine."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, Field, FilePath, SecretStr, ValidationInfo, field_validator, model_validator

from estate_config import Code, Problem, Settings, secret, setting
from estate_config.validate import wrong_defaults
from tests.leaks import PLAIN, assert_no_canary


def found(cls: type[Settings]) -> list[Problem]:
    return wrong_defaults(cls, cls.__estate_settings__)


CALLED: list[int] = []


def factory() -> int:
    CALLED.append(1)
    return 1


class Cache(BaseModel):
    port: int = setting(default="many")


class Wrong(Settings):
    url: str = secret("database/url")
    workers: int = setting(default="two")
    token: Annotated[SecretStr, Field(min_length=200)] = secret(default=PLAIN)
    cache: Cache


def test_a_default_that_its_type_refuses_is_a_problem_of_its_field() -> None:
    problems = found(Wrong)
    assert [(problem.field, problem.code) for problem in problems] == [
        ("workers", Code.INVALID),
        ("token", Code.INVALID),
        ("cache.port", Code.INVALID),
    ]
    assert problems[0].message.startswith("its default: input should be a valid integer")
    assert problems[1].message == "its default: is not valid (declared: SecretStr, min_length=200)"
    assert {problem.fix for problem in problems} == {"correct the default in the schema"}
    for problem in problems:
        assert_no_canary(repr(problem), PLAIN)


class Tree(BaseModel):
    below: list[Tree] = []


class Peers(BaseModel, frozen=True):
    first: str
    names: list[str] = setting(default_factory=list)
    most: int = setting(default="some")

    @field_validator("names", mode="before")
    @classmethod
    def _split(cls, value: str) -> list[str]:
        return value.split(",")


class Crashing(Settings):
    """Validators that take only what a provider would give, beside defaults that are wrong."""

    tags: list[str] = setting(default_factory=list)
    lowest: int = setting(default=7)
    workers: int = setting(default="four")
    tree: Tree = setting(default={"below": 3})
    roots: dict[str, Tree] = secret(default={})
    peers: Peers
    others: Cache = setting(default={"port": "none"})

    @field_validator("tags", mode="before")
    @classmethod
    def _split(cls, value: str) -> list[str]:
        return value.split(",")

    @field_validator("lowest")
    @classmethod
    def _fits(cls, value: int, info: ValidationInfo) -> int:
        highest: int = info.data["highest"]
        return min(value, highest)

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: dict[str, object]) -> dict[str, object]:
        return {**values, "workers": values["threads"]}

    @model_validator(mode="after")
    def _agree(self) -> Crashing:
        assert self.workers > self.lowest
        return self


class Node(Settings):
    """Declared in itself, as one JSON value: pydantic keeps its schema beside the others, by name."""

    child: Node | None = secret(default=None)
    depth: int = setting(default="deep")


@pytest.mark.parametrize(
    ("cls", "wrong"), [(Crashing, ["workers", "tree.below", "peers.most", "others.port"]), (Node, ["depth"])]
)
def test_a_validator_that_raises_hides_the_default_of_no_other_field(cls: type[Settings], wrong: list[str]) -> None:
    assert [problem.field for problem in found(cls)] == wrong


class Right(Settings):
    url: str = secret("database/url")
    workers: int = setting(default="2")
    maybe: str | None = setting(default=None)
    cache: Cache = Cache(port=1)


class Elsewhere(Settings):
    """What another machine, or other values, may make right."""

    highest: int
    certificate: FilePath = setting(default="/no/such/file")
    made: int = setting(default_factory=factory)
    lowest: int = setting(default=7)

    @field_validator("lowest")
    @classmethod
    def _fits(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("highest", 0):
            raise ValueError("is higher than the highest")
        return value


class Raising(Settings):
    highest: int
    lowest: int = setting(default=7)

    @field_validator("lowest")
    @classmethod
    def _fits(cls, value: int, info: ValidationInfo) -> int:
        highest: int = info.data["highest"]
        return min(value, highest)


class Complete(Settings):
    workers: int = setting(default=2)


@pytest.mark.parametrize("cls", [Right, Elsewhere, Raising, Complete])
def test_a_default_that_may_be_right_at_a_start_is_none(cls: type[Settings]) -> None:
    assert (found(cls), CALLED) == ([], [])
