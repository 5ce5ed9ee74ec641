"""What a statement may be that reaches the engine over HTTP: judged by the engine's own canonical text.

No setting and no grant of the embedded engine keeps a query off the file system by itself. Three locks do,
and each was tried alone: grants without any source (`sinks.embedded`), this check, and readonly=1 for
strangers.
What is judged is what is run: comments, odd quotes and escapes are gone from the canonical text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

READS = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS")
WRITES = (
    "INSERT",
    "CREATE",
    "ALTER",
    "DROP",
    "TRUNCATE",
    "OPTIMIZE",
    "RENAME",
    "EXCHANGE",
    "DELETE",
    "UPDATE",
)

HARMLESS_TABLE_FUNCTIONS = frozenset(
    {"format", "generaterandom", "generateseries", "generate_series", "merge", "null"}
    | {
        "mergetreeindex",
        "mergetreeprojection",
        "numbers",
        "numbers_mt",
        "primes",
        "sqlstandardvalues",
        "values",
        "view",
        "viewexplain",
    }
    | {"viewifpermitted", "zeros", "zeros_mt"}
)
"""Every other table function of the engine is refused: it reads from elsewhere, or (`eval`) runs a text."""

# Refused wherever they stand, called or not: `SELECT * APPLY file` and `arrayMap(file, [...])` read one too.
_WORDS = re.compile(
    r"(?<!\w)(?:file|eval|executable|executablepool|catboostevaluate|infile|outfile|disk|storage_policy|stack_trace"
    r"|ai(?:classify|embed|extract|filter|generate|redact|similarity|translate)\w*"
    r"|addressto\w+|demangle|impersonate|format_schema\w*|format_template\w*|output_format_schema\w*"
    r"|input_format_record_errors_file_path|user_files_path|rename_files_after_processing|\w*dialect\w*"
    r"|input_format_values_interpret_expressions)(?!\w)",
    re.IGNORECASE,
)
_CALL = re.compile(r"(\w+)\s*\(")
_IDENTIFIER_PARAMETER = re.compile(r"\{\s*(\w+)\s*:\s*Identifier\s*\}", re.IGNORECASE)
_TOKEN = re.compile(
    r"(?P<string>'(?:[^'\\]|\\.|'')*')|(?P<name>`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\")|(?P<other>[^'`\"$#]+|.)",
    re.DOTALL,
)
_ENGINE = re.compile(r"\bENGINE\s*=\s*(\w+)", re.IGNORECASE)
_SAFE_ENGINE = re.compile(r"\w*MergeTree|Null|Memory|(?:Tiny|Stripe)?Log|Merge|Buffer|Set|Join|Atomic")
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\b")


class Refused(Exception):
    """A statement that is not run, with the reason to give."""


def bare(canonical: str) -> str:
    """A canonical text with its strings emptied and its quoted names bare, one word each.

    Raises `Refused` for what no canonical text has, as then we would read it otherwise than the engine does.
    """
    out = []
    for token in _TOKEN.finditer(canonical):
        text = token.group()
        if token.lastgroup == "string":
            out.append("''")
        elif token.lastgroup == "name":
            out.append(re.sub(r"\W", "_", text[1:-1]))
        elif text in "'`\"$#" or not text.isascii():
            raise Refused(f"{text[:40]!r} outside of a string")
        else:
            out.append(text)
    plain = "".join(out)
    if "--" in plain or "/*" in plain:
        raise Refused("a comment")
    return plain


def check(
    canonical: str, *, may_write: bool, table_functions: Iterable[str], parameters: Mapping[str, str]
) -> str:
    """Judge a statement in its canonical text; give that text without strings. Raises `Refused`."""
    plain = bare(canonical)
    first = re.match(r"\W*(\w+)", plain)
    word = first.group(1).upper() if first else ""
    if word not in READS and not (may_write and word in WRITES):
        raise Refused(f"{word or 'nothing'} is not a statement that this user may run")
    if word in WRITES and _IDENTIFIER_PARAMETER.search(plain):
        # In a parameterised view it would take its name from the query that calls the view, as a string.
        raise Refused("an Identifier parameter in a statement that writes or defines")
    names = [parameters.get(name, "") for name in _IDENTIFIER_PARAMETER.findall(plain)]
    if any("\\" in name for name in names):
        raise Refused("an escape in the value of an Identifier parameter")
    judged = " ".join([plain, *(re.sub(r"\W", " ", name) for name in names)])
    if found := _WORDS.search(judged):
        raise Refused(
            f"{found.group()!r} reaches outside of the database, or may; give a column so named another name"
        )
    for engine in _ENGINE.findall(plain):
        if not _SAFE_ENGINE.fullmatch(engine):
            raise Refused(f"the engine {engine} may keep its data elsewhere")
    banned = {name.lower() for name in table_functions} - HARMLESS_TABLE_FUNCTIONS
    for call in _CALL.findall(plain):
        if call.lower() in banned:
            raise Refused(f"the table function {call!r} reaches outside of the database")
    return plain


def check_values(data: bytes) -> None:
    """Judge the rows of INSERT ... VALUES, which may be expressions. Raises `Refused`."""
    text = data.decode("utf-8", "replace")
    if found := _WORDS.search(bare(text)):
        raise Refused(f"{found.group()!r} in VALUES")
    if any(token.lastgroup == "name" for token in _TOKEN.finditer(text)):
        raise Refused("a quoted name in VALUES")


def check_settings(settings: Mapping[str, str]) -> None:
    """Judge settings given beside a statement. Raises `Refused`."""
    for name in settings:
        if not re.fullmatch(r"\w+", name, re.ASCII) or _WORDS.search(name):
            raise Refused(f"the setting {name!r} may not be given here")


def output_format(plain: str) -> str | None:
    """The format that a statement (as `check` gives it) names itself."""
    found = _FORMAT.search(plain)
    return found.group(1) if found else None
