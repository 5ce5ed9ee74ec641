"""The rules of symptoms (docs/groups.md), over the events of whole groups at once.

It takes what happened in a group as columns, counts by day, and evaluates the closes of all days of all
groups side by side: the same rules as the stage's in an independent and much shorter form. Its simplifications: events
come in order, none is late; nobody comes back; more than 8 staff posts in half an hour are all remembered.
"""

from __future__ import annotations

import numpy as np

from bench.quality.communities import DAYS, END_MS, MEMBER, NOBODY, OPERATOR, Events, Floats, Group, Moments
from schemas.actions import AD, BENEFIT, JOIN, LEAVE, POST
from schemas.group_rules import Groups, Symptoms
from schemas.rules import DAY_MS, HOUR_MS
from streams.calendar import WEEK_HOURS, Zone, hour_of, start_of_hour

MINUTE_MS = 60_000
Flags = np.ndarray
FIGURES = ("newcomers", "gone_early", "joins_7", "joins_7_before", "leaves_7", "posts_7", "posts_7_before", "staff_posts_7", "heard_7", "ads_7", "deaf")
NAMES = ("hit_and_run", "hollow_growth", "monologue", "no_response", "benefit_deaf", "spam_ridden", "chaos_warning")


def starts_of_days(zone: Zone, start: int) -> Moments:
    first = int(hour_of(zone, start)) // 24
    return np.array([start_of_hour(zone, 24 * (first + day)) for day in range(DAYS + 1)], np.int64)


def past(daily: Floats, days: int, ago: int = 0) -> Floats:
    """Sums over so many days that end with each day, or `ago` days before it."""
    sums = np.concatenate([np.zeros(days + ago), np.cumsum(daily)])
    return np.asarray(sums[days:days + len(daily)] - sums[: len(daily)]) if ago == 0 else past(np.concatenate([np.zeros(ago), daily])[: len(daily)], days)


def figures(group: Group, rules: Symptoms, groups: Groups, usual=None) -> dict[str, Floats]:
    e, zone = group.events, Zone.of(group.zone)
    start = int(e.t[0])
    starts = starts_of_days(zone, start)
    day = np.searchsorted(starts, e.t, "right") - 1

    def count(mask) -> Floats:
        return np.bincount(day[mask], minlength=DAYS).astype(float)

    post = e.action == POST
    member, staff = post & (e.role == MEMBER), post & (e.role == OPERATOR)
    t_member = e.t[member]
    following = np.append(t_member, END_MS + DAY_MS)[np.searchsorted(t_member, e.t)]
    heard = staff & (following - e.t <= groups.heard_minutes * MINUTE_MS)
    joins, leaves, posts = count(e.action == JOIN), count(e.action == LEAVE), count(member)
    newcomers, gone = newcomers_and_gone(e, day, starts, groups.early_days)
    return {
        "newcomers": newcomers, "gone_early": gone,
        "joins_7": past(joins, 7), "joins_7_before": past(joins, 7, 7), "leaves_7": past(leaves, 7),
        "posts_7": past(posts, 7), "posts_7_before": past(posts, 7, 7),
        "staff_posts_7": past(count(staff), 7), "heard_7": past(count(heard), 7),
        "ads_7": past(count(member & (e.kind == AD)), 7),
        "posts_sq": posts, "joins_d": joins, "leaves_d": leaves, "ads_d": count(member & (e.kind == AD)), "staff_d": count(staff), "heard_d": count(heard),
        "deaf": deaf(e, zone, starts, rules, usual),
    }


def newcomers_and_gone(e: Events, day: Moments, starts: Moments, early_days: int):
    early = early_days * DAY_MS
    joined_at = np.full(e.user.max() + 1, -1, np.int64)
    joined_day = np.zeros(len(joined_at), np.int64)
    j = e.action == JOIN
    joined_at[e.user[j]] = e.t[j]
    joined_day[e.user[j]] = day[j]
    left = np.full(len(joined_at), 4 * END_MS, np.int64)
    l = e.action == LEAVE
    left[e.user[l]] = e.t[l]
    active = ~l & (joined_at[e.user] >= 0)
    u, t = e.user[active], e.t[active]
    soon = t < joined_at[u] + early
    last = joined_at.copy()
    np.maximum.at(last, u[soon], t[soon])
    back = left.copy()
    np.minimum.at(back, u[~soon], t[~soon])
    ids = np.flatnonzero(joined_at >= 0)
    first = joined_day[ids]
    # start(D+1) >= x  <=>  D >= searchsorted(starts, x) - 1
    gone_from = np.searchsorted(starts, last[ids] + early) - 1
    gone_to = np.searchsorted(starts, back[ids], "right") - 1  # first D with start(D+1) > back
    left_early = left[ids] - joined_at[ids] < early
    gone_from = np.where(left_early, np.searchsorted(starts, left[ids], "right") - 1, gone_from)
    end = first + 28
    gone_to = np.where(left_early, end, np.minimum(gone_to, end))
    diff_new, diff_gone = np.zeros(DAYS + 60), np.zeros(DAYS + 60)
    np.add.at(diff_new, first, 1)
    np.add.at(diff_new, end, -1)
    ok = gone_from < gone_to
    np.add.at(diff_gone, gone_from[ok], 1)
    np.add.at(diff_gone, gone_to[ok], -1)
    return np.cumsum(diff_new)[:DAYS], np.cumsum(diff_gone)[:DAYS]


def usual_as_defined(t, hour, start_hour, benefit_t, benefit_hour, part, K, rules):
    """r at each benefit"""
    free = np.ones(len(t), bool)
    i = np.searchsorted(benefit_t, t, "right") - 1
    free &= ~((i >= 0) & (t - benefit_t[np.maximum(i, 0)] < HOUR_MS))
    t, hour = t[free], hour[free]
    week, place = (hour + 72) // 168, (hour + 72) % 168
    w0 = (start_hour + 72) // 168
    W, by_hour, by_day = -((start_hour + 72) % 168) / 168.0, np.zeros(24), np.zeros(7)
    out = np.zeros(len(benefit_t))
    at = w0
    done = 0
    for b in range(len(benefit_t)):
        w = (benefit_hour[b] + 72) // 168
        q = (benefit_hour[b] + 72) % 168
        end = np.searchsorted(t, benefit_t[b])
        while at < w:
            stop = np.searchsorted(week, at, "right")
            by_hour += np.bincount(place[done:stop] % 24, minlength=24); by_day += np.bincount(place[done:stop] // 24, minlength=7)
            done = stop
            by_hour *= K; by_day *= K; W = K * (W + 1); at += 1
        h = by_hour + np.bincount(place[done:end] % 24, minlength=24)
        d = by_day + np.bincount(place[done:end] // 24, minlength=7)
        T, X = h.sum(), W + q / 168
        if T <= 0 or X <= 0:
            continue
        r = lambda p: h[p % 24] * d[p // 24] / (T * X)
        out[b] = (1 - part[b]) * r(q) + part[b] * r((q + 1) % 168)
    return out


def deaf(e, zone, starts, rules, usual=None):
    """Whether the alert is open at each close."""
    post = e.action == POST
    t = e.t[post & (e.role == MEMBER)]
    bt = e.t[post & (e.role == OPERATOR) & (e.kind == BENEFIT)]
    off = zone.offsets
    def hours(x): return (x + off[np.searchsorted(zone.starts, x, "right") - 1]) // HOUR_MS
    hb = hours(bt)
    part = ((bt + off[np.searchsorted(zone.starts, bt, "right") - 1]) % HOUR_MS) / HOUR_MS
    start_hour = int(hours(e.t[:1])[0])
    K = 2 ** (-1 / rules.lift_half_life_weeks)
    r = (usual or usual_as_defined)(t, hours(t), start_hour, bt, hb, part, K, rules)
    count = np.searchsorted(t, bt + HOUR_MS) - np.searchsorted(t, bt)
    known = (hb + 72) // 168 - (start_hour + 72) // 168 >= rules.lift_weeks
    return alert(bt[known] + HOUR_MS, count[known].astype(float), r[known], starts, rules)


def alert(due, C, E, starts, rules):
    out = np.zeros(DAYS)
    is_open = False
    at = np.searchsorted(starts, due) - 1  # at a tie the close comes first
    marks = np.zeros(len(due), bool)
    for i in range(9, len(due)):
        c1, e1, c0, e0 = C[i-4:i+1].sum(), E[i-4:i+1].sum(), C[i-9:i-4].sum(), E[i-9:i-4].sum()
        if is_open:
            if c1 >= rules.lift * e1: is_open = False
        elif opens_lift(c1, e1, c0, e0, rules): is_open = True
        marks[i] = is_open
    n = np.searchsorted(due, starts[1:], "right")
    ok = n > 0
    out[ok] = marks[n[ok] - 1]
    return out


def opens_lift(c1, e1, c0, e0, rules):
    return e0 >= rules.lift_posts and e1 >= rules.lift_posts and c1 < rules.lift * e1 and c0 > rules.lift_before * e0


def evaluate(f: dict[str, Floats], s: Symptoms) -> np.ndarray:
    """f: arrays [groups, days]; open [7, groups, days]."""
    groups, days = f["newcomers"].shape
    state = np.zeros((7, groups), bool)
    out = np.zeros((7, groups, days), bool)
    for d in range(days):
        x = {k: v[:, d] for k, v in f.items()}
        opens, stays = rules_of_a_close(x, s)
        for i in range(6):
            state[i] = np.where(state[i], stays[i], opens[i])
        o, st = chaos(x, s, state[5])
        state[6] = np.where(state[6], st, o)
        out[:, :, d] = state
    return out


def rules_of_a_close(x, s):
    k = s.keep
    n = x["posts_7"] + x["staff_posts_7"]
    unheard = x["staff_posts_7"] - x["heard_7"]
    sj = s.sure * np.sqrt(x["joins_7"] + x["joins_7_before"]); sp = s.sure * np.sqrt(x["posts_7"] + x["posts_7_before"])
    opens = [
        (x["newcomers"] >= s.early_joins) & (x["gone_early"] > s.early_part * x["newcomers"]),
        (x["joins_7"] >= s.growth * x["joins_7_before"]) & (x["posts_7"] <= s.fall * x["posts_7_before"])
        & (x["joins_7"] - x["joins_7_before"] >= sj) & (x["posts_7_before"] - x["posts_7"] >= sp)
        & (x["joins_7"] > 0) & (x["joins_7_before"] > 0) & (x["posts_7_before"] > 0),
        (n >= s.staff_posts) & (x["staff_posts_7"] > s.staff_part * n),
        (x["staff_posts_7"] >= s.heard_posts) & (unheard > s.unheard_part * x["staff_posts_7"]),
        x["deaf"] > 0,
        (x["posts_7"] >= s.ads_posts) & (x["ads_7"] > s.ads_part * x["posts_7"]),
    ]
    stays = [
        x["gone_early"] > k * s.early_part * x["newcomers"],
        (x["joins_7"] >= k * s.growth * x["joins_7_before"]) & (k * x["posts_7"] <= s.fall * x["posts_7_before"]),
        (n > 0) & (x["staff_posts_7"] > k * s.staff_part * n),
        unheard > k * s.unheard_part * x["staff_posts_7"],
        x["deaf"] > 0,
        x["ads_7"] > k * s.ads_part * x["posts_7"],
    ]
    return opens, stays


def chaos(x, s, spam):
    k = s.keep
    sj = s.sure * np.sqrt(x["joins_7"] + x["joins_7_before"])
    o = (x["joins_7"] >= s.chaos_joins) & (x["joins_7"] >= s.chaos_growth * x["joins_7_before"]) & (x["joins_7"] - x["joins_7_before"] >= sj) & ((x["leaves_7"] > s.chaos_leaves * x["joins_7"]) | spam)
    st = (x["joins_7"] >= k * s.chaos_growth * x["joins_7_before"]) & (x["joins_7"] > 0) & ((x["leaves_7"] > k * s.chaos_leaves * x["joins_7"]) | spam)
    return o, st
