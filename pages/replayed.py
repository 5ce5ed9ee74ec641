"""Real data through all stages into an embedded ClickHouse in a temporary folder, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pages.template import Answer, Question
from sinks.query import query
from streams.backfill import backfill
from streams.settings import Settings


def ask(
    file: Path, rules: Mapping[str, Path | None], questions: Sequence[Question]
) -> dict[Question, Answer]:
    """Replay `file` once for each database that `rules` names, and ask each what is asked of it."""
    answers: dict[Question, Answer] = {}
    for database, rules_file in rules.items():
        with TemporaryDirectory() as folder:
            # A server that the environment names must not be filled.
            settings = Settings(
                clickhouse=None,
                path=Path(folder) / "clickhouse",
                database="groupbeat",
                partitions=4,
                rules=rules_file,
            )
            backfill(settings, [file])
            for question in questions:
                if question.database == database:
                    answers[question] = query(settings, question.sql)
    return answers
