"""The page of ``groupbeat chain`` in the terminal: figures, generations, longest path, sharers, alerts."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.alert_words import in_words
from streams.chain_report import Branching, ChainReport, Generation
from streams.page import Row, When, in_zone, print_heading, print_section
from streams.report import as_table, shown
from streams.users.standing import milliseconds

BAR = 40
"""How long the longest bar is, in letters."""
REGIMES = {"dying": "below 1, it dies out", "critical": "about 1", "growing": "above 1, it grows"}


def print_chain(console: Console, report: ChainReport) -> None:
    """The page of a content."""
    row, when = report.row, in_zone(report.time_zone)
    console.rule(Text.assemble(shown(row["content_id"]), " in ", shown(row["community_id"]), style="bold"))
    console.print(Text("\n").join(_opening(report, when)))
    print_section(console, "Open alerts", _alerts(report, when))
    print_heading(console, "Figures")
    console.print(_lines(_figures(row, when)))
    print_heading(console, "Spread")
    console.print(_lines(_spread(report)))
    print_section(console, "Generations", _generations(report))
    if report.generations:
        console.print(
            Text("branching: shares of a share within 24 h, of those that had so long", style="dim")
        )
    print_section(console, "Longest path", _path(report, when))
    print_section(console, "Top sharers by reach", _top(report.by_reach))
    print_section(console, "Top sharers by money", _top(report.by_money))
    if report.by_reach or report.by_money:
        note = "what came through their shares and all below; one below another of theirs is part of that one"
        console.print(Text(note, style="dim"))


def span(seconds: float) -> str:
    """A time for people: `45 s`, `12 min`, `2 h 10 min`, `3 d 4 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days:,} d {hours} h" if hours else f"{days:,} d"


def _opening(report: ChainReport, when: When) -> Iterator[Text]:
    row = report.row
    clock = f" Stream time is {when(report.now)}." if report.now else ""
    yield Text(f"Moments are in {report.time_zone}.{clock}\n")
    yield Text.assemble("group: ", shown(row["group_id"]))
    yield Text(f"since {when(row['first_at'])}, last action {when(row['last_at'])}")


def _lines(lines: Iterator[tuple[str, str, str]]) -> Table:
    table = Table(show_header=False, box=None)
    for label, value, meaning in lines:
        table.add_row(label, Text(value, style="bold"), Text(meaning, style="dim"))
    return table


def _figures(row: Row, when: When) -> Iterator[tuple[str, str, str]]:
    rate = row["saturation"]
    saturated = "no shares" if rate is None else f"{rate:.1%}"
    virality = row["structural_virality"]
    yield "views", f"{row['views']:,}", ""
    yield "shares", f"{row['shares']:,} by {row['sharers']:,} people", f"{row['refused']:,} more were refused"
    yield "saturation", saturated, "part of the shares by people who had shared it before"
    yield "roots", f"{row['roots']:,}", "shares that name no parent"
    yield (
        "orphans",
        f"{row['orphans']:,}",
        "shares whose parent has not come in time; with the roots under the content",
    )
    yield "joins", f"{row['joins']:,}", ""
    yield "buyers", f"{row['buyers']:,}", f"{row['purchases']:,} purchases"
    yield "amount", f"{row['amount']:,.2f}", "whatever the currency"
    yield "conversions", f"{row['conversions']:,}", "joins and purchases"
    yield "size", f"{row['size']:,}", "nodes of the tree: the shares and the content"
    yield "depth", f"{row['depth']:,}", "shares from the content to the deepest one"
    yield "max breadth", f"{row['max_breadth']:,}", "most nodes of one depth"
    yield (
        "structural virality",
        "no shares" if virality is None else f"{virality:,.2f}",
        "mean distance between two nodes: up to 2 a star, all had it from one; high: long chains",
    )
    first = f"{row['shares_first_hour']:,} shares"
    since = when(row["first_share_at"]) if milliseconds(row["first_share_at"]) else ""
    yield "first hour", first, f"from {since}" if since else ""
    explosive = milliseconds(row["explosive_at"])
    yield "explosive", f"since {when(explosive)}" if explosive else "no", ""


def _spread(report: ChainReport) -> Iterator[tuple[str, str, str]]:
    cycle = report.cycle_time_s
    of = f"median from a share to one below it, of {report.shares_of_shares:,}"
    yield (
        "cycle time",
        "no share of a share" if cycle is None else span(cycle),
        of if cycle is not None else "",
    )
    branching = report.branching
    if not branching.interval:
        yield "regime", "not known", "the 24 h of no share ended in the last 7 days"
        return
    low, high = branching.interval
    yield (
        "regime",
        f"{REGIMES[branching.regime]}: {branching.mean:.2f} ({low:.2f} to {high:.2f}, 95 %)",
        f"shares of a share within 24 h: {branching.children:,} of {branching.nodes:,} whose 24 h ended in "
        "the last 7 days",
    )


def _generations(report: ChainReport) -> Table:
    found = report.generations
    if not found:
        return as_table((), ())
    table = Table()
    for name, right in (("depth", True), ("nodes", True), ("", False), ("branching", True), ("95 %", True)):
        table.add_column(name, justify="right" if right else "left")
    most = max(each.nodes for each in found)
    root = Generation(0, 1, Branching(0, 0, 0))
    before = 0
    for each in (root, *found):
        if each.depth > before + 1:
            left, shares = report.generations_left_out, report.shares_left_out
            table.add_row(
                "...", f"{shares:,}", Text(f"in {left:,} generations left out", style="dim"), "", ""
            )
        bar = "█" * max(1, round(BAR * each.nodes / most))
        mean, interval = each.branching.mean, each.branching.interval
        table.add_row(
            str(each.depth),
            f"{each.nodes:,}",
            bar,
            "" if mean is None else f"{mean:.2f}",
            "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}",
        )
        before = each.depth
    return table


def _path(report: ChainReport, when: When) -> Table:
    rows: list[tuple[object, ...]] = []
    before = 0
    for row in report.path:
        if row["depth"] > before + 1:
            rows.append(("...", f"{report.path_left_out:,} left out", "", "", "", "", ""))
        # Below the content there is nothing to be late to.
        delay = "" if row["delay_s"] is None else f"after {span(row['delay_s'])}"
        texts = (row["user_id"], row["share_id"], row["channel"])
        rows.append((f"{row['depth']:,}", *texts, when(row["at"]), delay, f"{row['reach']:,}"))
        before = row["depth"]
    return as_table(("depth", "who", "share_id", "channel", "when", "delay", "reach"), rows)


def _top(sharers: list[Row]) -> Table:
    names = ("user_id", "shares", "reach", "joins", "buyers", "amount")
    rows = [(*(row[name] for name in names[:-1]), f"{row['amount']:,.2f}") for row in sharers]
    return as_table(names, rows)


def _alerts(report: ChainReport, when: When) -> Table:
    rows = [
        (
            alert["rule"],
            alert["severity"],
            when(alert["opened_at"]),
            in_words(alert["rule"], alert["opened_evidence"], when),
        )
        for alert in report.open_alerts
    ]
    return as_table(("rule", "severity", "opened", "because"), rows)
