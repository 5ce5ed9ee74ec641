"""The picture of a tree of shares: valid, inside its frame, nothing on top of another, no node lost."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.chain_picture import LARGEST, MOST_CHILDREN, MOST_DEPTH, MOST_NODES, SMALLEST, draw
from tests.drawn_trees import chain, hub, tree

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('&\"')</script>\x00\x1b[31m\ud800\uffff\u202e]]> & &amp;"


class Drawn:
    """A picture, read as XML, with what holds of each picture checked."""

    def __init__(self, name: str, shares: Sequence[dict[str, Any]]) -> None:
        self.content, rows = tree(name, shares)
        text = draw(self.content, rows)
        self.root = ElementTree.fromstring(text.encode())
        assert self.root.tag == f"{SVG}svg" and self.root.get("role") == "img"
        box = [float(number) for number in self.root.get("viewBox", "").split()]
        assert box[:2] == [0, 0]
        # The legend's are above the tree.
        circles = [each for each in self.root.iter(f"{SVG}circle") if each.find(f"{SVG}title") is not None]
        self.circles = [
            (each.get("class", ""), _number(each, "cx"), _number(each, "cy"), _number(each, "r"))
            for each in circles
        ]
        self.titles = [each.findtext(f"{SVG}title") or "" for each in circles]
        columns = defaultdict(list)
        for _, x, y, r in self.circles:
            assert r > 0 and r <= x and r <= y and x + r <= box[2] and y + r <= box[3]
            columns[x].append((y, r))
        for column in columns.values():
            column.sort()
            for (y, r), (next_y, next_r) in pairwise(column):
                assert y + r < next_y - next_r, "two marks of one depth overlap"
        self.folded = [
            int(title.split()[0].replace(",", ""))
            for (kind, *_), title in zip(self.circles, self.titles, strict=True)
            if kind == "folded"
        ]
        self.nodes = len(self.circles) - len(self.folded)
        assert self.nodes <= MOST_NODES
        assert self.nodes + sum(self.folded) == self.content["size"], "a node is lost, or there twice"
        assert len(list(self.root.iter(f"{SVG}path"))) == len(self.circles) - 1
        self.columns = len(columns)

    def texts(self) -> list[str]:
        return [each.text or "" for each in self.root.iter(f"{SVG}text")]


def _number(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name, ""))


@st.composite
def trees(draw_: st.DrawFn) -> list[dict[str, Any]]:
    """Up to 300 shares; each parent is near the newest (deep), near the first (broad), or any."""
    number = draw_(st.integers(0, 300))
    near = draw_(st.sampled_from([1, 3, 30, 300]))
    chosen = random.Random(draw_(st.integers(0, 2**32)))
    ids = [str(n) for n in range(number)]
    chosen.shuffle(ids)
    shares = []
    for n in range(number):
        parent = chosen.randint(max(-1, n - near), n - 1)
        shares.append(
            {
                "share_id": ids[n],
                "parent_share_id": ids[parent] if parent >= 0 else "",
                "orphan": int(parent < 0 and chosen.random() < 0.3),
                "reach": chosen.choice([0, 0, 1, 10, 10_000]),
                "joins": chosen.choice([0, 0, 1, 20]),
            }
        )
    return shares


@settings(max_examples=50, deadline=None)
@given(trees())
def test_any_tree(shares: list[dict[str, Any]]) -> None:
    Drawn("any", shares)


def test_a_small_tree() -> None:
    small: list[dict[str, Any]] = [
        {"share_id": "a", "user_id": "ann", "reach": 50, "joins": 3},
        {"share_id": "b", "user_id": "bob", "parent_share_id": "a", "reach": 40, "joins": 120, "buyers": 2},
        {"share_id": "c", "user_id": "cid", "orphan": 1, "reach": 10},
        {"share_id": "d", "user_id": "dan"},
    ]
    drawn = Drawn("letter", small)
    assert (drawn.nodes, drawn.folded, drawn.columns) == (5, [], 3)
    found = dict(zip(drawn.titles, drawn.circles, strict=True))
    told = "ann, share a: 2 nodes, 90 views, 123 joins, 2 buyers, 0.00 paid"
    assert set(found) == {
        "the content",
        told,
        "bob, share b: 1 nodes, 40 views, 120 joins, 2 buyers, 0.00 paid",
        "cid, share c: 1 nodes, 10 views, 0 joins, 0 buyers, 0.00 paid",
        "dan, share d: 1 nodes, 0 views, 0 joins, 0 buyers, 0.00 paid",
    }
    kinds = {title.split(",")[0]: kind for title, (kind, *_) in found.items()}
    assert kinds == {"the content": "content", "ann": "c3", "bob": "c3", "cid": "c0", "dan": "c0"}
    radii = {title.split(",")[0]: r for title, (*_, r) in found.items()}
    assert radii["ann"] == LARGEST and radii["dan"] == SMALLEST
    assert math.isclose(radii["bob"] ** 2 / radii["ann"] ** 2, 40 / 90, rel_tol=0.01), "area by reach"
    assert {"bob", "cid", "dan"} <= set(drawn.texts()) and "ann" not in drawn.texts()
    assert [each.get("class") for each in drawn.root.iter(f"{SVG}path")].count("orphan") == 1
    assert drawn.root.findtext(f"{SVG}title") == "Shares of letter in runners"
    assert "4 shares by 4 people, 2 deep" in (drawn.root.findtext(f"{SVG}desc") or "")
    assert "prefers-color-scheme: dark" in (drawn.root.findtext(f"{SVG}style") or "")


def test_without_shares() -> None:
    drawn = Drawn("quiet", [])
    assert (drawn.nodes, drawn.folded, drawn.columns) == (1, [], 1)


def test_a_hub_is_folded() -> None:
    drawn = Drawn("hub", hub(100_000))
    assert drawn.nodes == 2 + MOST_CHILDREN and drawn.folded == [100_000 - 1 - MOST_CHILDREN]
    assert "+ 99,899" in drawn.texts()
    assert next(r for kind, _, _, r in drawn.circles if kind == "folded") > 0.99 * LARGEST


def test_a_deep_chain_is_folded() -> None:
    drawn = Drawn("deep", chain(50_000))
    assert drawn.nodes == 1 + MOST_DEPTH and drawn.folded == [50_000 - MOST_DEPTH]
    assert "+ 49,960 deeper" in drawn.texts()


def test_the_largest_subtrees_are_drawn_of_a_large_tree() -> None:
    # 90 shares under the content, the n-th with n below it, each of which has one more.
    shares = [{"share_id": f"{n}", "reach": n} for n in range(90)]
    shares += [{"share_id": f"{n}.{m}", "parent_share_id": f"{n}"} for n in range(90) for m in range(n)]
    shares += [{"share_id": f"{n}.{m}+", "parent_share_id": f"{n}.{m}"} for n in range(90) for m in range(n)]
    drawn = Drawn("large", shares)
    assert drawn.nodes == MOST_NODES
    ids = {title.split(":")[0].split("share ")[1] for title in drawn.titles if "share " in title}
    assert {"89", "1"} <= ids and "0" not in ids, "a share with more below it comes first"
    assert not any(name.endswith("+") for name in ids)


def test_ids_are_texts_of_others() -> None:
    shares = [{"share_id": HOSTILE, "user_id": HOSTILE}, {"share_id": "b", "user_id": "x" * 128}]
    drawn = Drawn(HOSTILE, shares)
    assert {each.tag for each in drawn.root.iter()} == {
        SVG + name for name in ("svg", "title", "desc", "style", "rect", "text", "circle", "line", "path")
    }
    text = "".join(drawn.root.itertext())
    assert not set(text) & set("\x00\x1b\ud800\uffff\u202e") and HOSTILE[:28] in drawn.titles[1]
    assert "x" * 13 + "..." in drawn.texts()


def test_rows_that_do_not_fit_together_yet() -> None:
    content, rows = tree("moving", chain(5))
    gap = [row for row in rows if row["share_id"] != "s2"]
    round_ = [{**row, "parent_share_id": "s0"} if row["share_id"] == "s0" else row for row in rows]
    larger = [{**row, "size": 9} if row["share_id"] == "s4" else row for row in rows]
    for each in (gap, round_, larger):
        assert ElementTree.fromstring(draw(content, each)).tag == f"{SVG}svg"
