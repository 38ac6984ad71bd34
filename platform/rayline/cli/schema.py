"""`rayline schema`"""

from __future__ import annotations

import json


def command() -> None:
    """Print the JSON Schema of a spec, for editors."""
    from rayline.spec import schema

    print(json.dumps(schema(), indent=2))
