"""The sum of the distances between all nodes of a tree, counted one by one."""

from __future__ import annotations

import networkx as nx

from tests.oracle.chains.tree import ROOT, Tree

MOST_FOR_NETWORKX = 400
"""Nodes of the largest tree that networkx is asked about: it is slow."""


def structural_virality(tree: Tree) -> float | None:
    """The mean distance between two nodes, the root included; None when there is no other node."""
    n = len(tree.nodes) + 1
    return 2.0 * float(total_distance(tree)) / float(n * (n - 1)) if n > 1 else None


def total_distance(tree: Tree) -> int:
    """The sum over all pairs of nodes, each pair once."""
    edges = [(share_id, node.parent) for share_id, node in tree.nodes.items()]
    twice = _by_networkx(edges) if len(edges) < MOST_FOR_NETWORKX else _by_search(edges)
    assert twice % 2 == 0
    return twice // 2


def _by_networkx(edges: list[tuple[str, str]]) -> int:
    graph: nx.Graph[str] = nx.Graph(edges)
    return sum(sum(lengths.values()) for _, lengths in nx.all_pairs_shortest_path_length(graph))


def _by_search(edges: list[tuple[str, str]]) -> int:
    """By a search in breadth from each node."""
    numbers = {name: number for number, name in enumerate((ROOT, *(share_id for share_id, _ in edges)))}
    near: list[list[int]] = [[] for _ in numbers]
    for one, other in edges:
        near[numbers[one]].append(numbers[other])
        near[numbers[other]].append(numbers[one])
    return sum(_distances_from(start, near) for start in numbers.values())


def _distances_from(start: int, near: list[list[int]]) -> int:
    distance = {start: 0}
    reached = [start]
    for node in reached:  # it grows while it is walked
        for other in near[node]:
            if other not in distance:
                distance[other] = distance[node] + 1
                reached.append(other)
    return sum(distance.values())
