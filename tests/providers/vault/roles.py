"""Roles of AppRole."""

from __future__ import annotations

from typing import Any

import hvac
from hvac.exceptions import InvalidRequest


class Role:
    """A role of AppRole, made for one test."""

    def __init__(self, root: hvac.Client, policy: str, name: str, **bounds: object) -> None:
        self._root = root
        self.name = name
        root.write_data(f"auth/approle/role/{name}", data={"token_policies": policy, **bounds})
        self.id = str(root.read(f"auth/approle/role/{name}/role-id")["data"]["role_id"])  # type: ignore[index]  # it is there

    def bound(self, **bounds: object) -> None:
        """Change the bounds of tokens to come."""
        self._root.write_data(f"auth/approle/role/{self.name}", data=bounds)

    def secret_id(self, **bounds: object) -> str:
        answer: Any = self._root.write_data(f"auth/approle/role/{self.name}/secret-id", data=dict(bounds))
        return str(answer["data"]["secret_id"])

    def wrapped(self) -> str:
        answer: Any = self._root.write_data(f"auth/approle/role/{self.name}/secret-id", wrap_ttl="60s")
        return str(answer["wrap_info"]["token"])

    def revoke_tokens(self) -> None:
        """Revoke every token of the role, as an operator would."""
        accessors: Any = self._root.list("auth/token/accessors")
        for accessor in accessors["data"]["keys"]:
            if self._is_of_mine(accessor):
                self._root.auth.token.revoke_accessor(accessor)

    def _is_of_mine(self, accessor: str) -> bool:
        try:
            data = self._root.auth.token.lookup_accessor(accessor)["data"]
        except InvalidRequest as error:
            if "invalid accessor" not in str(error):
                raise
            return False  # one of another test has ended since they were listed
        return (data.get("meta") or {}).get("role_name") == self.name
