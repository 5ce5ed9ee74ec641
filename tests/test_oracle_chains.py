"""The oracle of chains against examples worked out by hand, and what must hold of any tree."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.chain_tables import CONTENTS, REFUSED_SHARES, SHARES
from schemas.group_tables import ALERT_CHANGES
from schemas.rules import Rules
from tests.chain_stories import MILLI, ChainStory, Line, buy, join, ms, share, view
from tests.chain_strategies import chain_logs, chain_rulesets
from tests.generate import records
from tests.oracle import judge
from tests.oracle.chains import Chains
from tests.shuffled_trees import Arrival, share_trees
from tests.stories import BROKER_MS, log
from tests.strategies import Message

# --- which actions, in which order -------------------------------------------------------------------


def test_only_what_names_a_content_counts() -> None:
    story = ChainStory(
        (0, "post", {"content_id": "c"}),
        join(1, "s", content_id=None),
        buy(2, "s", content_id=None),
        (3, "leave", {}),
        view(4, group_id="g2"),
        view(5, group_id="g3"),
        join(5),
        buy(5),
        share(6, "s"),
    )
    (row,) = story.chains.rows("contents")
    assert (row["first_at"], row["group_id"], row["last_at"]) == (ms(4), "g2", ms(6))
    assert (row["views"], row["joins"], row["purchases"], row["conversions"]) == (2, 1, 1, 2)
    assert (row["shares"], row["first_share_at"], story.share("s")["conversions"]) == (1, ms(6), 0)


@pytest.mark.parametrize("first", [share(1, "s"), join(1), buy(1)])
def test_any_of_the_four_begins_a_content(first: Line) -> None:
    row = ChainStory(first, view(0.5)).content()
    # The second is late: the first action stays the first.
    assert (row["first_at"], row["last_at"]) == (ms(1), ms(1))


def test_late_events_count_in_the_order_of_the_clock() -> None:
    # Of partition 0 the clock stood at hour 3 when s came, so the share of hour 2 was taken before.
    lines = (share(3, "x", content_id="d"), share(0, "s", user_id="bob"), share(2, "s", user_id="eve"))
    story = ChainStory(*lines, from_partitions=(0, 0, 1))
    assert (story.share("s")["user_id"], story.refused) == ("eve", [("s", "known_share")])
    assert (story.content()["first_at"], story.content()["last_at"]) == (ms(2), ms(2))
    # At one clock the lower partition is first.
    same = ChainStory(share(1, "s", user_id="bob"), share(1, "s", user_id="eve"), from_partitions=(1, 0))
    assert same.share("s")["user_id"] == "eve"


def test_an_action_at_the_clock_of_the_stage_waits() -> None:
    lines = (view(0), view(1))
    assert ChainStory(*lines, until=1).content()["views"] == 1
    assert ChainStory(*lines, until=1 + MILLI).content()["views"] == 2
    assert ChainStory(*lines).content()["views"] == 2


# --- the tree ----------------------------------------------------------------------------------------


def test_roots_and_nodes_below() -> None:
    story = ChainStory(
        share(0, "a", channel="chat", user_id="bob", group_id="g2"), share(2, "b", "a"), share(1, "c", "b")
    )
    assert story.parents == {"a": "", "b": "a", "c": "b"}
    assert story.share("a") == {
        "community_id": "default", "content_id": "c", "share_id": "a", "group_id": "g2", "user_id": "bob",
        "channel": "chat", "at": ms(0), "parent_share_id": "", "orphan": 0, "depth": 1, "size": 3,
        "topmost": 1,
        "direct_shares": 1, "reach": 0, "joins": 0, "purchases": 0, "buyers": 0, "amount": 0.0,
        "conversions": 0, "delay_s": None,
    }  # fmt: skip
    assert (story.share("b")["delay_s"], story.share("c")["delay_s"]) == (7200.0, 0.0)  # c was before b
    assert [story.share(name)["depth"] for name in "abc"] == [1, 2, 3]
    assert [story.share(name)["topmost"] for name in "abc"] == [1, 1, 0]  # b and c are of one person
    row = story.content()
    assert (row["shares"], row["size"], row["depth"], row["max_breadth"]) == (3, 4, 3, 1)
    assert (row["roots"], row["orphans"], row["direct_shares"], row["sharers"]) == (1, 0, 1, 2)


def test_the_first_of_two_shares_with_one_id_stands() -> None:
    story = ChainStory(share(0, "a"), share(1, "a", "a", user_id="bob"), share(2, "a", content_id="d"))
    assert story.refused == [("a", "known_share")]  # of another content it is another share
    assert (story.content()["refused"], story.content()["sharers"]) == (1, 1)
    assert (story.content("d")["refused"], story.content("d")["shares"]) == (0, 1)


def test_nothing_is_its_own_parent() -> None:
    story = ChainStory(share(3, "a", "a", user_id="bob", group_id="g2"), view(4, "a"), share(5, "b", "a"))
    assert story.chains.rows("refused_shares") == [
        {
            "community_id": "default", "content_id": "c", "share_id": "a", "parent_share_id": "a",
            "group_id": "g2", "user_id": "bob", "at": ms(3), "reason": "own_parent",
        }
    ]  # fmt: skip
    row = story.content()
    assert (row["first_at"], row["group_id"], row["refused"]) == (ms(3), "g2", 1)
    assert (row["sharers"], row["first_share_at"]) == (1, ms(5))
    assert story.parents == {"b": "?"}  # the id was not known by that
    again = ChainStory(share(3, "a", "a"), view(4, "a"), share(5, "b", "a"), share(6, "a"))
    assert (again.parents, again.share("a")["reach"]) == ({"b": "a", "a": ""}, 1)


def test_a_share_that_would_be_its_own_ancestor_is_refused() -> None:
    ring = (share(0, "a", "b"), share(1, "c", "a"))
    story = ChainStory(*ring, share(24, "b", "c"))
    assert (story.refused, story.parents) == ([("b", "own_ancestor")], {"a": "?", "c": "a"})
    # Later a would not move under b, so b may be below it; and a waits no longer.
    late = ChainStory(*ring, share(24 + MILLI, "b", "c"))
    assert (late.refused, late.parents) == ([], {"a": "?", "c": "a", "b": "c"})
    # After it was refused a still waits, and b may come under another parent.
    other = ChainStory(*ring, share(2, "b", "c"), share(3, "b"))
    assert (other.refused, other.parents) == ([("b", "own_ancestor")], {"a": "b", "c": "a", "b": ""})
    # The top of the parent may wait for another share, or have waited for this one before.
    assert ChainStory(share(0, "a", "x"), share(1, "b", "a")).parents == {"a": "?", "b": "a"}


@pytest.mark.parametrize(
    ("hours", "late", "parents"),
    [(24, 24, "p"), (24, 24 + MILLI, "?"), (0, 0, "p"), (0, MILLI, "?"), (1, 1, "p"), (1, 2, "?")],
)
def test_an_orphan_moves_if_its_parent_comes_in_time(hours: int, late: float, parents: str) -> None:
    story = ChainStory(share(0, "a", "p"), share(late, "p"), rules={"orphan_hours": hours})
    assert story.parents == {"a": parents, "p": ""}
    row = story.content()
    moved = parents == "p"
    assert (row["orphans"], row["roots"], row["direct_shares"]) == ((0, 1, 1) if moved else (1, 1, 2))
    assert (row["depth"], row["max_breadth"]) == ((2, 1) if moved else (1, 2))
    assert (story.share("p")["size"], story.share("p")["direct_shares"]) == ((2, 1) if moved else (1, 0))


def test_in_time_is_by_the_clock_not_by_when_it_happened() -> None:
    # p happened before a, but came 30 h later by the clock.
    story = ChainStory(share(5, "a", "p"), view(35), share(0, "p"))
    assert story.parents == {"a": "?", "p": ""}


def test_each_orphan_is_in_time_or_late_for_itself_and_waits_once() -> None:
    story = ChainStory(share(0, "a", "p"), share(2, "b", "p"), share(25, "p"), share(26, "d", "p"))
    assert story.parents == {"a": "?", "b": "p", "p": "", "d": "p"}
    # An id that was refused and comes again does not make a late orphan move either.
    assert ChainStory(share(0, "a", "p"), share(25, "p"), share(25.5, "p")).parents["a"] == "?"


def test_a_whole_subtree_moves_with_what_came_through_it() -> None:
    lines = (
        share(0, "a", "p"), share(1, "b", "a"), share(1, "d", "b"), view(2, "d"), buy(2, "b", user_id="bob"),
        share(3, "q"), view(3, "q"),
    )  # fmt: skip
    before = ChainStory(*lines)
    assert [before.share(name)["depth"] for name in "abd"] == [1, 2, 3]
    after = ChainStory(*lines, share(4, "p", "q"), view(5, "a"))
    assert after.parents == {"a": "p", "b": "a", "d": "b", "q": "", "p": "q"}
    assert [after.share(name)["depth"] for name in "qpabd"] == [1, 2, 3, 4, 5]
    assert [after.share(name)["size"] for name in "qpabd"] == [5, 4, 3, 2, 1]
    assert [after.share(name)["reach"] for name in "qpabd"] == [3, 2, 2, 1, 1]
    assert [after.share(name)["buyers"] for name in "qpabd"] == [1, 1, 1, 1, 0]
    assert (after.content()["max_breadth"], after.content()["depth"]) == (1, 5)
    assert after.share("a")["delay_s"] == 0.0  # its parent was shared later


def test_an_orphan_may_move_under_an_orphan() -> None:
    story = ChainStory(share(0, "a", "b"), share(1, "b", "c"))
    assert story.parents == {"a": "b", "b": "?"}
    assert ChainStory(share(0, "a", "b"), share(1, "b", "c"), share(2, "c")).parents["b"] == "c"


def test_a_parent_of_another_content_is_never_known() -> None:
    story = ChainStory(share(0, "p", content_id="d"), share(1, "a", "p"), share(2, "p", content_id="e"))
    assert story.parents["a"] == "?"


# --- what came through a share -----------------------------------------------------------------------


def test_what_came_counts_at_the_node_and_above() -> None:
    story = ChainStory(
        share(0, "a"), share(0, "b", "a"), share(0, "x", "a"), view(1, "b"), view(1), join(1, "b"),
        buy(1, "b", "2.25"), buy(1, "a", "0.000001"),
    )  # fmt: skip
    told = {
        name: tuple(
            story.share(name)[of] for of in ("reach", "joins", "purchases", "conversions", "buyers", "amount")
        )
        for name in "abx"
    }
    assert told == {
        "a": (1, 1, 2, 3, 1, 2.250001),
        "b": (1, 1, 1, 2, 1, 2.25),
        "x": (0, 0, 0, 0, 0, 0.0),
    }
    row = story.content()
    assert (row["views"], row["joins"], row["purchases"], row["conversions"]) == (2, 1, 2, 3)
    assert (row["buyers"], row["amount"]) == (1, 2.250001)


def test_credits_wait_for_their_share_however_long() -> None:
    lines = (view(0, "a"), buy(1, "a"), join(2, "a"), share(2, "b"))
    assert ChainStory(*lines).share("b")["reach"] == 0
    story = ChainStory(*lines, share(2000, "a", "b"))
    assert [story.share("b")[of] for of in ("reach", "purchases", "joins", "buyers")] == [1, 1, 1, 1]
    assert story.content()["views"] == 1


def test_somebody_buys_for_the_first_time_once() -> None:
    story = ChainStory(share(0, "a"), share(0, "b"), buy(1, "a"), buy(2, "b"), buy(3, "b", user_id="bob"))
    assert [story.share(name)["buyers"] for name in "ab"] == [1, 1]
    assert [story.share(name)["purchases"] for name in "ab"] == [1, 2]
    assert (story.content()["buyers"], story.content()["purchases"]) == (2, 3)
    # The first purchase was through no share, so ann is a buyer of none.
    none = ChainStory(share(0, "a"), buy(1), buy(2, "a"))
    assert (none.share("a")["buyers"], none.content()["buyers"]) == (0, 1)


def test_amounts_are_exact() -> None:
    story = ChainStory(share(0, "a"), *(buy(1, "a", "999999999999.999999") for _ in range(12)))
    # 12 times, in millionths: 11,999,999,999,999,999,988, which is more than 63 bits hold.
    assert story.share("a")["amount"] == story.content()["amount"] == 11_999_999_999_999.0 + 999_988 / 1e6
    # Whole units and millionths are added as doubles, which is not always the nearest one to the sum.
    assert ChainStory(buy(1, amount="13.208723")).content()["amount"] == 13.208722999999999


def test_saturation() -> None:
    story = ChainStory(
        share(0, "a"), share(0, "b"), share(0, "d", user_id="bob"), share(0, "e", user_id="bob")
    )
    assert (story.content()["saturation"], story.content()["sharers"]) == (0.5, 2)
    assert ChainStory(view(0)).content()["saturation"] is None
    none = ChainStory(view(0)).content()
    assert (none["first_share_at"], none["size"], none["depth"], none["max_breadth"]) == (0, 1, 0, 1)


def star(leaves: int) -> list[Line]:
    """All under the root."""
    return [share(0, f"s{n}") for n in range(leaves)]


def chain(length: int) -> list[Line]:
    """Each under the one before."""
    return [share(0, f"s{n}", f"s{n - 1}" if n else None) for n in range(length)]


@pytest.mark.parametrize(
    ("lines", "sum_of_distances", "nodes"),
    [
        ([share(0, "a")], 1, 2),
        # Each of k leaves 1 from the root, and 2 from the other k - 1: k + k (k - 1) = k^2.
        (star(7), 49, 8),
        (star(450), 202_500, 451),
        # A path of n nodes: n (n^2 - 1) / 6.
        (chain(9), 165, 10),
        (chain(420), 421 * (421 * 421 - 1) // 6, 421),
        # Root - a - (b, d), root - e. From the root 1 2 2 1, from a 1 1 2, from b 2 3, from d 3.
        ([share(0, "a"), share(0, "b", "a"), share(0, "d", "a"), share(0, "e")], 18, 5),
    ],
)
def test_structural_virality(lines: list[Line], sum_of_distances: int, nodes: int) -> None:
    found = ChainStory(*lines).content()["structural_virality"]
    assert found == 2.0 * sum_of_distances / (nodes * (nodes - 1))
    assert ChainStory(view(0)).content()["structural_virality"] is None


# --- any log, any tree -------------------------------------------------------------------------------

some = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


@some
@given(shares=share_trees(120))
@example(shares=[("s2", "s1"), ("s3", "s2"), ("s1", None)])
def test_a_tree_is_the_same_whatever_the_order(shares: list[Arrival]) -> None:
    story = ChainStory(*(share(n * MILLI, name, parent) for n, (name, parent) in enumerate(shares)))
    assert story.parents == {name: parent or "" for name, parent in shares}
    row = story.content()
    assert (row["refused"], row["orphans"], row["size"]) == (0, 0, len(shares) + 1)
    sizes = [row["size"], *(one["size"] for one in story.chains.rows("shares"))]
    n, w = row["size"], row["size"] * sum(sizes) - sum(size * size for size in sizes)
    assert row["structural_virality"] == 2.0 * w / (n * (n - 1))


@some
@given(messages=chain_logs(), rules=chain_rulesets(), partitions=st.integers(1, 3))
def test_rows_are_those_of_the_tables_and_add_up(
    messages: list[Message], rules: Rules, partitions: int
) -> None:
    made = records(messages, partitions=partitions, timestamp_ms=BROKER_MS)
    chains = Chains(judge(made, rules), rules)
    for table in (CONTENTS, SHARES, REFUSED_SHARES, ALERT_CHANGES):
        for row in chains.rows(table.name):
            assert set(row) == {column.name for column in table.columns}
    shares = chains.rows("shares")
    for row in chains.rows("contents"):
        own = [one for one in shares if all(one[k] == row[k] for k in ("community_id", "content_id"))]
        assert row["shares"] == len(own) == sum(one["direct_shares"] for one in own) + row["direct_shares"]
        assert row["direct_shares"] == row["roots"] + row["orphans"]
        assert row["depth"] == max((one["depth"] for one in own), default=0)
        for figure in ("joins", "purchases", "buyers", "conversions"):
            assert sum(one[figure] for one in own if one["depth"] == 1) <= row[figure]


@some
@given(messages=chain_logs(), rules=chain_rulesets(), partitions=st.integers(1, 3), cut=st.floats(0, 1))
def test_what_was_told_stays_told(messages: list[Message], rules: Rules, partitions: int, cut: float) -> None:
    """Up to any clock the rows of the logs are among those up to a later one, with the same evidence."""
    judged = judge(records(messages, partitions=partitions, timestamp_ms=BROKER_MS), rules)
    before = Chains(judged, rules, lambda partition: ms(cut * 120 * 24))
    later = Chains(judged, rules, lambda partition: ms(400 * 24))
    for table in ("refused_shares", "alert_changes"):
        assert [row for row in before.rows(table) if row not in later.rows(table)] == []
    opened = [row for row in later.rows("alert_changes") if row["change"] == "opened"]
    assert len(later.rows("alert_changes")) == 2 * len(opened)


def test_a_table_of_another_stage() -> None:
    with pytest.raises(ValueError, match="users"):
        Chains(judge(log())).rows("users")
