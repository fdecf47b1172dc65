"""What is wrong with a table of estate.toml, in the words of the file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from estate_config.table_problems import table_problem


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Token(Strict):
    method: Literal["token"] = "token"


class Role(Strict):
    method: Literal["role", "approle"]
    role_id: str
    wrapped: bool = False


class Limit(Strict):
    seconds: float = 5


class Options(Strict):
    url: str | tuple[str, ...] = ""
    auth: Annotated[Token | Role, Field(discriminator="method")] = Token()
    limits: dict[str, Limit] = {}
    last: Limit | None = None
    several: list[Limit] = []
    weights: dict[str, int] = {}
    renamed: Limit = Field(default=Limit(), alias="inOurWords")

    @model_validator(mode="after")
    def fits(self) -> Options:
        if self.url == "nowhere":
            raise ValueError("Nowhere is no URL")
        return self


@pytest.mark.parametrize(
    ("table", "said", "fix"),
    [
        ({"auth": {"method": "role"}}, "auth.role_id is missing", "add auth.role_id"),
        (
            {"auth": {"method": "approle", "rol_id": "x", "role_id": "x"}},
            'auth.rol_id is not known; did you mean "role_id"?',
            "remove auth.rol_id, or correct its name",
        ),
        (
            {"auth": {"method": "role", "role_id": "x", "wrapped": "perhaps"}},
            "auth.wrapped: input should be a valid boolean, unable to interpret input",
            "correct auth.wrapped",
        ),
        ({"auth": "role"}, "auth: input should be a valid dictionary", "correct auth"),
        ({"auht": {}}, 'auht is not known; did you mean "auth"?', "remove auht, or correct its name"),
        (
            {"limits": {"slow": {"second": 1}}},
            'limits.slow.second is not known; did you mean "seconds"?',
            "remove limits.slow.second, or correct its name",
        ),
        (
            {"last": {"second": 1}},
            'last.second is not known; did you mean "seconds"?',
            "remove last.second, or correct its name",
        ),
        (
            {"several": [{}, {"seconds": "few"}]},
            "several.1.seconds: input should be a valid number, unable to parse string as a number",
            "correct several.1.seconds",
        ),
        ({"limits": 5}, "limits: input should be a valid dictionary", "correct limits"),
        ({"weights": {"a": "b"}}, "weights.a: input should be a valid integer", "correct weights.a"),
        (
            {"inOurWords": {"seconds": "few"}},
            "inOurWords.seconds: input should be a valid number",
            "correct inOurWords.seconds",
        ),
        ({"url": [5]}, "url: input should be a valid string", "correct url"),
        ({"url": "nowhere"}, "nowhere is no URL", "correct the table"),
        ([], "input should be a valid dictionary or instance of Options", "write it as a table"),
    ],
)
def test_it_says_where_and_what_in_the_words_of_the_file(table: Any, said: str, fix: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Options.model_validate(table)
    item = caught.value.errors()[0]
    problem = table_problem("estate.toml [providers.x]", item["loc"], item["type"], item["msg"], Options)
    assert problem.message.startswith(f"estate.toml [providers.x]: {said}")
    assert problem.fix == fix
