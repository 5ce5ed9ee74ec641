"""The page of a review in a real browser: on a desk and on a phone, in light and in dark, and on paper."""

from __future__ import annotations

import base64
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from streams.review.document import page
from streams.review.figures import Part
from streams.review.reading import Review
from streams.review.sentences import summary
from streams.review.spans import back_from
from tests import review_story
from tests.chromium import Browser, ensure_chromium
from tests.prometheus_tools import ToolsUnavailable
from tests.test_review_html import contrast

DESK, PHONE = 1280, 360
MOST_OF_ONE_COLOUR = 0.9
"""Of a band of the page as high as a screen: with more of it, there is nothing to see."""

TOO_WIDE = """
[...document.querySelectorAll('body *')].filter(element =>
    !element.closest('.scroll') && element.getBoundingClientRect().right > innerWidth + 0.5
).map(element => element.outerHTML.slice(0, 80))
"""
CUT = """
[...document.querySelectorAll('svg')].flatMap(svg => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(text => {
        const at = text.getBoundingClientRect();
        return at.left < frame.left - 1 || at.right > frame.right + 1 || at.top < frame.top - 1;
    }).map(text => svg.getAttribute('aria-label').slice(0, 40) + ': ' + text.textContent);
})
"""
"""Words of charts that stand out of their picture."""
OVERLAPPING = """
[...document.querySelectorAll('svg')].flatMap(svg => {
    const places = text => [text.textContent, text.getBoundingClientRect()];
    const texts = [...svg.querySelectorAll('text')].map(places);
    return texts.flatMap(([one, a], n) => texts.slice(n + 1).filter(([, b]) =>
        a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom
    ).map(([other]) => one + ' and ' + other));
})
"""
"""Words of a chart that stand on others, by more than the room above and below letters."""
TEXT_COLOURS = """
[...new Set([...document.querySelectorAll('body *')].filter(element =>
    [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
).map(element => {
    const style = getComputedStyle(element);
    let ground = element;
    while (getComputedStyle(ground).backgroundColor === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
    const text = element.namespaceURI.endsWith('svg') ? style.fill : style.color;
    return text + ' on ' + getComputedStyle(ground).backgroundColor;
}))]
"""
SMALLEST_LETTERS = """
Math.min(...[...document.querySelectorAll('svg text')].map(text => text.getBoundingClientRect().height))
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str, Review]]:
    """A browser, the address of a page, and what it was made of."""
    folder = tmp_path_factory.mktemp("page")
    review = review_story.february(folder / "story")
    file = folder / "review.html"
    file.write_text(page(review), "utf-8")
    try:
        program = ensure_chromium()
    except ToolsUnavailable as error:
        pytest.fail(str(error), pytrace=False)
    with Browser(program, folder / "profile") as browser:
        yield browser, file.as_uri(), review


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("wide", [DESK, PHONE])
def test_in_a_browser(shown: tuple[Browser, str, Review], wide: int, dark: bool) -> None:
    browser, address, review = shown
    browser.open(address, wide=wide, high=800, dark=dark)
    text = browser.run("document.body.innerText")
    for told in (*summary(review), "runners: February 2026", "Groups that need care", "▲ +103%"):
        assert told in text
    # It loads nothing but itself, and nothing in it is refused or wrong.
    told_of = {event["method"]: event["params"] for event in browser.events}
    assert told_of["Network.requestWillBeSent"]["request"]["url"] == address
    assert [event["method"] for event in browser.events].count("Network.requestWillBeSent") == 1
    assert not {"Log.entryAdded", "Runtime.exceptionThrown"} & set(told_of)

    assert browser.run("innerWidth") == wide, "a phone shows it as it is, not made smaller"
    assert browser.run("document.documentElement.scrollWidth") == wide, "no scrolling sideways"
    assert browser.run(TOO_WIDE) == []
    assert browser.run(CUT) == [] == browser.run(OVERLAPPING)
    assert browser.run(SMALLEST_LETTERS) >= 11
    colours = browser.run(TEXT_COLOURS)
    assert len(colours) >= 5
    for pair in colours:
        text_colour, ground = (hexadecimal(colour) for colour in pair.split(" on "))
        assert contrast(text_colour, ground) >= 4.5, pair

    bands = picture(browser.screenshot(scale=0.25), band=200)
    assert len(bands) >= 3
    for band in bands[:-1]:
        [(_, most)] = band.most_common(1)
        assert most < MOST_OF_ONE_COLOUR * band.total(), "there is something to see on every screen"
    whole = sum(bands, Counter())
    light = sum(times for colour, times in whole.items() if sum(colour) > 3 * 128)
    assert (light < 0.2 * whole.total()) if dark else (light > 0.8 * whole.total())
    assert len(whole) > 50, "charts and text have many shades"


def test_on_paper(shown: tuple[Browser, str, Review]) -> None:
    browser, address, _ = shown
    browser.open(address, wide=800, high=1000, dark=True, media="print")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for pair in browser.run(TEXT_COLOURS):
        text_colour, ground = (hexadecimal(colour) for colour in pair.split(" on "))
        assert contrast(text_colour, ground) >= 4.5, pair
    pdf = base64.b64decode(browser.call("Page.printToPDF")["data"])
    assert pdf.startswith(b"%PDF-") and 2 <= pdf.count(b"/Type /Page\n") <= 6


def test_an_empty_page_would_be_noticed(shown: tuple[Browser, str, Review]) -> None:
    browser, _, _ = shown
    browser.open("data:text/html,<h1>Empty</h1>", wide=PHONE, high=800, dark=False)
    [band] = picture(browser.screenshot(scale=0.25), band=10_000)
    [(colour, most)] = band.most_common(1)
    assert colour == (255, 255, 255) and most > MOST_OF_ONE_COLOUR * band.total()


@pytest.mark.parametrize("wide", [DESK, PHONE])
def test_long_names_stay_in_their_place(
    shown: tuple[Browser, str, Review], tmp_path: Path, wide: int
) -> None:
    browser, _, review = shown
    name = "Wallenstein" * 11
    parts = {"group": [Part(name, 0, 30_000_000), Part("b", 2_000_000, 0)]}
    changes = {
        figure: replace(change, values=[9_876_543] * 11 + [12_345_678], by=parts)
        for figure, change in review.changes.items()
    }
    care = [each._replace(row={**each.row, "group_id": name}) for each in review.care]
    contents = [{**row, "content_id": name} for row in review.contents]
    long = replace(
        review, community=name, spans=[*back_from(review.span, 12, date(1970, 1, 1))][::-1], changes=changes,
        care=care, contents=contents,
    )  # fmt: skip
    file = tmp_path / "long.html"
    file.write_text(page(long), "utf-8")
    browser.open(file.as_uri(), wide=wide, high=800, dark=False)
    assert browser.run("document.documentElement.scrollWidth") == wide
    assert browser.run(TOO_WIDE) == []
    assert browser.run(CUT) == [] == browser.run(OVERLAPPING)


# --- what the browser gives ----------------------------------------------------------------------


def hexadecimal(colour: str) -> str:
    """As `#0a5fa8`, of the browser's `rgb(10, 95, 168)`."""
    red, green, blue = (int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    return f"#{red:02x}{green:02x}{blue:02x}"


def picture(png: bytes, band: int) -> list[Counter[tuple[int, int, int]]]:
    """How often each colour is in each band of so many lines. For 8 bits a channel, not interlaced."""
    wide, _, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", png[16:29])
    assert depth == 8 and not interlaced
    channels = {2: 3, 6: 4}[kind]
    data, at = b"", 8
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        if name == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += size + 12
    lines, length = zlib.decompress(data), wide * channels
    above = bytearray(length)
    bands: list[Counter[tuple[int, int, int]]] = []
    for number, start in enumerate(range(0, len(lines), length + 1)):
        line = unfiltered(lines[start], bytearray(lines[start + 1 : start + 1 + length]), above, channels)
        if number % band == 0:
            bands.append(Counter())
        bands[-1].update(zip(line[::channels], line[1::channels], line[2::channels], strict=True))
        above = line
    return bands


def unfiltered(kind: int, line: bytearray, above: bytearray, step: int) -> bytearray:
    """A line of a PNG from what is stored: differences to what stands before or above (RFC 2083, 6)."""
    for n in range(len(line) if kind else 0):
        left, up = (line[n - step] if n >= step else 0), above[n]
        corner = above[n - step] if n >= step else 0
        nearest = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
        line[n] = (line[n] + (0, left, up, (left + up) // 2, nearest)[kind]) & 255
    return line


def test_a_png_is_read_as_it_is() -> None:
    plain = [bytes([10, 20, 30, 40, 50, 60]), bytes([11, 19, 30, 41, 49, 61])]
    zero, above = bytearray(6), bytearray(plain[0])
    stored = {
        (0, 1): plain[1],
        (1, 1): bytes([11, 19, 30, 30, 30, 31]),
        (2, 1): bytes([1, 255, 0, 1, 255, 1]),
        (3, 1): bytes([6, 9, 15, 16, 15, 16]),
        (4, 1): bytes([1, 255, 0, 1, 255, 1]),
        (1, 0): bytes([10, 20, 30, 30, 30, 30]),
    }
    for (kind, number), line in stored.items():
        assert unfiltered(kind, bytearray(line), above if number else zero, 3) == plain[number], kind
