"""Writes docs/manifest.schema.json from the types in aivm.manifest; a test fails when it is not current."""

from __future__ import annotations

import json
from pathlib import Path

from aivm.manifest import json_schema

TARGET = Path(__file__).resolve().parents[1] / "docs" / "manifest.schema.json"


def main() -> None:
    """Writes the schema, with a newline at its end."""
    TARGET.write_text(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
