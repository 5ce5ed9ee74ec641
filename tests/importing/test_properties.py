"""What holds for any export: it is deterministic, all of it is accounted for, and sorting loses no order."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import EVENT
from streams.importing.contract import Dated, event_id
from streams.importing.drafts import Summary
from streams.importing.options import Options
from streams.importing.run import lines
from streams.importing.sorting import in_order
from tests.importing import exports

MESSAGES = st.fixed_dictionaries(
    {
        "type": st.just("message"),
        "ts": st.integers(0, 3_000).map(lambda number: f"1355517{number // 4:03}.{number % 4:06}"),
        "user": st.sampled_from(["U1", "U2", "U3", "U9", "", None]),
    },
    optional={
        "subtype": st.sampled_from(
            ["channel_join", "channel_leave", "bot_message", "file_share", "me_message"]
        ),
        "text": st.text(max_size=5),
        "thread_ts": st.just("1355517000.000000"),
        "inviter": st.sampled_from(["U1", "x" * 200]),
        "files": st.just([{"id": "F1"}]),
    },
)


def accounted(source: str, path: Path) -> tuple[list[bytes], Summary]:
    """Lines of an import of which every one is an event of the contract."""
    summary = Summary()
    found = list(lines(source, path, Options(), summary))
    for line in found:
        EVENT.validate_json(line)
    return found, summary


@settings(max_examples=40)
@given(st.lists(MESSAGES, max_size=20), st.integers(0, 20))
def test_slack_is_deterministic_and_accounts_for_every_message(messages: list[Any], cut: int) -> None:
    base = {name: exports.SLACK[name] for name in ("channels.json", "users.json")}
    with tempfile.TemporaryDirectory() as folder:
        path = exports.slack_folder(Path(folder, "a"), {**base, "general/2012-12-14.json": messages})
        found, summary = accounted("slack", path)
        left = {reason: left.count for reason, left in summary.left_out.items()}
        assert len(found) + sum(left.values()) == len(messages)
        assert len(found) == summary.events
        assert accounted("slack", path)[0] == found
        # The same messages in other files are the same events: a newer export repeats the older one's.
        days = {"general/1.json": messages[cut:], "general/2.json": messages[:cut]}
        other = exports.slack_folder(Path(folder, "b"), {**base, **days})
        ids = [
            {json.loads(line)["event_id"] for line in each} for each in (found, accounted("slack", other)[0])
        ]
        assert ids[0] == ids[1]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["<ann> hi", "*** Joins: bob (b@c)", "* cy x", "?"])),
        max_size=20,
    )
)
def test_irc_keeps_every_line_once(said: list[tuple[int, str]]) -> None:
    said = sorted(said, key=lambda pair: pair[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "#c")
        folder.mkdir()
        text = "".join(f"[09:00:{second:02}] {rest}\n" for second, rest in said)
        (folder / "2024-01-01.log").write_text("[08:00:00] <ann> first\n" + text)
        found, summary = accounted("irc", folder)
        assert len(found) == 1 + sum(rest != "?" for _, rest in said)
        assert summary.left_out.keys() <= {"a line of the server or the client"}


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc")), max_size=30),
    st.integers(1, 7),
)
def test_sorting_is_stable_in_any_number_of_runs(given_events: list[tuple[int, str]], run: int) -> None:
    # Whether repeats count is a matter of the source: of one thing it is always the same.
    counts = dict.fromkeys("ab", False) | {"c": True}
    dated = [
        Dated(ms, one := event_id("test", (name,)), json.dumps({"event_id": one}).encode(), counts[name])
        for ms, name in given_events
    ]  # fmt: skip
    repeats: list[bytes] = []
    found = list(in_order(dated, repeated=repeats.append, run=run))
    assert found == list(in_order(dated, run=1_000))
    assert len(found) + len(repeats) == len(dated)
    kinds = Counter((ms, name) for ms, name in given_events)
    assert len(repeats) == sum(count - 1 for (_, name), count in kinds.items() if not counts[name])
    expected: list[tuple[int, str]] = []
    for ms, name in sorted(given_events, key=lambda event: event[0]):
        if counts[name] or (ms, name) not in expected:
            expected.append((ms, name))
    ids = [json.loads(line)["event_id"] for line in found]
    # What may stand twice in one millisecond has other ids from its second time on; the first keeps its own.
    seen: set[tuple[int, str]] = set()
    for (ms, name), found_id in zip(expected, ids, strict=True):
        assert (found_id == event_id("test", (name,))) == ((ms, name) not in seen)
        seen.add((ms, name))
    assert len({(ms, one) for (ms, _), one in zip(expected, ids, strict=True)}) == len(ids)


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_ids_differ_where_identities_do(one: list[str], other: list[str]) -> None:
    assert (event_id("irc", tuple(one)) == event_id("irc", tuple(other))) == (one == other)
    assert event_id("irc", tuple(one)) != event_id("slack", tuple(one))
    assert len(event_id("irc", tuple(one))) == 32
