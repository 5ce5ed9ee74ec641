"""A hypothesis strategy: trees of shares of many shapes, in the order in which they might arrive."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import strategies as st

Arrival = tuple[str, str | None]
"""A share_id and its parent_share_id; None: the share is under the content itself."""

_Choice = Callable[[random.Random, list[int]], int]
"""Given the parents of nodes 1, 2, ... so far, 0 the content: the parent of the next node."""


def _uniform(rng: random.Random, parents: list[int]) -> int:
    return rng.randrange(len(parents) + 1)


def _preferential(rng: random.Random, parents: list[int]) -> int:
    # An end of any edge, so each node as often as it has neighbours; the content once more, to begin with.
    ends: list[int] = [0, *parents, *range(1, len(parents) + 1)]
    return rng.choice(ends)


def _chain_like(rng: random.Random, parents: list[int]) -> int:
    return len(parents) if rng.random() < 0.95 else _uniform(rng, parents)


def _star_like(rng: random.Random, parents: list[int]) -> int:
    return min(1, len(parents)) if rng.random() < 0.9 else _uniform(rng, parents)


SHAPES: dict[str, _Choice] = {
    "uniform": _uniform,
    "preferential": _preferential,
    "chain": _chain_like,
    "star": _star_like,
}
ORDERS = ("grown", "reversed", "shuffled", "shuffled")


@st.composite
def share_trees(draw: st.DrawFn, most: int = 400) -> list[Arrival]:
    """A random recursive tree of 1 to `most` shares of one content, each once, parents among them.

    The order is mostly any; now and then every parent before, or every parent after its children.
    """
    grow = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]
    order, n = draw(st.sampled_from(ORDERS)), draw(st.integers(1, most))
    rng = random.Random(draw(st.integers(0, 2**32)))
    parents: list[int] = []
    while len(parents) < n:
        parents.append(grow(rng, parents))
    shares = [(f"s{node}", f"s{parent}" if parent else None) for node, parent in enumerate(parents, start=1)]
    if order == "reversed":
        shares.reverse()
    elif order == "shuffled":
        rng.shuffle(shares)
    return shares
