"""Deterministic communities: the same seed gives the same log, byte for byte.

Used by the property and fault tests. People live in phases (a burst, a slow month, a silence of weeks), so
that every segment and every rule of every ladder occurs, and the log carries everything a real one does: late
and repeated messages, messages out of order, and messages that are no event at all.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.lives import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, life
from tests.oracle.intake import LogRecord

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ACTIONS = ("join", "post", "share", "leave", "purchase", "view")
ROLES = ("member",) * 6 + ("operator", "moderator")
ZONES = tuple(timezone(timedelta(minutes=m)) for m in (-720, -570, -300, -1, 1, 60, 120, 330, 345, 840))
STRANGE_IDS = (
    "zoë",
    "顧客-42",
    "пользователь",
    "👩‍👩‍👧‍👦",
    "a\u0000b",
    "\u0000",
    'say "hi"',
    "it's",
    "back\\slash",
    "tab\tnew\nline",
    " ",
    " padded ",
    "e\u0301",
    "\u00e9",
    "\u202eright-to-left",
    "\ufeffbom",
    "\U0010ffff",
    "null",
    "0",
    "'; DROP TABLE events; --",
    "\x7f\x1b[31m",
)

Raw = dict[str, Any]


SPECIAL: dict[str, tuple[str, Raw]] = {
    "talk": ("post", {"kind": "talk"}),
    "question": ("post", {"kind": "question", "role": "member"}),
    "benefit": ("post", {"kind": "benefit", "role": "member"}),
    "reply": ("post", {"reply_to": "c0"}),
    "click": ("view", {}),
}
"""Words of a life for an action with certain fields; a click also has a `via_share_id`."""


class Links:
    """Whom and what the events of each community can refer to: its people, and the shares made so far."""

    def __init__(self, people: dict[str | None, list[str]]) -> None:
        self._people = people
        self._shares: dict[str | None, list[str]] = {}
        self._contents: dict[tuple[str | None, str], str] = {}

    def made(self, community_id: str | None, share_id: str) -> None:
        """A share that others may name from now on."""
        self._shares.setdefault(community_id, []).append(share_id)

    def content_of(self, community_id: str | None, share_id: str, content_id: str) -> str:
        """The content of a share that was named before, made or to come; else it is of this one."""
        return self._contents.setdefault((community_id, share_id), content_id)

    def inviter(self, rng: random.Random, community_id: str | None, user_id: str) -> str:
        """Most often always the same; now and then the person themselves, or nobody that is known."""
        draw, people = rng.random(), self._people.get(community_id, [])
        if draw < 0.05 or not people:
            return user_id if draw < 0.03 else "nobody"
        return people[0] if draw < 0.6 else rng.choice(people)

    def share(self, rng: random.Random, community_id: str | None, number: int | str) -> str:
        """Most often a late one; now and then one of long ago, one to come, or one that never comes."""
        draw, shares = rng.random(), self._shares.get(community_id, [])
        if draw < 0.1 or not shares:
            later = number + rng.randrange(1, 40) if isinstance(number, int) else "x"
            return f"s{later}" if draw < 0.07 else "never"
        return rng.choice(shares[-8:] if draw < 0.8 else shares)


# --- one event -----------------------------------------------------------------------------------


def rfc3339(moment_ms: int, rng: random.Random | None = None) -> str:
    """A moment as text: with `rng`, in one of the forms that the contract takes (zones, microseconds)."""
    moment = EPOCH + timedelta(milliseconds=moment_ms)
    form = rng.random() if rng else 0.0
    if rng is None or form < 0.7:
        return moment.isoformat(timespec="milliseconds")[:-6] + "Z"
    if form < 0.8:
        # Below the millisecond: to be cut, so the moment stays the same one.
        return (moment + timedelta(microseconds=rng.randrange(1000))).isoformat(timespec="microseconds")
    if form < 0.95:
        return moment.astimezone(rng.choice(ZONES)).isoformat(timespec="milliseconds")
    return moment.isoformat(sep="t" if form < 0.98 else " ", timespec="microseconds")[:-6] + "z"


def event(
    rng: random.Random,
    action: str,
    moment_ms: int,
    user_id: str,
    group_id: str,
    community_id: str | None,
    number: int | str,
    links: Links | None = None,
) -> Raw:
    """One event of the contract as it would be written, optional fields there or not.

    `action` may also be one of `SPECIAL`. Without `links`, people and shares that are named are any.
    """
    links = links or Links({})
    chance_of_click = 1.0 if action == "click" else 0.2
    action, special = SPECIAL.get(action, (action, {}))
    made: Raw = {
        "event_id": f"e{number}" if isinstance(number, int) else number,
        "action": action,
        "group_id": group_id,
        "user_id": user_id,
        "occurred_at": rfc3339(moment_ms, rng),
    }
    if community_id is not None:
        made["community_id"] = community_id

    def maybe(name: str, chance: float, value: Callable[[], Any]) -> None:
        draw = rng.random()
        if draw < chance:
            made[name] = value()
        elif draw > 0.98:
            made[name] = None

    def content() -> str:
        return f"c{rng.randrange(200)}"

    def share() -> str:
        return links.share(rng, community_id, number)

    if action == "join":
        maybe("channel", 0.7, lambda: rng.choice(("direct", "invite", "ad", "qr")))
        maybe("inviter_id", 0.5, lambda: links.inviter(rng, community_id, user_id))
        maybe("content_id", 0.1, content)
        maybe("via_share_id", 0.4, share)
        maybe("role", 0.3, lambda: rng.choice(ROLES))
    elif action == "post":
        maybe("content_id", 0.5, content)
        maybe("reply_to", 0.3, content)
        if rng.random() < 0.4:
            made["role"] = rng.choice(ROLES)
        if rng.random() < 0.5:
            made["kind"] = rng.choice(("talk", "question", "benefit", "ad"))
    elif action == "share":
        made["content_id"] = content()
        made["share_id"] = f"s{number}"
        links.made(community_id, made["share_id"])
        maybe("parent_share_id", 0.4, share)
        made["content_id"] = links.content_of(community_id, made["share_id"], made["content_id"])
        if made.get("parent_share_id"):
            parent = links.content_of(community_id, made["parent_share_id"], made["content_id"])
            made["content_id"] = parent
        maybe("channel", 0.3, lambda: rng.choice(("chat", "feed")))
    elif action == "leave":
        maybe("reason", 0.4, lambda: rng.choice(("", "too many ads", "moved away", "x" * 256)))
    elif action == "purchase":
        made["order_id"] = f"o{number}"
        made["amount"] = rng.choice(
            (
                "0",
                "12",
                "9.99",
                "1.000001",
                "57",
                "999999999999.999999",
                f"{rng.randrange(10**4) / 100:.2f}",
                f"{rng.randrange(10**6) / 100:.2f}",
            )
        )
        made["currency"] = rng.choice(("EUR", "USD", "CNY", "XXX"))
        maybe("content_id", 0.3, content)
        maybe("via_share_id", 0.3, share)
    else:
        made["content_id"] = content()
        maybe("via_share_id", chance_of_click, share)
    if made.get("via_share_id") and made.get("content_id"):
        made["content_id"] = links.content_of(community_id, made["via_share_id"], made["content_id"])
    if rng.random() < 0.03:
        made["x_unknown"] = rng.choice((None, 1.5e300, "é", [], {"event_id": "not this one"}, [[["deep"]]]))
    return made | special


def encode(raw: Raw, rng: random.Random | None = None) -> bytes:
    """As JSON; with `rng`, now and then spaced, escaped or in another order of fields."""
    form = rng.random() if rng else 1.0
    if rng is None or form > 0.1:
        return json.dumps(raw, ensure_ascii=form > 0.5, separators=(",", ":")).encode()
    names = list(raw)
    rng.shuffle(names)
    return (
        json.dumps({name: raw[name] for name in names}, indent=2 if form < 0.03 else None).encode() + b" \n"
    )


# --- messages that are refused -------------------------------------------------------------------


def _with(**fields: Any) -> Callable[[Raw], bytes]:
    return lambda raw: encode(raw | fields)


def _without(name: str) -> Callable[[Raw], bytes]:
    return lambda raw: encode({key: value for key, value in raw.items() if key != name})


def _purchase(**fields: Any) -> Callable[[Raw], bytes]:
    return lambda raw: encode(
        raw
        | {"action": "purchase", "order_id": "o", "amount": "1", "currency": "EUR", "content_id": None}
        | fields
    )


def _raw_field(value: bytes, name: str = "group_id") -> Callable[[Raw], bytes]:
    """With these very bytes as a field's value."""
    return lambda raw: encode(raw | {name: "@here@"}).replace(b'"@here@"', value)


def padded(length: int) -> Callable[[Raw], bytes]:
    """A good event made `length` bytes long by an unknown field."""

    def make(raw: Raw) -> bytes:
        short = encode(raw | {"padding": ""})
        return encode(raw | {"padding": "x" * (length - len(short))})

    return make


MALFORMED: dict[str, tuple[str, Callable[[Raw], bytes]]] = {
    "too_large": ("too_large", padded(65_537)),
    "too_large_and_not_json": ("too_large", lambda raw: b"x" * 70_000),
    "empty": ("not_json", lambda raw: b""),
    "spaces": ("not_json", lambda raw: b" \n\t "),
    "text": ("not_json", lambda raw: b"hello"),
    "cut_off": ("not_json", lambda raw: encode(raw)[:-3]),
    "two_events": ("not_json", lambda raw: encode(raw) * 2),
    "trailing_comma": ("not_json", lambda raw: encode(raw)[:-1] + b",}"),
    "single_quotes": ("not_json", lambda raw: encode(raw).replace(b'"', b"'")),
    "byte_order_mark": ("not_json", lambda raw: b"\xef\xbb\xbf" + encode(raw)),
    "binary": ("not_json", lambda raw: bytes(range(256))),
    "utf_16": ("not_json", lambda raw: encode(raw).decode().encode("utf-16")),
    "invalid_utf8": ("not_json", _raw_field(b'"\xff\xfe"')),
    "invalid_utf8_in_unknown": ("not_json", _raw_field(b'"\xc3"', "x_unknown")),
    "encoded_surrogate": ("not_json", _raw_field(b'"\xed\xa0\x80"')),
    "lone_surrogate": ("not_json", _raw_field(b'"\\ud800"')),
    "nan": ("not_json", _raw_field(b"NaN")),
    "nan_in_unknown": ("not_json", _raw_field(b"NaN", "x_unknown")),
    "infinity": ("not_json", _raw_field(b"-Infinity", "x_unknown")),
    "raw_control_character": ("not_json", _raw_field(b'"a\x00b"')),
    "wrong_shape_then_cut_off": (
        "not_json",
        lambda raw: encode({"event_id": 5} | raw | {"event_id": 5})[:-1],
    ),
    "null": ("wrong_shape", lambda raw: b"null"),
    "number": ("wrong_shape", lambda raw: b"17"),
    "string": ("wrong_shape", lambda raw: b'"join"'),
    "array": ("wrong_shape", lambda raw: b"[" + encode(raw) + b"]"),
    "empty_object": ("wrong_shape", lambda raw: b"{}"),
    "number_for_text": ("wrong_shape", _with(user_id=17)),
    "null_for_text": ("wrong_shape", _with(group_id=None)),
    "null_community": ("wrong_shape", _with(community_id=None)),
    "object_for_text": ("wrong_shape", _with(group_id={"id": "g"})),
    "no_event_id": ("wrong_shape", _without("event_id")),
    "no_action": ("wrong_shape", _without("action")),
    "no_group_id": ("wrong_shape", _without("group_id")),
    "no_user_id": ("wrong_shape", _without("user_id")),
    "no_occurred_at": ("wrong_shape", _without("occurred_at")),
    "unknown_action": ("wrong_shape", _with(action="dance")),
    "action_in_capitals": ("wrong_shape", _with(action="JOIN")),
    "null_action": ("wrong_shape", _with(action=None)),
    "empty_event_id": ("wrong_shape", _with(event_id="")),
    "long_event_id": ("wrong_shape", _with(event_id="é" * 65)),
    "empty_user_id": ("wrong_shape", _with(user_id="")),
    "long_user_id": ("wrong_shape", _with(user_id="\U0001f600" * 129)),
    "empty_channel": ("wrong_shape", _with(action="join", channel="")),
    "unknown_role": ("wrong_shape", _with(action="post", role="king")),
    "null_role_of_post": ("wrong_shape", _with(action="post", role=None)),
    "unknown_kind": ("wrong_shape", _with(action="post", kind="poem")),
    "share_without_content": (
        "wrong_shape",
        lambda raw: encode(raw | {"action": "share", "content_id": None}),
    ),
    "long_reason": ("wrong_shape", _with(action="leave", reason="x" * 257)),
    "seven_decimals": ("wrong_shape", _purchase(amount="1.0000001")),
    "negative_amount": ("wrong_shape", _purchase(amount="-1")),
    "thirteen_digits": ("wrong_shape", _purchase(amount="1" * 13)),
    "amount_as_number": ("wrong_shape", _purchase(amount=9.99)),
    "amount_with_exponent": ("wrong_shape", _purchase(amount="1e3")),
    "amount_with_newline": ("wrong_shape", _purchase(amount="1\n")),
    "amount_in_other_digits": ("wrong_shape", _purchase(amount="\u0661")),
    "currency_lowercase": ("wrong_shape", _purchase(currency="eur")),
    "no_currency": ("wrong_shape", _purchase(currency=None)),
    "no_offset": ("wrong_shape", _with(occurred_at="2024-01-31T09:30:00")),
    "date_only": ("wrong_shape", _with(occurred_at="2024-01-31")),
    "no_such_day": ("wrong_shape", _with(occurred_at="2023-02-29T00:00:00Z")),
    "leap_second": ("wrong_shape", _with(occurred_at="2016-12-31T23:59:60Z")),
    "moment_as_number": ("wrong_shape", _with(occurred_at=1_700_000_000)),
    "moment_as_digits": ("wrong_shape", _with(occurred_at="1700000000")),
    "before_1970": ("before_1970", _with(occurred_at="1969-12-31T23:59:59.999Z")),
    "before_1970_by_zone": ("before_1970", _with(occurred_at="1970-01-01T00:30:00+01:00")),
    "before_1970_by_half_a_ms": ("before_1970", _with(occurred_at="1969-12-31T23:59:59.9995Z")),
    "first_year": ("before_1970", _with(occurred_at="0001-01-01T00:00:00+05:00")),
    "far_future": ("from_future", _with(occurred_at="2150-01-01T00:00:00Z")),
    "last_year": ("from_future", _with(occurred_at="9999-12-31T23:59:59.999999-05:00")),
}
"""Every kind of message that is refused: the reason, and how to make one of a good `view`."""

DISPUTED: dict[str, tuple[str, Callable[[Raw], bytes]]] = {
    "deep": ("not_json", _raw_field(b"[" * 300 + b"]" * 300, "x_unknown")),
    "very_deep": ("not_json", _raw_field(b"[" * 20_000 + b"]" * 20_000, "x_unknown")),
    "long_number": ("not_json", _raw_field(b"9" * 5000, "x_unknown")),
    "action_twice": ("", lambda raw: b'{"action":"dance",' + encode(raw)[1:]),
    "field_twice": ("", lambda raw: b'{"group_id":5,' + encode(raw)[1:]),
}
"""JSON at the edge, on which docs/intake.md is silent, and what the oracle makes of it ('' accepted).

Not in `community` and `strategies.logs`, since what a decoder does here is not worth equal speed."""


# --- a whole community ---------------------------------------------------------------------------


def community(
    seed: int,
    n_events: int,
    n_people: int,
    days: int,
    *,
    start_ms: int,
    disorder: bool = True,
    communities: int = 3,
    groups: int = 8,
    strange_ids: bool = True,
) -> list[bytes]:
    """Exactly `n_events` messages, as JSON in the order in which they arrive, over `days` from `start_ms`.

    Whole lives are kept: when `n_people` have more to do than `n_events`, there are fewer people; when they
    have less, they do more within the same sittings. With `disorder`, about one message in six is late,
    out of order, a repeat or no event at all.
    """
    if n_events and n_people < 1:
        raise ValueError("events need people")
    rng = random.Random(seed)
    n_good = round(n_events * 0.92) if disorder else n_events
    steps = _steps(rng, n_good, n_people, days)
    ids = _PersonIds(rng, n_people, communities, groups, strange_ids)
    links = Links(ids.by_community({person for _, _, person in steps}))
    arrivals: list[tuple[int, int, bytes]] = []
    for number, (moment, action, person) in enumerate(steps):
        user_id, community_id, homes = ids.of(person)
        good = event(rng, action, start_ms + moment, user_id, rng.choice(homes), community_id, number, links)
        if strange_ids and rng.random() < 0.002:
            good["event_id"] = (f"{number}" + rng.choice(STRANGE_IDS) * 64)[:64]
        arrivals.append((moment + (_delay(rng) if disorder else 0), number, encode(good, rng)))
    if disorder:
        _disturb(rng, arrivals, n_events, days, start_ms)
    arrivals.sort(key=lambda one: one[:2])
    return [value for _, _, value in arrivals]


def _steps(rng: random.Random, n: int, n_people: int, days: int) -> list[tuple[int, str, int]]:
    steps: list[tuple[int, str, int]] = []
    person = 0
    while len(steps) < n and person < n_people:
        steps += ((moment, action, person) for moment, action in life(rng, days))
        person += 1
    del steps[n:]
    while steps and len(steps) < n:
        moment, _, person = rng.choice(steps)
        step = (moment + rng.randrange(30 * SECOND_MS), rng.choice(("view", "view", "post", "share")), person)
        steps.append(step)
    while len(steps) < n:  # nobody had anything to do
        steps.append((rng.randrange(max(days, 1) * DAY_MS), "view", 0))
    steps.sort()
    return steps


class _PersonIds:
    """Who is who: community, groups and ids, some strange, some shared between communities."""

    def __init__(
        self, rng: random.Random, n_people: int, communities: int, groups: int, strange_ids: bool
    ) -> None:
        self.people: list[tuple[str, str | None, list[str]]] = []
        names = [None, *(f"community-{i}" for i in range(1, communities))]
        for number in range(n_people):
            # The first few are the same user_id in each community: other people all the same.
            user_id = f"p{number // communities}" if number < 10 * communities else f"p{number}"
            if strange_ids and rng.random() < 0.1:
                user_id = rng.choice(STRANGE_IDS)
                if rng.random() < 0.5:
                    user_id = (user_id * 128)[:128]  # as long as can be
            community_id = names[number % communities]
            if strange_ids and rng.random() < 0.02:
                community_id = rng.choice(("", "\u0000", 'c"1"', "社区")) + "x" * rng.choice((1, 120))
            homes = [f"g{rng.randrange(groups)}" for _ in range(rng.choice((1, 1, 1, 2, 3)))]
            if strange_ids and rng.random() < 0.05:
                homes.append(rng.choice(STRANGE_IDS))
            self.people.append((user_id, community_id, homes))

    def by_community(self, numbers: set[int]) -> dict[str | None, list[str]]:
        """The ids of these people, community by community."""
        found: dict[str | None, list[str]] = {}
        for user_id, community_id, _ in (self.people[number] for number in sorted(numbers)):
            found.setdefault(community_id, []).append(user_id)
        return found

    def of(self, person: int) -> tuple[str, str | None, list[str]]:
        return self.people[person]


def _delay(rng: random.Random) -> int:
    """How long a message is on its way."""
    draw = rng.random()
    if draw < 0.9:
        return rng.randrange(2 * SECOND_MS)
    if draw < 0.96:
        return rng.randrange(30 * MINUTE_MS)
    if draw < 0.985:
        return rng.randrange(12 * HOUR_MS)
    if draw < 0.995:
        return rng.randrange(10 * DAY_MS)
    return 27 * DAY_MS + rng.randrange(40 * DAY_MS)


def _disturb(
    rng: random.Random, arrivals: list[tuple[int, int, bytes]], n_events: int, days: int, start_ms: int
) -> None:
    """Fill up to `n_events` with repeats, other contents under a known event id, and malformed messages."""
    n_good = len(arrivals)
    kinds = list(MALFORMED.values())
    malformed = 0
    for number in range(n_good, n_events):
        draw = rng.random()
        if n_good and draw < 0.6:
            arrival, _, value = arrivals[rng.randrange(n_good)]
            if draw > 0.4:
                raw = json.loads(value)
                raw["occurred_at"] = rfc3339(start_ms + max(arrival, 0), rng)
                raw["group_id"] = f"other{rng.randrange(3)}"
                value = encode(raw, rng)
            again = rng.random()
            if again < 0.6:
                arrival += rng.randrange(50 * MINUTE_MS)
            elif again < 0.8:
                arrival += HOUR_MS + rng.randrange(-5 * MINUTE_MS, 5 * MINUTE_MS)
            else:
                arrival += rng.randrange(2 * HOUR_MS, 12 * DAY_MS)
            arrivals.append((arrival, number, value))
        else:
            # Each kind in turn, but the large ones seldom, as they would outweigh everything else.
            reason, make = kinds[malformed % len(kinds)]
            if reason == "too_large" and malformed > len(kinds) and rng.random() < 0.9:
                _, make = MALFORMED["empty"]
            malformed += 1
            moment = rng.randrange(max(days, 1) * DAY_MS)
            good = event(rng, "view", start_ms + moment, f"p{rng.randrange(20)}", "g0", None, f"bad{number}")
            arrivals.append((moment, number, make(good)))


# --- towards a log -------------------------------------------------------------------------------


def key_of(value: bytes) -> bytes:
    """The Kafka key that a producer would give it: its user_id, or nothing when there is none to see."""
    try:
        user_id = json.loads(value)["user_id"]
        return user_id.encode() if isinstance(user_id, str) else b""
    except (ValueError, TypeError, LookupError, RecursionError):
        return b""


def records(
    values: Iterable[bytes | tuple[bytes, bytes]], *, partitions: int = 1, timestamp_ms: int
) -> Iterator[LogRecord]:
    """Messages (or `(key, value)` pairs) as a log, by key, all taken at one moment of the broker."""
    next_offset = [0] * partitions
    for one in values:
        key, value = one if isinstance(one, tuple) else (key_of(one), one)
        partition = zlib.crc32(key) % partitions
        yield LogRecord(partition, next_offset[partition], timestamp_ms, value, key)
        next_offset[partition] += 1
