"""The six symptoms and the chaos warning. See docs/groups.md, Symptoms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.group_rules import Symptoms as SymptomRules

Figures = dict[str, Any]


@dataclass
class Situation:
    """What symptoms are judged by, at the close of a day."""

    figures: Figures
    rules: SymptomRules
    lift_lost: bool
    """Whether the alert benefit_lift_lost is open."""
    lift: tuple[int, float] | None
    """C1 and E1 of the latest results."""
    spam_ridden: bool = False
    """Whether it is open, for the chaos warning."""

    def three_weeks(self, name: str) -> int:
        """x_21: of the 21 days before the latest 7."""
        return int(self.figures[f"{name}_28"] - self.figures[f"{name}_7"])

    def differs(self, name: str, z: float) -> bool:
        """Whether x_7 surely differs from x_7_before, by z."""
        now, before = self.figures[f"{name}_7"], self.figures[f"{name}_7_before"]
        return bool(abs(now - before) >= z * math.sqrt(now + before))

    def differs_from_three(self, name: str, z: float) -> bool:
        """Whether x_7 surely differs from x_21, by z."""
        now, three = self.figures[f"{name}_7"], self.three_weeks(name)
        return bool(abs(now - three / 3) >= z * math.sqrt(now + three / 9))


@dataclass(frozen=True)
class Symptom:
    """When one opens, when it stays, how bad it is, and which figures are its evidence."""

    opens: Callable[[Situation], bool]
    stays: Callable[[Situation], bool]
    severity: Callable[[Situation], float]
    evidence: Callable[[Situation], Figures]
    least: float = 0.0

    def severity_now(self, now: Situation) -> float:
        """While it is open, 0 to 1."""
        return min(max(self.severity(now), self.least), 1.0)


def _surely_over(x: int, n: int, p: float, z: float) -> bool:
    """Whether a part x of n is over a line p."""
    return x > p * n + z * math.sqrt(p * (1 - p) * n)


def _excess(part: float, p: float) -> float:
    return (part - p) / (1 - p)


def _named(*names: str) -> Callable[[Situation], Figures]:
    return lambda now: {name: now.figures[name] for name in names}


# --- 1 hit-and-run ---


def _early_opens(now: Situation) -> bool:
    f, r = now.figures, now.rules
    enough = f["newcomers"] >= r.early_joins
    return bool(enough and _surely_over(f["gone_early"], f["newcomers"], r.early_part, r.early_sure))


def _early_stays(now: Situation) -> bool:
    f, r = now.figures, now.rules
    return bool(f["gone_early"] > r.keep * r.early_part * f["newcomers"])


def _early_severity(now: Situation) -> float:
    return _excess(now.figures["gone_early"] / now.figures["newcomers"], now.rules.early_part)


# --- 2 hollow growth ---


def _hollow_opens(now: Situation) -> bool:
    f, r = now.figures, now.rules
    joins_21, posts_21 = now.three_weeks("joins"), now.three_weeks("posts")
    return bool(
        min(f["joins_7_before"], f["posts_7_before"], f["joins_7"]) > 0
        and f["joins_7"] >= r.growth * f["joins_7_before"]
        and f["posts_7"] <= r.fall * f["posts_7_before"]
        and joins_21 >= r.growth_joins
        and f["joins_7"] >= r.growth * joins_21 / 3
        and f["posts_7"] <= r.fall * posts_21 / 3
        and now.differs_from_three("joins", r.growth_sure)
        and now.differs_from_three("posts", r.fall_sure)
    )


def _hollow_stays(now: Situation) -> bool:
    f, r = now.figures, now.rules
    return bool(
        f["joins_7"] >= r.keep * r.growth * f["joins_7_before"]
        and r.keep * f["posts_7"] <= r.fall * f["posts_7_before"]
        and f["posts_7_before"] > 0
    )


def _hollow_severity(now: Situation) -> float:
    usual = now.rules.fall * now.figures["posts_7_before"]
    return 1 - now.figures["posts_7"] / usual if usual else 0.0


# --- 3 monologue ---


def _monologue_opens(now: Situation) -> bool:
    f, r = now.figures, now.rules
    n = f["posts_7"] + f["staff_posts_7"]
    return bool(n >= r.staff_posts and _surely_over(f["staff_posts_7"], n, r.staff_part, r.staff_sure))


def _monologue_stays(now: Situation) -> bool:
    f, r = now.figures, now.rules
    n = f["posts_7"] + f["staff_posts_7"]
    return bool(n > 0 and f["staff_posts_7"] > r.keep * r.staff_part * n)


def _monologue_severity(now: Situation) -> float:
    f = now.figures
    return _excess(f["staff_posts_7"] / (f["posts_7"] + f["staff_posts_7"]), now.rules.staff_part)


# --- 4 no response ---


def _unheard(now: Situation) -> int:
    return int(now.figures["staff_posts_7"] - now.figures["heard_7"])


def _no_response_opens(now: Situation) -> bool:
    f, r = now.figures, now.rules
    enough = f["staff_posts_7"] >= r.heard_posts
    sure = _surely_over(_unheard(now), f["staff_posts_7"], r.unheard_part, r.heard_sure)
    return bool(enough and sure)


def _no_response_stays(now: Situation) -> bool:
    r = now.rules
    return bool(_unheard(now) > r.keep * r.unheard_part * now.figures["staff_posts_7"])


def _no_response_severity(now: Situation) -> float:
    return _excess(_unheard(now) / now.figures["staff_posts_7"], now.rules.unheard_part)


# --- 5 benefit-deaf ---


def _lift_lost(now: Situation) -> bool:
    return now.lift_lost


def _deaf_severity(now: Situation) -> float:
    assert now.lift is not None
    posts, usual = now.lift
    return 1 - posts / (now.rules.lift * usual)


def _deaf_evidence(now: Situation) -> Figures:
    posts, usual = now.lift or (0, 0.0)
    return {"posts": posts, "usual": usual}


# --- 6 spam-ridden ---


def _spam_opens(now: Situation) -> bool:
    f, r = now.figures, now.rules
    enough = f["posts_7"] >= r.ads_posts
    return bool(enough and _surely_over(f["ads_7"], f["posts_7"], r.ads_part, r.ads_sure))


def _spam_stays(now: Situation) -> bool:
    f, r = now.figures, now.rules
    return bool(f["ads_7"] > r.keep * r.ads_part * f["posts_7"])


def _spam_severity(now: Situation) -> float:
    return _excess(now.figures["ads_7"] / now.figures["posts_7"], now.rules.ads_part)


# --- the chaos warning ---


def _chaos_opens(now: Situation) -> bool:
    f, r = now.figures, now.rules
    return bool(
        f["joins_7"] >= r.chaos_joins
        and f["joins_7"] >= r.chaos_growth * f["joins_7_before"]
        and now.differs("joins", r.chaos_sure)
        and f["joins_7"] >= r.chaos_growth * now.three_weeks("joins") / 3
        and now.differs_from_three("joins", r.chaos_rise)
        and (now.spam_ridden or _many_leave(now))
    )


def _many_leave(now: Situation) -> bool:
    """Of those who joined, and more than in the three weeks before."""
    f, r = now.figures, now.rules
    return bool(
        f["leaves_7"] > r.chaos_leaves * f["joins_7"]
        and f["leaves_7"] > now.three_weeks("leaves") / 3
        and now.differs_from_three("leaves", r.chaos_rise)
    )


def _chaos_stays(now: Situation) -> bool:
    f, r = now.figures, now.rules
    return bool(
        f["joins_7"] >= r.keep * r.chaos_growth * f["joins_7_before"]
        and f["joins_7"] > 0
        and (f["leaves_7"] > r.keep * r.chaos_leaves * f["joins_7"] or now.spam_ridden)
    )


def _chaos_severity(now: Situation) -> float:
    return _excess(now.figures["leaves_7"] / now.figures["joins_7"], now.rules.chaos_leaves)


def _chaos_evidence(now: Situation) -> Figures:
    return _named("joins_7", "joins_7_before", "leaves_7")(now) | {"spam_ridden": int(now.spam_ridden)}


SYMPTOMS: dict[str, Symptom] = {
    "hit_and_run": Symptom(_early_opens, _early_stays, _early_severity, _named("newcomers", "gone_early")),
    "hollow_growth": Symptom(
        _hollow_opens,
        _hollow_stays,
        _hollow_severity,
        _named("joins_7", "joins_7_before", "posts_7", "posts_7_before"),
    ),
    "monologue": Symptom(
        _monologue_opens, _monologue_stays, _monologue_severity, _named("posts_7", "staff_posts_7")
    ),
    "no_response": Symptom(
        _no_response_opens, _no_response_stays, _no_response_severity, _named("staff_posts_7", "heard_7")
    ),
    "benefit_deaf": Symptom(_lift_lost, _lift_lost, _deaf_severity, _deaf_evidence),
    "spam_ridden": Symptom(_spam_opens, _spam_stays, _spam_severity, _named("posts_7", "ads_7")),
    "chaos_warning": Symptom(_chaos_opens, _chaos_stays, _chaos_severity, _chaos_evidence, least=0.01),
}
"""In the order in which they are judged."""
