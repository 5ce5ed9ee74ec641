"""The rows of a content and of its shares. See docs/chains.md, What came through a share."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.oracle.chains.content import Content, Place, place_of
from tests.oracle.chains.distances import structural_virality
from tests.oracle.chains.tree import ROOT

Row = dict[str, Any]
MILLION = 1_000_000


def content_row(content: Content, explosive_at: int) -> Row:
    """Its row of `contents`."""
    events, tree = content.actions, content.tree
    nodes = tree.nodes
    came = _came(events, content.first_purchases)
    sharers = {node.event["user_id"] for node in nodes.values()}
    orphans = sum(node.orphan for node in nodes.values())
    breadth = Counter([0, *(tree.depth(share_id) for share_id in nodes)])
    under_root = [node for node in nodes.values() if node.parent == ROOT]
    return {
        **content.who,
        "group_id": content.group_id,
        "first_at": events[0]["occurred_at"],
        "last_at": max(event["occurred_at"] for event in events),
        "first_share_at": content.first_share.event["occurred_at"] if content.first_share else 0,
        "views": came.pop("reach"),
        **came,
        "shares": len(nodes),
        "sharers": len(sharers),
        "roots": sum(not node.event["parent_share_id"] for node in nodes.values()),
        "orphans": orphans,
        "direct_shares": len(under_root),
        "refused": len(tree.refused),
        "size": len(nodes) + 1,
        "depth": max(breadth),
        "max_breadth": max(breadth.values()),
        "structural_virality": structural_virality(tree),
        "saturation": 1.0 - len(sharers) / len(nodes) if nodes else None,
        "shares_first_hour": len(content.first_hour),
        "explosive_at": explosive_at,
    }


def share_rows(content: Content) -> list[Row]:
    """Its rows of `shares`."""
    tree, children = content.tree, content.tree.children()
    first_purchases = content.first_purchases
    via: dict[str, list[Row]] = {}
    for event in content.actions:
        via.setdefault(event["via_share_id"], []).append(event)
    rows = []
    for share_id, subtree in tree.subtrees():
        node = tree.nodes[share_id]
        rows.append(
            {
                **content.who,
                **{name: node.event[name] for name in ("share_id", "group_id", "user_id", "channel")},
                "at": node.event["occurred_at"],
                "parent_share_id": node.parent,
                "orphan": int(node.orphan),
                "topmost": int(_is_topmost(content, share_id)),
                "depth": tree.depth(share_id),
                "size": len(subtree),
                "direct_shares": len(children[share_id]),
                **_came([event for below in subtree for event in via.get(below, [])], first_purchases),
                "delay_s": _delay_s(content, share_id),
            }
        )
    return rows


def refused_rows(content: Content) -> list[Row]:
    """Its rows of `refused_shares`."""
    names = ("share_id", "parent_share_id", "group_id", "user_id")
    return [
        {
            **content.who,
            **{name: event[name] for name in names},
            "at": event["occurred_at"],
            "reason": reason,
        }
        for event, reason in content.tree.refused
    ]


def _came(events: list[Row], first_purchases: set[Place]) -> Row:
    """What these views, joins and purchases come to; other events are not counted."""
    counts = Counter(event["action"] for event in events)
    bought = [event for event in events if event["action"] == "purchase"]
    return {
        "reach": counts["view"],
        "joins": counts["join"],
        "purchases": counts["purchase"],
        "buyers": sum(place_of(event) in first_purchases for event in bought),
        "amount": _amount(sum(int(event["amount"] * MILLION) for event in bought)),
        "conversions": counts["join"] + counts["purchase"],
    }


def _amount(millionths: int) -> float:
    return float(millionths // MILLION) + float(millionths % MILLION) / 1e6


def _is_topmost(content: Content, share_id: str) -> bool:
    users = [content.tree.nodes[one].event["user_id"] for one in content.tree.path(share_id)]
    return users[0] not in users[1:]


def _delay_s(content: Content, share_id: str) -> float | None:
    nodes = content.tree.nodes
    node = nodes[share_id]
    if node.parent == ROOT:
        return None
    return float(max(0, node.event["occurred_at"] - nodes[node.parent].event["occurred_at"])) / 1000.0
