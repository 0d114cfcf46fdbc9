"""The JSON Schema of a manifest record, kept in docs/manifest.schema.json."""

from __future__ import annotations

from typing import Any

import msgspec

from aivm.manifest.record import Manifest


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of the record: what types can say. The rules between members are in `rules`."""
    (reference,), components = msgspec.json.schema_components([Manifest], ref_template="#/$defs/{name}")
    for component in components.values():
        if component.get("type") == "object":
            # A member that is left out would not re-encode to the same bytes, so all are required, defaults too.
            component["required"] = sorted(component["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "AIVM kernel manifest, version 1",
        **reference,
        "$defs": dict(sorted(components.items())),
    }
