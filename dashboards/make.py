"""``python -m dashboards.make``: write the dashboards of `dashboards.source` as Grafana reads them."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.source import content, groups, overview, people, pipeline

FOLDER = Path(__file__).parent / "grafana"


def written() -> dict[str, str]:
    """Each file by its name, with its text."""
    made = (
        overview.dashboard(),
        people.dashboard(),
        groups.dashboard(),
        content.dashboard(),
        pipeline.dashboard(),
    )
    return {
        f"{str(each.uid).removeprefix('groupbeat-')}.json": json.dumps(
            each, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False
        )
        + "\n"
        for each in made
    }


def main() -> None:
    """Write them all, and remove what is of no dashboard any more."""
    files = written()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
