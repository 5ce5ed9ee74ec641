"""A tree of shares as SVG: the content at the left, a column for each depth, room by what is below.

Where a tree is large, the largest subtrees are drawn. What is left out below a node is one mark beside its
children, ``+ n``: nodes drawn and nodes folded are together all nodes of the tree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from streams.report import shown

MOST_NODES = 1_500
"""Nodes that are drawn at most, the content included."""
MOST_CHILDREN = 100
"""Children of one node that are drawn at most: more dots tell no more than their number."""
MOST_DEPTH = 40

COLUMNS = 520
"""So wide are a few columns together; many take more, `NARROWEST` each."""
NARROWEST, WIDEST = 64, 130
LEFT, TOP, RIGHT, BOTTOM = 40, 104, 190, 24
"""Margins. Words stand at the right of what they name, in the margin for the last column."""
SMALLEST, LARGEST = 2.5, 14.0
"""Radius without any reach, and of the largest reach."""
GAP = 2.0
WORDS_HIGH = 12.0
MOST_LETTERS = 16
LONGEST_TITLE = 30
NAMED = 40
"""With so many nodes or fewer, each says who shared."""

CLASSES = ((0, "c0", "none"), (1, "c1", "1 to 9"), (10, "c2", "10 to 99"), (100, "c3", "100 and more"))
"""Colours by conversions: from how many, class, words."""
STYLE = """
text { font: 10px sans-serif; fill: #333; }
text.title { font-size: 15px; font-weight: bold; }
rect.back { fill: #fff; }
path { fill: none; stroke: #bbb; stroke-width: 1; }
path.orphan { stroke-dasharray: 3 2; }
line { stroke: #eee; }
.c0 { fill: #9aa5b1; } .c1 { fill: #56b4e9; } .c2 { fill: #0072b2; } .c3 { fill: #d55e00; }
circle.content { fill: #222; }
circle.folded { fill: #fff; stroke: #777; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
text { fill: #ddd; }
rect.back { fill: #16191d; }
path { stroke: #555; }
line { stroke: #2a2e33; }
.c0 { fill: #77828e; } .c2 { fill: #3d9be0; } .c3 { fill: #ff8a3d; }
circle.content { fill: #eee; }
circle.folded { fill: #16191d; stroke: #aaa; }
}
"""


@dataclass
class Mark:
    """A circle: the content, a share, or (no `share`) what is folded beside the children of a node."""

    depth: int
    share: Mapping[str, Any] | None
    stands_for: int
    """Nodes: 1, or as many as are folded."""
    radius: float
    parent: Mark | None = None
    children: list[Mark] = field(default_factory=list)
    height: float = 0.0
    """The room of its subtree; no other mark of its depth is in there."""
    x: float = 0.0
    y: float = 0.0


def draw(content: Mapping[str, Any], shares: Sequence[Mapping[str, Any]]) -> str:
    """The picture of a content and its shares, or the largest of them: rows of `contents` and `shares`."""
    marks = layout(content, shares)
    right = max(mark.x for mark in marks) + RIGHT
    width, height = max(right, 760), TOP + marks[0].height + BOTTOM
    name, community = (
        _plain(content["content_id"], LONGEST_TITLE),
        _plain(content["community_id"], MOST_LETTERS),
    )
    folded = sum(mark.stands_for for mark in marks if _is_fold(mark))
    says = (
        f"{content['shares']:,} shares by {content['sharers']:,} people, {content['depth']:,} deep, "
        f"{content['views']:,} views, {content['conversions']:,} joins and purchases"
    )
    left_out = f"; {folded:,} of them folded" if folded else ""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" '
        f'viewBox="0 0 {width:.0f} {math.ceil(height)}" width="{width:.0f}" height="{math.ceil(height)}">',
        f'<title id="title">Shares of {name} in {community}</title>',
        f'<desc id="desc">The tree of shares, a column for each depth: {says}{left_out}.</desc>',
        f"<style>{STYLE}</style>",
        '<rect class="back" width="100%" height="100%"/>',
        f'<text class="title" x="{LEFT - 16}" y="26">{name} in {community}</text>',
        f'<text x="{LEFT - 16}" y="43">{says}{left_out}</text>',
        *_legend(any(share["orphan"] for share in shares)),
        *_columns({mark.depth: mark.x for mark in marks}, height - BOTTOM / 2),
        *(_edge(mark) for mark in marks if mark.parent),
        *(line for mark in marks for line in _circle(mark, len(marks) <= NAMED)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


# --- what is drawn, and where --------------------------------------------------------------------


def layout(content: Mapping[str, Any], shares: Sequence[Mapping[str, Any]]) -> list[Mark]:
    """Every mark at its place, the content first, parents before children."""
    marks = _chosen(content, shares)
    _fold(marks, content["size"])
    for mark in reversed(marks):
        below = sum(child.height for child in mark.children)
        words = WORDS_HIGH if _is_fold(mark) or len(marks) <= NAMED else 0.0
        mark.height = max(2 * mark.radius + GAP, words, below)
    column = min(WIDEST, max(NARROWEST, COLUMNS // max(1, *(mark.depth for mark in marks))))
    tops = {id(marks[0]): float(TOP)}
    for mark in marks:
        top = tops.pop(id(mark))
        mark.x, mark.y = LEFT + column * mark.depth, top + mark.height / 2
        top += (mark.height - sum(child.height for child in mark.children)) / 2
        for child in mark.children:
            tops[id(child)] = top
            top += child.height
    return marks


def _chosen(content: Mapping[str, Any], shares: Sequence[Mapping[str, Any]]) -> list[Mark]:
    """The content and the shares that are drawn, the largest subtrees first: so parents before children."""
    marks = [Mark(0, content, 1, LARGEST / 2)]
    drawn = {"": marks[0]}
    most = max((share["reach"] for share in shares), default=0)
    for share in sorted(shares, key=lambda row: (-row["size"], -row["reach"], row["share_id"])):
        parent = drawn.get(share["parent_share_id"])
        if parent is None or len(parent.children) == MOST_CHILDREN or share["depth"] > MOST_DEPTH:
            continue
        if len(marks) == MOST_NODES:
            break
        radius = max(SMALLEST, LARGEST * math.sqrt(share["reach"] / most)) if most else SMALLEST
        mark = Mark(parent.depth + 1, share, 1, radius, parent)
        parent.children.append(mark)
        drawn[share["share_id"]] = mark
        marks.append(mark)
    return marks


def _fold(marks: list[Mark], size: int) -> None:
    """Add a mark for what is not drawn below each node."""
    for mark in marks[:]:
        assert mark.share is not None
        drawn = sum(child.share["size"] for child in mark.children if child.share is not None)
        left = mark.share["size"] - 1 - drawn
        if left > 0:
            radius = max(SMALLEST, LARGEST * math.sqrt(left / size))
            fold = Mark(mark.depth + 1, None, left, radius, mark)
            mark.children.append(fold)
            marks.append(fold)


def _is_fold(mark: Mark) -> bool:
    return mark.share is None


# --- as SVG --------------------------------------------------------------------------------------


def _legend(orphans: bool) -> Iterator[str]:
    x = LEFT - 16.0
    yield f'<text x="{x}" y="64">joins and purchases through a share:</text>'
    x += 182
    for _, name, words in CLASSES:
        yield f'<circle class="{name}" cx="{x}" cy="60.5" r="4"/><text x="{x + 8}" y="64">{words}</text>'
        x += 26 + 5.5 * len(words)
    x = LEFT - 16.0
    note = "area: views through it; hollow, + n: n more shares"
    if orphans:
        note += "; dashed: its parent has not come"
    yield f'<text x="{x}" y="79">{note}</text>'


def _columns(places: Mapping[int, float], bottom: float) -> Iterator[str]:
    for depth, x in places.items():
        yield f'<line x1="{x}" y1="{TOP - 4}" x2="{x}" y2="{bottom:.1f}"/>'
        yield f'<text x="{x}" y="{TOP - 7}" text-anchor="middle">{depth or "depth 0"}</text>'


def _edge(mark: Mark) -> str:
    parent = mark.parent
    assert parent is not None
    middle = (parent.x + mark.x) / 2
    kind = ' class="orphan"' if mark.share is not None and mark.share["orphan"] else ""
    return (
        f'<path{kind} d="M{parent.x:.1f} {parent.y:.1f}C{middle:.1f} {parent.y:.1f} '
        f'{middle:.1f} {mark.y:.1f} {mark.x:.1f} {mark.y:.1f}"/>'
    )


def _circle(mark: Mark, named: bool) -> Iterator[str]:
    place = f'cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{mark.radius:.2f}"'
    words = f'<text x="{mark.x + mark.radius + 4:.1f}" y="{mark.y + 3.5:.1f}">'
    share = mark.share
    if share is None:
        deeper = " deeper" if mark.depth > MOST_DEPTH else ""
        yield f'<circle class="folded" {place}><title>{mark.stands_for:,} more{deeper}</title></circle>'
        yield f"{words}+ {mark.stands_for:,}{deeper}</text>"
    elif mark.parent is None:
        yield f'<circle class="content" {place}><title>the content</title></circle>'
    else:
        kind = next(name for least, name, _ in reversed(CLASSES) if share["conversions"] >= least)
        user, name = _plain(share["user_id"]), _plain(share["share_id"])
        yield (
            f'<circle class="{kind}" {place}><title>{user}, share {name}: {share["size"]:,} nodes, '
            f"{share['reach']:,} views, {share['joins']:,} joins, {share['buyers']:,} buyers, "
            f"{share['amount']:,.2f} paid</title></circle>"
        )
        if named and not mark.children:
            yield f"{words}{_plain(share['user_id'], MOST_LETTERS)}</text>"


def _plain(text: str, most: int = 128) -> str:
    """A text of others: no markup, nothing that XML can't hold, no longer than there is room."""
    short = text if len(text) <= most else text[: most - 3] + "..."
    return escape(shown(short).plain)
