"""How the page looks: colours for light and for dark, and rules for small screens and paper.

Contrast is at least 4.5 to 1 for text and 3 to 1 for what a chart shows (WCAG 2.2, 1.4.3 and 1.4.11).
"""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "page": "#f3f5f8",
    "card": "#ffffff",
    "line": "#d5dbe3",
    "text": "#17202b",
    "muted": "#515d6b",
    "accent": "#0a5fa8",
    "before": "#66788a",
    "past": "#8593a1",
    "plus": "#00755a",
    "minus": "#b3461a",
    "critical": "#a3202c",
    "warning": "#7f5200",
}
DARK: Mapping[str, str] = {
    "page": "#0f1419",
    "card": "#182028",
    "line": "#313c47",
    "text": "#e6ebf0",
    "muted": "#a3b0bd",
    "accent": "#62b1f2",
    "before": "#a6b6c6",
    "past": "#6b7a89",
    "plus": "#3ec79c",
    "minus": "#f0935f",
    "critical": "#ff8d92",
    "warning": "#e8b04f",
}
TEXTS = ("text", "muted", "accent", "plus", "minus", "critical", "warning")
"""Colours of text, on `page` and on `card`."""
MARKS = ("accent", "before", "past", "plus", "minus")
"""Colours of what charts show, on `card`."""

_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);line-height:1.5;
 font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 1rem}
header{padding-top:2rem}
footer{padding-bottom:3rem}
h1{font-size:clamp(1.5rem,1.1rem + 2vw,2.2rem);line-height:1.2;margin:0 0 .4rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.2rem 0 .8rem}
h3{font-size:1rem;margin:0 0 .3rem;overflow-wrap:anywhere}
p{margin:.3rem 0}
.eyebrow{color:var(--accent);font-weight:600;margin:0 0 .3rem}
.muted,small{color:var(--muted)}
small{font-size:.875rem}
.card,.scroll{background:var(--card);border:1px solid var(--line);border-radius:.6rem}
.card{padding:1rem 1.1rem}
.grid{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr))}
.pile{columns:2 24rem;column-gap:1rem}
.pile>*{break-inside:avoid;margin:0 0 1rem}
.note{margin:.2rem 0 .8rem}
.summary{border-left:.3rem solid var(--accent)}
.summary ul{margin:0;padding-left:1.1rem}
.summary li{margin:.35rem 0;overflow-wrap:anywhere}
.figure{display:flex;flex-direction:column}
.figure h3{color:var(--muted);font-weight:600}
.value{font-size:1.9rem;font-weight:700;line-height:1.15;font-variant-numeric:tabular-nums}
.moved{font-weight:600}
.plus{color:var(--plus)}.minus{color:var(--minus)}
.moved-by{flex:1}
svg{display:block;width:100%;height:auto;max-width:25rem}
svg text{font-size:12px;fill:var(--text);font-family:inherit}
svg .soft{fill:var(--muted)}
svg .now{fill:var(--accent)}svg .before{fill:var(--before)}svg .past{fill:var(--past)}
svg .plus{fill:var(--plus)}svg .minus{fill:var(--minus)}
svg .axis{stroke:var(--line);stroke-width:1}
svg .trace{fill:none;stroke:var(--before);stroke-width:2}
.scroll{overflow-x:auto}
.scroll:focus-visible{outline:2px solid var(--accent)}
table{border-collapse:collapse;width:100%;font-size:.9375rem}
caption{text-align:left;padding:.7rem .8rem .2rem;font-weight:600}
th,td{text-align:left;vertical-align:top;padding:.45rem .8rem;border-top:1px solid var(--line)}
th{font-weight:600}
thead th{color:var(--muted);font-size:.875rem;border-top:0}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th[scope=row]{overflow-wrap:anywhere;min-width:8rem}
td.long{min-width:15rem;overflow-wrap:anywhere}
.tag{font-size:.8125rem;font-weight:600;border:1px solid currentColor;border-radius:1rem;padding:0 .5rem;
 white-space:nowrap}
.critical{color:var(--critical)}.warning{color:var(--warning)}.info{color:var(--muted)}
.care ul{margin:.4rem 0 0;padding-left:1.1rem}
.care li{margin:.25rem 0;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.5rem 0 0;font-size:.9375rem}
dt{font-weight:600}dd{margin:0;color:var(--muted)}
@media (max-width:34rem){
 dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}
 th,td{padding:.4rem .5rem}
 th[scope=row]{min-width:7.2rem}
 table{font-size:.875rem}
}
"""
_PAPER = """
@media print{
 body{font-size:10.5pt;background:#fff}
 main,header,footer{max-width:none;padding:0}
 .card,.scroll,tr,svg{break-inside:avoid}
 h2,caption{break-after:avoid}
 .grid{grid-template-columns:repeat(3,1fr);gap:.6rem}
 .pile{columns:2;column-gap:.6rem}
 .scroll{overflow:visible}
 td.long{min-width:0}
 @page{margin:14mm}
}
"""


def css() -> str:
    """All of it. On paper the colours are the light ones."""
    light, dark = _colours(LIGHT), _colours(DARK)
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f"{_RULES.strip()}\n{_PAPER.strip()}\n"
    )


def _colours(of: Mapping[str, str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in of.items())
