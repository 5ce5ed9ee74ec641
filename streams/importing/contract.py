"""Drafts into events: each goes through the models of `schemas.events`, or is left out with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError

from schemas.events import EVENT, Role
from streams.importing.drafts import Draft, Summary
from streams.importing.options import Options

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
QUESTION_MARKS = ("?", "？", "؟")

OPERATOR_NAMES = frozenset(("admin", "admins", "administrator", "administrators", "owner"))
MODERATOR_NAMES = frozenset(("mod", "mods", "moderator", "moderators", "staff"))
"""Names of roles, in lower case, that mean staff where a source has roles with names of their own."""


class Dated(NamedTuple):
    """An event as a line of NDJSON, its time in ms since 1970, and the hash of what identifies it."""

    ms: int
    identity: str
    line: bytes
    repeats_count: bool = False


def event_id(source: str, identity: tuple[str, ...]) -> str:
    """The same id for the same thing in every export: a hash of what the source calls it, 32 hex digits."""
    return blake2b(msgspec.json.encode([source, *identity]), digest_size=16).hexdigest()


def to_events(source: str, drafts: Iterable[Draft], options: Options, summary: Summary) -> Iterator[Dated]:
    """The events of these drafts, in the same order; what is none is counted in the summary."""
    for draft in drafts:
        reason = _unwanted(draft, options)
        if reason is not None:
            summary.leave_out(reason, draft.where)
            continue
        try:
            event = EVENT.validate_python(_values(source, draft, options))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"][1:]) or "event"
            summary.leave_out(f"not in the contract: {place}: {first['msg']}", draft.where)
            continue
        summary.take(draft)
        line = event.model_dump_json(exclude_none=True).encode()
        ms = (event.occurred_at - EPOCH) // MILLISECOND
        yield Dated(ms, event_id(source, draft.identity), line, draft.repeats_count)


def _unwanted(draft: Draft, options: Options) -> str | None:
    """Why a draft is left out although it is an event, or None."""
    if draft.user in options.bots:
        return "a bot (--bot)"
    if options.posts_only and draft.action != "post":
        return f"{draft.action}, not a post (--posts-only)"
    if options.since is not None and draft.at < options.since:
        return "before --since"
    if draft.at < EPOCH:
        return "before 1970"
    return None


def _values(source: str, draft: Draft, options: Options) -> dict[str, Any]:
    values: dict[str, Any] = {
        "event_id": event_id(source, draft.identity),
        "community_id": options.community,
        "group_id": draft.group,
        "user_id": draft.user,
        "occurred_at": draft.at.astimezone(UTC),
        "action": draft.action,
        **{name: value for name, value in draft.fields.items() if value is not None},
    }
    role = _role(draft, options)
    if role is not None and draft.action in ("post", "join"):
        values["role"] = role
    if options.questions and draft.action == "post" and draft.text.rstrip().endswith(QUESTION_MARKS):
        values.setdefault("kind", "question")
    return values


def _role(draft: Draft, options: Options) -> Role | None:
    """What the person said first, then what the source said, then the names of roles that we know."""
    names = {draft.user, *draft.role_names}
    if names & options.operators:
        return "operator"
    if names & options.moderators:
        return "moderator"
    if draft.role is not None:
        return draft.role
    known = {name.casefold() for name in draft.role_names}
    if known & OPERATOR_NAMES:
        return "operator"
    return "moderator" if known & MODERATOR_NAMES else None
