"""Made-up events that look like communities: a few people do most of it, in bursts, in groups they belong to.

The same arguments give the same bytes, wherever numpy is the same. About 2 us an event: text is put together
from parts made once, nothing is serialised event by event.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000
CHUNK = 20_000
"""Events drawn at once."""

ACTIONS = ("view", "post", "share", "join", "purchase", "leave")
SHARES = (0.55, 0.25, 0.10, 0.05, 0.03, 0.02)
"""How often each action is, of all."""
CURRENCIES = ("EUR", "USD", "JPY")
CHANNELS = ("direct", "invite", "ad", "mail")
KINDS = ("talk", "talk", "talk", "question", "benefit", "ad")
STAFF = {0: "operator", 1: "moderator"}
"""The roles of two people in 40; all others are members."""
MEMBER = "member"
GROUPS_EACH, PLACES_EACH = 1000, 10
"""Groups of a community, and of a person, where memberships are given (`generate_groups`)."""
_POST = ACTIONS.index("post")


def generate(
    n_events: int,
    n_people: int,
    seed: int,
    *,
    n_days: float = 28.0,
    n_communities: int = 4,
    groups_per_community: int = 25,
    zipf: float = 1.1,
    start: datetime = START,
) -> Iterator[bytes]:
    """`n_events` events of the contract as JSON, in the order of `occurred_at`, over `n_days` days.

    How active people are follows a power law with exponent `zipf`. Each person belongs to one community and
    is at home in up to three of its groups. From 0 to 7 h UTC it is a third as busy as by day.
    """
    rng = np.random.default_rng(seed)
    rank = 1.0 / np.arange(1, n_people + 1) ** zipf
    activity = np.cumsum(rank / rank.sum())
    community = rng.integers(0, n_communities, n_people)
    homes = rng.integers(0, groups_per_community, (n_people, 3))
    who = [_who(person, f"c{community[person]}") for person in rng.permutation(n_people).tolist()]
    done = 0
    while done < n_events:
        count = min(CHUNK, n_events - done)
        people = np.minimum(np.searchsorted(activity, rng.random(count)), n_people - 1)
        groups = homes[people, rng.integers(0, 3, count)]
        actions = rng.choice(len(ACTIONS), count, p=SHARES)
        contents = _contents(rng, done, count)
        moments = _moments(rng, done, count, n_events, n_days, start)
        rows = zip(
            people.tolist(),
            groups.tolist(),
            actions.tolist(),
            contents.tolist(),
            rng.integers(0, 1 << 30, count).tolist(),
            moments,
            strict=True,
        )
        for number, (person, group, action, content, luck, moment) in enumerate(rows, done):
            community_text, tail = who[person]
            fields = _fields(action, number, content, luck, STAFF.get(person % 40))
            yield (
                f'{{"event_id":"{seed:x}-{number:x}","action":"{ACTIONS[action]}",{community_text}-g{group}",'
                f'{tail}"occurred_at":"{moment}"{fields}}}'
            ).encode()
        done += count


def generate_groups(
    n_events: int,
    n_groups: int,
    n_memberships: int,
    seed: int,
    *,
    n_days: float = 28.0,
    start: datetime = START,
) -> Iterator[bytes]:
    """`n_events` events of exactly so many groups and memberships (people in groups), much as of `generate`.

    Each membership has one event at least, the others are spread evenly. Communities have about
    `GROUPS_EACH` groups, and people are in `PLACES_EACH` of them. What is viewed, shared and answered is the
    latest post of the group. Raises `ValueError` for fewer events than memberships, or too few groups.
    """
    if n_events < n_memberships:
        raise ValueError(f"{n_events} events don't make {n_memberships} memberships")
    rng = np.random.default_rng(seed)
    group_of, person_of = _memberships(rng, n_groups, n_memberships)
    more = rng.integers(0, n_memberships, n_events - n_memberships)
    order = rng.permutation(np.concatenate([np.arange(n_memberships), more]))
    communities = _communities(n_groups)
    places = [
        f'"community_id":"c{community}","group_id":"c{community}-g{rank}",'
        for rank, community in (divmod(group, communities) for group in range(n_groups))
    ]
    latest = [0] * n_groups
    for done in range(0, n_events, CHUNK):
        memberships = order[done : done + CHUNK]
        count = len(memberships)
        rows = zip(
            group_of[memberships].tolist(),
            person_of[memberships].tolist(),
            rng.choice(len(ACTIONS), count, p=SHARES).tolist(),
            rng.integers(0, 1 << 30, count).tolist(),
            _moments(rng, done, count, n_events, n_days, start),
            strict=True,
        )
        for number, (group, person, action, luck, moment) in enumerate(rows, done):
            fields = _fields(action, number, latest[group], luck, STAFF.get(person % 40))
            if action == _POST:
                latest[group] = number
            yield (
                f'{{"event_id":"{seed:x}-{number:x}","action":"{ACTIONS[action]}",{places[group]}'
                f'"user_id":"u{person:06}","occurred_at":"{moment}"{fields}}}'
            ).encode()


def _communities(n_groups: int) -> int:
    return max(1, n_groups // GROUPS_EACH)


def _memberships(
    rng: np.random.Generator, n_groups: int, n_memberships: int
) -> tuple[np.ndarray, np.ndarray]:
    """The group and the person of each membership. Sizes of groups go down with the root of their rank."""
    communities = _communities(n_groups)
    weight = np.cumsum(1.0 / np.sqrt(1 + np.arange(n_groups) // communities))
    ends = np.floor((n_memberships - n_groups) * (weight / weight[-1])).astype(np.int64)
    ends += np.arange(1, n_groups + 1)
    sizes = np.diff(ends, prepend=0)
    people = n_memberships // communities // PLACES_EACH
    if sizes.max() > people:
        raise ValueError(f"{n_groups} groups are too few for {n_memberships} memberships: see PLACES_EACH")
    group_of = np.repeat(np.arange(n_groups), sizes)
    # Neighbours in a circle of the community's people, from anywhere on: nobody is in a group twice.
    from_first = np.arange(n_memberships) - np.repeat(ends - sizes, sizes)
    place = (rng.integers(0, people, n_groups)[group_of] + from_first) % people
    return group_of, group_of % communities * people + place


def _who(person: int, community: str) -> tuple[str, str]:
    return f'"community_id":"{community}","group_id":"{community}', f'"user_id":"u{person:06}",'


def _contents(rng: np.random.Generator, done: int, count: int) -> np.ndarray:
    """What is viewed, shared and answered: mostly recent, now and then old."""
    behind = rng.pareto(1.2, count) * 50
    numbers = np.arange(done, done + count)
    return np.maximum(numbers - 1 - behind.astype(np.int64), 0)


def _moments(
    rng: np.random.Generator, done: int, count: int, n_events: int, n_days: float, start: datetime
) -> list[str]:
    """Times that only grow, spread over all days by the events' numbers, denser by day than by night."""
    share = np.sort((np.arange(done, done + count) + rng.random(count)) / n_events) * n_days
    day, hour = np.divmod(share, 1.0)
    # From share of the day's events to time of day: an eighth of them in the night's 0.3 days.
    clock = np.interp(hour, [0.0, 1 / 8, 1.0], [0.0, 0.3, 1.0])
    milliseconds = ((day + clock) * DAY_MS).astype("timedelta64[ms]")
    base = np.datetime64(start.astimezone(UTC).replace(tzinfo=None), "ms")
    return [f"{text}Z" for text in np.datetime_as_string(base + milliseconds, unit="ms").tolist()]


def _fields(action: int, number: int, content: int, luck: int, staff: str | None) -> str:
    """The fields of this action, the optional ones now and then."""
    if action == 0:
        via = f',"via_share_id":"s{content}"' if luck % 3 == 0 else ""
        return f',"content_id":"k{content}"{via}'
    if action == 1:
        reply = f',"reply_to":"k{content}"' if luck % 2 else ""
        return f',"content_id":"k{number}","role":"{staff or MEMBER}","kind":"{KINDS[luck // 7 % 6]}"{reply}'
    if action == 2:
        parent = f',"parent_share_id":"s{content}"' if luck % 4 else ""
        return f',"content_id":"k{content}","share_id":"s{number}","channel":"{CHANNELS[luck % 4]}"{parent}'
    if action == 3:
        inviter = f',"inviter_id":"u{luck % 1000:06}"' if luck % 2 else ""
        return f',"channel":"{CHANNELS[luck % 4]}","role":"{staff or MEMBER}"{inviter}'
    if action == 4:
        amount = f"{luck % 20_000 / 100:.2f}"
        return f',"order_id":"o{number}","amount":"{amount}","currency":"{CURRENCIES[luck % 3]}"'
    return ',"reason":"quiet"' if luck % 3 == 0 else ""


def main() -> None:
    """Write events to standard output, one a line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("events", type=int)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=28.0)
    chosen = parser.parse_args()
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=chosen.days)
    made = generate(chosen.events, chosen.people, chosen.seed, n_days=chosen.days, start=start)
    sys.stdout.buffer.writelines(line + b"\n" for line in made)


if __name__ == "__main__":
    main()
