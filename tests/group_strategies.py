"""Hypothesis strategies for groups: small logs of what groups are made of, and thresholds that they reach."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from schemas.rules import Rules
from tests.generate import encode, rfc3339
from tests.lives import DAY_MS, HOUR_MS, MINUTE_MS
from tests.strategies import SPAN_DAYS, START_MS, ZONES, Message

MEMBERS = tuple(f"m{n}" for n in range(12))
STAFF = ("op", "mod", "m0")
"""Who posts as staff: the last is a member now and then."""
PLACES = (("g1", None), ("g1", None), ("g2", None), ("g1", "c2"))
KINDS = ("talk", "question", "benefit", "ad")
CHANNELS = ("direct", "invite", "ad", "qr", "poster", "fair", "radio")

_GAPS = st.one_of(
    st.just(0),
    st.integers(1, 3 * HOUR_MS),
    st.integers(1, 10 * DAY_MS),
    st.sampled_from([7 * DAY_MS, 28 * DAY_MS, HOUR_MS, DAY_MS]).flatmap(
        lambda gap: st.integers(-1, 1).map(lambda more: gap + more)
    ),
    st.integers(10 * DAY_MS, 60 * DAY_MS),
)
_LATE_MS = (10 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, 26 * HOUR_MS, 8 * DAY_MS, 27 * DAY_MS, 30 * DAY_MS)
_SCENES = (
    "routine", "crowd", "crowd", "campaign", "campaign", "talks", "talks", "ads", "monologue", "monologue",
    "hollow", "errands", "fade",
)  # fmt: skip


@st.composite
def group_logs(draw: st.DrawFn, *, max_events: int = 400) -> list[Message]:
    """A log of 0 to `max_events` messages over up to 400 days, a few people in a few groups, as (key, value).

    Made of scenes: a routine, a crowd that comes and goes, a campaign of benefits, talks with and without
    replies, with gaps in between; most are at home in one group. Some messages are late by minutes to weeks.
    """
    log = _GroupLog(draw)
    for _ in range(draw(st.integers(0, 14))):
        log.wait(draw(_GAPS))
        getattr(log, draw(st.sampled_from(_SCENES)))()
    return log.messages[:max_events]


class _GroupLog:
    """A log as it grows. What is of no use to shrink comes from a seed."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.messages: list[Message] = []
        self._draw = draw
        self._now = START_MS + draw(st.integers(0, 200)) * HOUR_MS
        self._place = draw(st.sampled_from(PLACES))
        self._home = self._place
        self._rng = random.Random(draw(st.integers(0, 1000)))
        self._late = draw(st.sampled_from((0.0, 0.05, 0.3)))
        self._topics = ["c0"]

    def wait(self, gap: int) -> None:
        """Time passes; and what comes next may be elsewhere."""
        self._now = min(self._now + gap, START_MS + SPAN_DAYS * DAY_MS)
        self._place = self._draw(st.sampled_from((self._home,) * 4 + PLACES))

    def _say(self, action: str, user: str, **fields: str | None) -> None:
        number, (group, community) = len(self.messages), self._place
        late = self._rng.choice(_LATE_MS) if self._rng.random() < self._late else 0
        made: dict[str, Any] = {
            "event_id": f"e{number}",
            "action": action,
            "group_id": group,
            "user_id": user,
            "occurred_at": rfc3339(self._now - late),
            **({} if community is None else {"community_id": community}),
            **{name: value for name, value in fields.items() if value is not None},
        }
        self.messages.append((user.encode(), encode(made)))

    def _post(self, user: str, kind: str = "talk", **fields: str | None) -> None:
        self._say("post", user, kind=kind, **fields)

    def _staff_post(self, kind: str = "talk", **fields: str | None) -> None:
        role = self._rng.choice(("operator", "operator", "moderator"))
        self._post(self._rng.choice(STAFF), kind, role=role, **fields)

    def _some(self, least: int, most: int) -> list[str]:
        return self._rng.sample(MEMBERS, self._draw(st.integers(least, most)))

    def routine(self) -> None:
        """A post a day or so, for weeks, and nothing after: a habit, and gaps to compare silence with."""
        step, jitter = self._draw(st.sampled_from((DAY_MS // 2, DAY_MS, DAY_MS))), self._rng.random()
        for _ in range(self._draw(st.integers(10, 50))):
            self._post(self._rng.choice(MEMBERS), self._rng.choice(("talk", "talk", "talk", "question")))
            self._now += step + int((self._rng.random() - 0.5) * jitter * DAY_MS / 4)

    def crowd(self) -> None:
        """Many come within the hour, each on a channel; after some days they leave, or do nothing more."""
        people = self._some(3, 12)
        for user in people:
            self._say(
                "join",
                user,
                channel=self._rng.choice((*CHANNELS, None)),
                inviter_id=self._rng.choice((None, "m1", user)),
                role=self._rng.choice((None, None, None, "member", "moderator")),
            )
            self._now += self._rng.randrange(5 * MINUTE_MS)
        self._now += self._draw(st.sampled_from((HOUR_MS, DAY_MS, 6 * DAY_MS, 8 * DAY_MS, 30 * DAY_MS)))
        for user in people[: self._draw(st.integers(0, 12))]:
            self._say("leave", user)
            self._now += self._rng.randrange(20 * MINUTE_MS)

    def campaign(self) -> None:
        """Posts at one hour of each day, then benefits: by turns 15 with more posts after, 7 with none."""
        usual, days = self._draw(st.integers(1, 2)), self._draw(st.integers(7, 12))
        rounds, posts_first = self._draw(st.integers(1, 3)), self._draw(st.sampled_from((True, True, False)))
        turns = [turn == posts_first for turn in (True, False) * rounds][: rounds + 1]
        benefits = [posts_now for posts_now in turns for _ in range(15 if posts_now else 7)]
        self._now += -self._now % HOUR_MS
        for day in range(days + len(benefits)):
            morning = self._now
            for _ in range(usual):
                self._post(self._rng.choice(MEMBERS))
            if day >= days:
                self._now += self._rng.randrange(10 * MINUTE_MS)
                self._staff_post("benefit")
                for _ in range(2 * usual + self._rng.randrange(1, 4) if benefits[day - days] else 0):
                    self._now += self._rng.randrange(10 * MINUTE_MS)
                    self._post(self._rng.choice(MEMBERS), self._rng.choice(("talk", "benefit")))
            self._now = morning + self._rng.choice((DAY_MS, DAY_MS, DAY_MS, 2 * DAY_MS))

    def talks(self) -> None:
        """Questions and topics, and replies within minutes, hours or days, or none; somebody may leave."""
        for _ in range(self._draw(st.integers(1, 14))):
            name = f"c{self._rng.randrange(400)}"
            self._topics.append(name)
            asks = self._rng.choice(MEMBERS)
            if self._rng.random() < 0.2:
                self._staff_post(self._rng.choice(KINDS), content_id=name)
            else:
                self._post(asks, self._rng.choice(("question", "question", "talk")), content_id=name)
            self._now += self._rng.choice((0, 1, 59_999, 4 * MINUTE_MS, 29 * MINUTE_MS, 2 * HOUR_MS, DAY_MS))
            if self._rng.random() < 0.1:
                self._say("leave", asks)
            for _ in range(self._rng.choice((0, 0, 1, 1, 2))):
                replied = name if self._rng.random() < 0.8 else self._rng.choice(self._topics)
                role = self._rng.choice((None, None, "moderator"))
                self._post(self._rng.choice(MEMBERS[:6]), reply_to=replied, role=role)
                self._now += self._rng.randrange(HOUR_MS)

    def ads(self) -> None:
        """Ads within minutes, by one member or some."""
        people = self._some(1, 3)
        for _ in range(self._draw(st.integers(2, 20))):
            self._post(self._rng.choice(people), "ad")
            self._now += self._rng.randrange(12 * MINUTE_MS)

    def monologue(self) -> None:
        """Staff post, and members hardly ever do."""
        for _ in range(self._draw(st.integers(2, 12))):
            self._staff_post(self._rng.choice(("talk", "talk", "benefit", "ad")))
            self._now += self._rng.choice((0, 10 * MINUTE_MS, 30 * MINUTE_MS, 31 * MINUTE_MS, 5 * HOUR_MS))
            if self._rng.random() < 0.15:
                self._post(self._rng.choice(MEMBERS))
            self._now += self._rng.choice((HOUR_MS, 9 * HOUR_MS, DAY_MS))

    def hollow(self) -> None:
        """A week with posts and somebody who joins; then one with more who join, and few posts."""
        people = self._some(4, 10)
        for user in people[:1] * 2 + people[1:3] * 2:
            self._post(user)
            self._now += DAY_MS
        self._say("join", "new")
        self._now += 2 * DAY_MS
        for user in (*people[3:], "x1", "x2", "x3"):
            self._say("join", user, channel=self._rng.choice(CHANNELS))
            self._now += self._rng.randrange(12 * HOUR_MS)

    def errands(self) -> None:
        """Anything else that people do."""
        for _ in range(self._draw(st.integers(1, 15))):
            user, number = self._rng.choice(MEMBERS), len(self.messages)
            action = self._rng.choice(("share", "purchase", "view", "view", "leave", "join"))
            fields: dict[str, dict[str, str]] = {
                "share": {"content_id": "c", "share_id": f"s{number}"},
                "purchase": {"order_id": f"o{number}", "amount": "12.345678", "currency": "EUR"},
                "view": {"content_id": "c"},
            }
            self._say(action, user, **fields.get(action, {}))
            self._now += self._rng.choice((0, MINUTE_MS, 7 * HOUR_MS, DAY_MS))

    def fade(self) -> None:
        """Some are active one by one, and then most of them on one day, after which they fall silent."""
        for turn in range(self._draw(st.integers(0, 6))):
            self._post(MEMBERS[turn])
            self._now += 3 * DAY_MS
        for user in self._some(6, 12):
            self._post(user)
        self._now += self._draw(st.integers(1, 40)) * DAY_MS
        self._say("view", "m2", content_id="c")


# --- rules ---------------------------------------------------------------------------------------


def _some_of(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=columns)


_PARTS = st.sampled_from((0.1, 0.3, 0.5, 0.8))
_LEAST = st.integers(1, 4)
_GROUPS = _some_of(
    early_days=st.integers(1, 14),
    ice_hours=st.integers(1, 48),
    core_days=st.integers(2, 6),
    silent_days=st.sampled_from((1, 2, 3, 7, 27)),
    heard_minutes=st.sampled_from((1, 10, 30, 600)),
    answer_minutes=st.sampled_from((1, 30, 240, 1440)),
    spam_minutes=st.sampled_from((5, 60, 1440)),
    spam_ads=st.integers(2, 16),
    outbreak_growth=st.sampled_from((0.1, 0.3, 1.0)),
    outbreak_joins=st.integers(1, 6),
)
_SURE = (
    "early_sure", "growth_sure", "fall_sure", "staff_sure", "heard_sure", "lift_sure", "ads_sure",
    "chaos_sure", "chaos_rise",
)  # fmt: skip
_SYMPTOMS = st.fixed_dictionaries(
    {
        **dict.fromkeys(_SURE, st.sampled_from((0.0, 0.0, 0.3, 1.0))),
        "early_joins": _LEAST,
        "growth_joins": _LEAST,
        "staff_posts": _LEAST,
        "heard_posts": _LEAST,
        "ads_posts": _LEAST,
        "chaos_joins": _LEAST,
        "lift_posts": st.sampled_from((1.0, 1.0, 3.0)),
        "lift_weeks": st.sampled_from((1, 1, 2)),
    },
    optional={
        "keep": _PARTS,
        "early_part": _PARTS,
        "growth": st.sampled_from((1.0, 1.2, 3.0)),
        "fall": st.sampled_from((0.5, 0.8, 0.95)),
        "staff_part": _PARTS,
        "unheard_part": _PARTS,
        "lift": st.sampled_from((0.5, 1.0, 1.2)),
        "lift_before": st.sampled_from((1.25, 1.5)),
        "lift_half_life_weeks": st.sampled_from((1.0, 3.7, 8.0)),
        "ads_part": _PARTS,
        "chaos_growth": st.sampled_from((0.5, 1.0, 2.0)),
        "chaos_leaves": _PARTS,
    },
)
_WEIGHTS = st.sampled_from((0.0, 0.7, 1.0, 5.0))
_HEALTH = _some_of(
    participation=_WEIGHTS,
    participation_full=_PARTS,
    hit_and_run=st.sampled_from((0.3, 1.0)),
    hollow_growth=_WEIGHTS,
    no_response=_WEIGHTS,
    benefit_deaf=_WEIGHTS,
    chaos_warning=_WEIGHTS,
)
_SILENCE = st.fixed_dictionaries(
    {"min_posts": st.integers(10, 20), "min_weeks": st.integers(2, 3), "return_days": st.integers(31, 400)},
    optional={
        "quiet_days": st.integers(1, 30),
        "min_hours": st.integers(1, 30),
        "tail_weeks": st.integers(4, 26),
        "half_life_weeks": st.sampled_from((1.0, 3.7, 20.0)),
    },
)
_CHURN = st.fixed_dictionaries(
    {
        "warm_up_weeks": st.integers(2, 3),
        "least_leaves": st.integers(2, 4),
        "false_alarm_months": st.sampled_from((1.0, 1.0, 5.0)),
    },
    optional={
        "daily_from": st.sampled_from((0.05, 0.2)),
        "hourly_from": st.sampled_from((0.2, 0.5, 5.0)),
        "longest_days": st.integers(3, 28),
        "late_hours": st.sampled_from((1, 24, 600)),
    },
)
_OVERRIDES = st.fixed_dictionaries(
    {
        "rates_min_count": st.integers(1, 3),
        "groups": st.builds(lambda seed, others: others | {"seed_members": seed}, st.integers(2, 5), _GROUPS),
        "symptoms": _SYMPTOMS,
        "silence": _SILENCE,
        "churn": _CHURN,
    },
    optional={"time_zone": st.sampled_from(ZONES), "health": _HEALTH},
)


def group_rulesets() -> st.SearchStrategy[Rules]:
    """Rules for the communities of `group_logs`: low thresholds, or the defaults now and then."""
    common = st.integers(0, 9).flatmap(lambda n: st.just({}) if n == 9 else _OVERRIDES)
    return st.builds(
        lambda common, other: Rules.model_validate(common | {"communities": {"c2": other}}),
        common,
        st.one_of(st.just({}), _OVERRIDES),
    )
