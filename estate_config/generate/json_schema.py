"""A service's settings as JSON Schema, draft 2020-12, keyed by field name as values given by hand are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind

from estate_config.generate.catalogue import Catalogue, ServiceEntry
from estate_config.generate.choosing import only_service

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(catalogue: Catalogue, mark: str) -> str:
    """Return the schema of the one service in `catalogue`, ending in a newline.

    Secrets are marked `writeOnly`, and have neither a default nor examples. Raises `RefusedError` for several services.
    """
    schema = {"$schema": _DIALECT, "$comment": mark, **_schema(only_service(catalogue))}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(service: ServiceEntry) -> dict[str, Any]:
    schema = service.cls.model_json_schema(by_alias=False, schema_generator=_Generator)
    definitions = schema.get("$defs", {})
    for entry in service.secrets:
        path = entry.setting.path
        for found in _at(schema, path, definitions):
            found["writeOnly"] = True
            _bare(found, definitions, set())
        for length in range(1, len(path)):
            for enclosing in _at(schema, path[:length], definitions):
                enclosing.pop("default", None)  # that of the whole, with the secret in it
    for entry in service.settings:
        if entry.template:  # pydantic wants it; who gives values may leave it out
            *parents, name = entry.setting.path
            for model in _at(schema, (*parents,), definitions):
                _let_out(name, model, definitions)
    return schema


def _let_out(name: str, schema: dict[str, Any], definitions: dict[str, Any]) -> None:
    for model in _models(schema, definitions):
        if name in model.get("required", ()):
            model["required"].remove(name)


def _bare(schema: Any, definitions: dict[str, Any], seen: set[str]) -> None:
    """Take defaults and examples out of a schema, and of all that it is made of."""
    if not isinstance(schema, dict):
        return
    schema.pop("default", None)
    schema.pop("examples", None)
    reference = schema.get("$ref")
    if reference is not None and reference not in seen:
        seen.add(reference)
        _bare(_referred(reference, definitions), definitions, seen)
    parts = [schema.get(word) for word in ("items", "additionalProperties")]
    parts += [part for word in ("anyOf", "allOf", "oneOf", "prefixItems") for part in schema.get(word, ())]
    for part in (*parts, *schema.get("properties", {}).values()):
        _bare(part, definitions, seen)


def _at(schema: dict[str, Any], path: tuple[str, ...], definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of a field, through references and alternatives."""
    if not path:
        yield schema
        return
    for model in _models(schema, definitions):
        if path[0] in model.get("properties", {}):
            yield from _at(model["properties"][path[0]], path[1:], definitions)


def _models(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    if "$ref" in schema:
        yield from _models(_referred(schema["$ref"], definitions), definitions)
    for alternative in schema.get("anyOf", ()):
        yield from _models(alternative, definitions)


def _referred(reference: str, definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definitions[reference.removeprefix("#/$defs/")]
    return found


class _Generator(GenerateJsonSchema):
    """Pydantic's, which takes any type: one that JSON Schema has no word for may be anything."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - as the base class has it
        "skipped-choice",
        "non-serializable-default",
    }

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        del schema, error_info
        return {}

    def encode_default(self, dft: Any) -> Any:
        encoded = super().encode_default(dft)
        return sorted(encoded, key=json.dumps) if isinstance(dft, set | frozenset) else encoded
