"""docs/views.md: every view with its question, its columns, and what it answers on the demo's data.

``python -m pages.views`` makes it anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from pages.template import ROOT, Answer
from sinks.clickhouse import connect
from sinks.migrate import VIEWS
from streams.backfill import backfill
from streams.settings import Settings

PAGE = ROOT / "docs/views.md"
DATA = (ROOT / "data/cdnow-purchases.ndjson.gz", ROOT / "data/slack-houstondatavis.ndjson.gz")
ROWS = 3
"""Of an example."""
WIDEST = 60
"""Of a cell; the rest of a longer text is left out."""

_BETWEEN = "(from = '2016-06-01', to = '2016-07-01')"
ASKED: Mapping[str, str] = {
    "campaign_attainment": (
        "campaign_attainment(community = 'hdv', groups = [], contents = [], figure = 'posts', "
        "from = '2016-06-01', to = '2016-06-30', goal = 100)"
    ),
    "changes_between": f"changes_between{_BETWEEN} WHERE direction != 'same'",
    "downgrades_between": f"downgrades_between{_BETWEEN}",
    "events_by_day": "events_by_day WHERE community_id = 'hdv'",
    "group_habit": "group_habit(community = 'hdv', group = 'general', zone = 'UTC') WHERE posts > 0",
    "group_hours": "group_hours WHERE community_id = 'hdv'",
    "growth_accounting": "growth_accounting WHERE community_id = 'hdv'",
    "segments_by_day": "segments_by_day WHERE community_id = 'hdv' AND people > 0",
    "segments_on": "segments_on(day = '2016-06-01') WHERE community_id = 'hdv'",
    "three_aims": "three_aims WHERE retain_change != 0",
    "transitions_between": f"transitions_between{_BETWEEN} WHERE community_id = 'hdv'",
}
"""What the example asks of views that need a parameter, or whose first rows say little."""

OPENING = f"""<!-- Made by `python -m pages.views` from sinks/views/: change it there. -->
# The views

Each file of `sinks/views/` is a view of the database: a question, and SQL that answers it. Below is what
each is for, in the order of their names, with the first rows (at most {ROWS}, in the order of their
columns) of what it answers after `groupbeat replay data/*.ndjson.gz`, two real communities
([data/README.md](../data/README.md)). Many columns stand one below the other. Ask them with `groupbeat sql`
or any client of ClickHouse; a view with a parameter is asked as its example says.

*Now* in a view is the newest time of the data, the clock of a stage in `receipts`, and not that of the
machine. Days, weeks and months of views over `events` are those of UTC; those of segments are the
community's own. A rate is null where it is of fewer than 20.

"""


class Head(NamedTuple):
    """What a view says of itself."""

    question: str
    grain: str
    columns: str
    notes: str


def head(sql: str) -> Head:
    """The comment that a view's file opens with, each part as one paragraph."""
    parts = {"Question": "", "Grain": "", "Columns": "", "": ""}
    at = ""
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        told = line[2:]
        if found := re.match(r" (Question|Grain|Columns): (.*)", told):
            at, told = found.groups()
        elif not told.startswith("     "):
            at = ""
        parts[at] = f"{parts[at]} {told.strip()}".strip()
    return Head(parts["Question"], parts["Grain"], parts["Columns"], parts[""])


def replayed(folder: Path) -> Client:
    """The data of the demo through all stages into an engine of its own in `folder`."""
    settings = Settings(clickhouse=None, path=folder / "clickhouse", partitions=4, rules=None)
    backfill(settings, DATA)
    return connect(settings)


def examples(client: Client, names: Iterable[str]) -> dict[str, Answer]:
    """The first rows of each view."""
    found: dict[str, Answer] = {}
    for name in names:
        asked = f"SELECT * FROM {ASKED.get(name, name)}"  # noqa: S608 our own names
        answer = client.query(f"{asked} ORDER BY ALL LIMIT {ROWS}")
        found[name] = list(answer.column_names), answer.result_rows
    return found


def page(found: Mapping[str, Answer]) -> str:
    """The text of the page."""
    sections = []
    for name in sorted(found):
        told = head((VIEWS / f"{name}.sql").read_text("utf-8"))
        lines = [
            f"## {name}",
            f"{told.question[0].upper()}{told.question[1:]}",
            "",
            f"*Grain*: {told.grain}",
            "",
            f"*Columns*: {told.columns}",
        ]
        lines += ["", told.notes] if told.notes else []
        if name in ASKED:
            lines += ["", "```sql", f"SELECT * FROM {ASKED[name]}", "```"]  # noqa: S608 our own names
        sections.append("\n".join([*lines, "", _example(found[name])]))
    return OPENING + "\n\n".join(sections) + "\n"


def _example(answer: Answer) -> str:
    names, rows = answer
    if not rows:
        return "There is nothing of the kind in these data."
    cells = [[_cell(value) for value in row] for row in rows]
    if len(names) > 9:  # too wide for a page: a column a line
        lines = [["column", *("example" for _ in rows)], ["---"] * (len(rows) + 1)]
        lines += [[name, *(row[place] for row in cells)] for place, name in enumerate(names)]
    else:
        lines = [names, ["---"] * len(names), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    match value:
        case None:
            text = "null"
        case float():
            text = f"{value:.4g}"
        case Decimal():
            text = f"{value:.2f}"
        case datetime():
            text = f"{value:%Y-%m-%d %H:%M:%S}"
        case date():
            text = str(value)
        case dict() | list() | tuple():
            text = json.dumps(value, default=str)
        case _:
            text = str(value)
    text = text.replace("|", "\\|")
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def write() -> None:
    """Make the page anew."""
    with TemporaryDirectory() as folder:
        client = replayed(Path(folder))
        try:
            found = examples(client, sorted(file.stem for file in VIEWS.glob("*.sql")))
        finally:
            client.close()
    PAGE.write_text(page(found), "utf-8")


if __name__ == "__main__":
    write()
