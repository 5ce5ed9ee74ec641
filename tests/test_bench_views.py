"""The bench of views: what it fills is what each view needs, and each is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import view_rows, views
from sinks.migrate import VIEWS


def test_every_view_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_rows, "INSERTS", 4)
    monkeypatch.setattr(views, "BEST_OF", 1)
    found = views.measure(10_000, tmp_path, people=400)
    assert [one.name for one in found] == sorted(file.stem for file in VIEWS.glob("*.sql"))
    assert all(one.unmerged_s > 0 and one.merged_s > 0 for one in found)
    # Which contents diverge is a question of chance.
    assert [one.name for one in found if not one.rows and one.name != "content_divergence"] == []
