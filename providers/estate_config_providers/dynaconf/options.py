"""The table `[providers.dynaconf]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from estate_config_providers.dynaconf.reading import FORMATS


class DynaconfOptions(BaseModel):
    """Which files, and which of their sections; or the object that has read them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: list[Path] = []
    """The settings files, later over earlier: `["settings.toml", ".secrets.toml"]`. Beside each, `settings.local.toml`
    is read where there is one, over all of them."""
    root: Path | None = None
    """Where the files lie; a relative one starts from the folder of `estate.toml`, which is also the default."""
    environment: Annotated[str, Field(min_length=1)] | Literal[False] | None = None
    """The section to read over `[default]`; by default that of the estate's environment. `false`: there are none."""
    envvar_prefix: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Variables `PREFIX_DATABASE__URL` go over the files. Off unless said: the provider `env` has a rule of its own."""
    evaluate: bool = False
    """Whether dynaconf's tokens (`@format`, `@jinja`, `@int` …) mean something. If not, they are text."""
    settings: Any = Field(default=None, exclude=True, repr=False)
    """A `Dynaconf` object of your own, from code only. It is read as it is."""

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.settings is not None and self.model_fields_set - {"settings", "evaluate"}:
            raise ValueError("with `settings`, that object says which files and which environment: leave out the rest")
        if self.settings is None and not self.files:
            raise ValueError('`files` has to name the settings files: files = ["settings.toml"]')
        strange = [str(file) for file in self.files if file.suffix not in FORMATS]
        if strange:
            raise ValueError(f"{', '.join(strange)}: settings files are {', '.join(sorted(FORMATS))}")
        return self
