"""The contract of events: its examples, and that all its forms accept, refuse and read the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.events import ACTIONS, EVENT, MODELS, json_schema
from schemas.fast import DECODER, FIELDS
from schemas.rules import Rules
from schemas.tables import EVENTS, REJECTED
from streams.intake.decode import decode
from streams.intake.stage import Intake
from streams.packing import Record
from streams.records import Records
from tests.generate import DISPUTED, MALFORMED

EXAMPLES = Path(__file__).parent.parent / "schemas/examples"
BROKER_MS = 1_769_900_000_000
"""When the broker took the examples in: 2026-01-31T22:53:20Z."""
Raw = dict[str, Any]


@cache
def examples() -> dict[str, Raw]:
    """The accepted ones, by action and form, as "join full"."""
    found = {action: json.loads((EXAMPLES / f"{action}.json").read_text()) for action in ACTIONS}
    return {f"{action} {form}": raw for action, forms in found.items() for form, raw in forms.items()}


@cache
def refused() -> list[Raw]:
    """The refused ones: what, reason, the event or its text, and whether JSON Schema says so, too."""
    found: list[Raw] = json.loads((EXAMPLES / "refused.json").read_text())
    return found


def payload(refused_example: Raw) -> bytes:
    text = refused_example.get("text")
    return (json.dumps(refused_example["event"]) if text is None else text).encode()


@cache
def schema_validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def take(value: bytes | None) -> tuple[str, Any]:
    """What intake makes of one message: ("accepted", its row) or (the reason, the error)."""
    intake = Intake(0, Rules(), sources=1, partitions=lambda _: 1)
    [rows] = intake.absorb(Records.of([Record(0, BROKER_MS, value)])).rows
    [row] = rows.batch.to_pylist()
    if rows.table == REJECTED.name:
        return row["reason"], row["error"]
    assert rows.table == EVENTS.name
    return "accepted", row


# --- the examples --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", examples())
def test_an_example_is_accepted_by_every_form_of_the_contract(name: str) -> None:
    raw = examples()[name]
    value = json.dumps(raw).encode()
    schema_validator().validate(raw)
    assert EVENT.validate_json(value).action == DECODER.decode(value).action == raw["action"]
    outcome, row = take(value)
    assert outcome == "accepted"
    for field, given_value in raw.items():
        if field == "occurred_at":
            assert row[field] == datetime.fromisoformat(given_value)
        elif field == "amount":
            assert row[field] == Decimal(given_value)
        else:
            assert row[field] == given_value


def test_a_full_example_has_every_field_and_a_minimal_one_only_what_is_needed() -> None:
    for action, model in zip(ACTIONS, MODELS, strict=True):
        needed = {name for name, info in model.model_fields.items() if info.is_required()}
        assert set(examples()[f"{action} full"]) == set(model.model_fields)
        assert set(examples()[f"{action} minimal"]) == needed


@pytest.mark.parametrize("number", range(len(refused())), ids=[one["what"] for one in refused()])
def test_a_refused_example_is_refused_with_its_reason(number: int) -> None:
    one = refused()[number]
    value = payload(one)
    reason, error = take(value)
    assert reason == one["reason"]
    assert error
    if "json_schema_refuses" in one:
        assert schema_validator().is_valid(json.loads(value)) != one["json_schema_refuses"]
    if reason in ("not_json", "wrong_shape"):
        with pytest.raises(msgspec.MsgspecError):
            DECODER.decode(value)
    if reason == "wrong_shape":
        with pytest.raises(ValidationError):
            EVENT.validate_json(value)


def test_every_reason_has_an_example_but_the_one_of_size() -> None:
    assert {one["reason"] for one in refused()} == {
        "not_json", "wrong_shape", "before_1970", "from_future",
    }  # fmt: skip


def test_the_error_names_the_field_and_what_was_expected() -> None:
    raw = examples()["purchase minimal"] | {"amount": "ten", "user_id": ""}
    _, error = take(json.dumps(raw).encode())
    assert "purchase.user_id: String should have at least 1 character" in error
    assert "purchase.amount: String should match pattern" in error
    _, error = take(json.dumps(examples()["view minimal"] | {"occurred_at": "yesterday"}).encode())
    assert "view.occurred_at: " in error
    assert "'yesterday' is not RFC 3339 with an offset" in error


# --- two readers, one contract ------------------------------------------------------------------

TEXTS = st.one_of(
    st.sampled_from(["", " ", "a", "x" * 63, "x" * 64, "x" * 65, "x" * 128, "x" * 129, "x" * 256, "x" * 257]),
    st.sampled_from(["é" * 64, "é" * 65, "\U0001f600" * 64, "\U0001f600" * 128, "\U0001f600" * 129]),
    st.sampled_from(["e\u0301" * 32, "\u0000", "\ud7ff", "\uffff", "member", "MEMBER", "talk", "ad", "join"]),
    st.text(max_size=70),
)
AMOUNTS = st.one_of(
    st.sampled_from(["0", "00", "1.5", "1.", ".5", "1e3", "+1", "-1", "-0", " 1", "1 ", "1\n", "1,5", "1_0"]),
    st.sampled_from(["1" * 12, "1" * 13, "1.123456", "1.1234567", "\u0661", "\uff11", "NaN", "Infinity"]),
    st.from_regex(r"[0-9]{0,13}(\.[0-9]{0,7})?\n?", fullmatch=True),
)
CURRENCIES = st.one_of(
    st.sampled_from(["EUR", "eur", "EU", "EURO", "EUR\n", "\nEUR", "ÄUR", "E R", ""]),
    st.text("ABZ[@a", max_size=4),
)
MOMENTS = st.one_of(
    st.builds(
        "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
        st.sampled_from([0, 1, 1600, 1969, 1970, 2024, 2025, 9999, 10000]),
        st.integers(0, 13),
        st.integers(0, 32),
        st.sampled_from(["T", "t", " ", "_", "", "  "]),
        st.integers(0, 25),
        st.integers(0, 61),
        st.integers(0, 61),
        st.sampled_from(["", ".", ".0", ".1", ".999999", ".9999999", ".123456789012", ",5", ":5"]),
        st.sampled_from(
            [
                "Z",
                "z",
                "",
                "+00:00",
                "-00:00",
                "+0000",
                "+00",
                "+23:59",
                "+24:00",
                "-12:60",
                "UTC",
                "Z ",
                "Z\n",
            ]
        ),
    ),
    st.datetimes(
        timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    ).map(datetime.isoformat),
    st.sampled_from(["2024-01-31", "20240131T093000Z", "2024-W05-3T09:30:00Z", "1700000000", "now", "", "T"]),
    st.sampled_from(
        ["2024-06-30T23:59:60Z", "2024-06-30T24:00:00Z", "+002024-06-30T00:00:00Z", "٢024-06-30"]
    ),
)
OTHERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
BY_FIELD = {
    "occurred_at": MOMENTS,
    "amount": AMOUNTS,
    "currency": CURRENCIES,
    "action": st.sampled_from(ACTIONS),
}
MISSING = object()


@st.composite
def near_events(draw: st.DrawFn) -> Raw:
    """An example with some fields replaced, taken away, or added."""
    raw = dict(draw(st.sampled_from(list(examples().values()))))
    names = st.one_of(st.sampled_from(FIELDS), st.sampled_from([*raw]), st.text(max_size=5))
    for name in draw(st.lists(names, max_size=4)):
        value = draw(
            st.one_of(BY_FIELD.get(name, TEXTS), BY_FIELD.get(name, TEXTS), TEXTS, OTHERS, st.just(MISSING))
        )
        raw[name] = value
    return {name: value for name, value in raw.items() if value is not MISSING}


def read_by_models(value: bytes) -> Raw | None:
    try:
        event = EVENT.validate_json(value)
    except ValidationError:
        return None
    return {name: getattr(event, name) for name in type(event).model_fields}


def read_by_structs(value: bytes) -> Raw | None:
    try:
        event = DECODER.decode(value)
    except msgspec.MsgspecError:
        return None
    found = {name: getattr(event, name) for name in event.__struct_fields__} | {"action": event.action}
    absent = [name for name in FIELDS if name not in found]
    assert all(getattr(event, name) is None for name in absent)
    return found


@settings(max_examples=1500)
@given(near_events(), st.booleans())
def test_models_and_structs_accept_the_same_and_read_the_same(raw: Raw, ascii_only: bool) -> None:
    value = json.dumps(raw, ensure_ascii=ascii_only).encode()
    by_models, by_structs = read_by_models(value), read_by_structs(value)
    assert by_models == by_structs
    decoded = decode([value], 65_536)
    if by_models is None:
        [refusal] = decoded.refused
        assert refusal.reason == "wrong_shape"
        assert refusal.error
    else:
        assert decoded.indexes == [0]


@settings(max_examples=500)
@given(MOMENTS)
@example("2024-06-30T23:59:60Z")
@example("2024-06-30t12:00:00.5z")
@example("2024-06-30 12:00:00+05:45")
def test_models_and_structs_read_the_same_moments(moment: str) -> None:
    value = json.dumps(examples()["view minimal"] | {"occurred_at": moment}).encode()
    by_models, by_structs = read_by_models(value), read_by_structs(value)
    assert by_models == by_structs
    if by_models is not None:
        assert by_models["occurred_at"].utcoffset() is not None


@settings(max_examples=500)
@given(near_events())
def test_what_is_accepted_has_the_shape_of_the_json_schema(raw: Raw) -> None:
    """The other way round it is looser: JSON Schema can't say what a moment is."""
    if read_by_structs(json.dumps(raw).encode()) is not None:
        schema_validator().validate(raw)


# --- what is JSON ---------------------------------------------------------------------------------

GOOD = {"event_id": "e1", "action": "view", "group_id": "g1", "user_id": "ann", "content_id": "c1"} | {
    "occurred_at": "2026-01-31T09:30:00Z"
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_each_malformed_message_has_its_reason(kind: str) -> None:
    reason, make = MALFORMED[kind]
    assert take(make(dict(GOOD)))[0] == reason


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        # Deep nesting and long numbers in fields that nobody reads: JSON, and let pass or not by the reader.
        ("deep", "accepted"),
        ("very_deep", "not_json"),
        ("long_number", "accepted"),
        # Of a name that comes twice every one must be right; the last one counts.
        ("action_twice", "wrong_shape"),
        ("field_twice", "wrong_shape"),
    ],
)
def test_json_at_its_edges(kind: str, outcome: str) -> None:
    assert set(DISPUTED) == {"deep", "very_deep", "long_number", "action_twice", "field_twice"}
    assert take(DISPUTED[kind][1](dict(GOOD)))[0] == outcome


def test_of_two_right_fields_of_one_name_the_last_counts() -> None:
    value = b'{"group_id":"first",' + json.dumps(GOOD).encode()[1:]
    outcome, row = take(value)
    assert (outcome, row["group_id"]) == ("accepted", "g1")


def test_no_value_is_not_json() -> None:
    assert take(None) == ("not_json", "the message has no value")


def test_size_is_asked_before_anything_else() -> None:
    value = json.dumps(GOOD).encode()
    assert decode([value], len(value)).indexes == [0]
    [refusal] = decode([value], len(value) - 1).refused
    assert refusal.reason == "too_large"
    assert refusal.error == f"{len(value)} bytes, at most {len(value) - 1} are taken"


def test_an_error_is_cut_to_a_bearable_length() -> None:
    [refusal] = decode([json.dumps(GOOD | {"occurred_at": "x" * 9000}).encode()], 65_536).refused
    assert len(refusal.error) == 1000


def test_in_a_batch_each_message_is_judged_alone() -> None:
    good = json.dumps(GOOD).encode()
    decoded = decode([good, b"{", None, good, b"[]"], 65_536)
    assert decoded.indexes == [0, 3]
    assert [(r.index, r.reason) for r in decoded.refused] == [
        (1, "not_json"), (2, "not_json"), (4, "wrong_shape"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "second", "millisecond"),
    [
        ("00.999999", 0, 999),
        # Of more digits the reader makes microseconds first, and rounds.
        ("00.1234999999", 0, 123),
        ("00.1239999999", 0, 124),
        ("00.9999999", 1, 0),
    ],
)
def test_moments_are_cut_to_the_millisecond(text: str, second: int, millisecond: int) -> None:
    _, row = take(json.dumps(GOOD | {"occurred_at": f"2026-01-31T09:30:{text}Z"}).encode())
    assert row["occurred_at"] == datetime(2026, 1, 31, 9, 30, second, millisecond * 1000, tzinfo=UTC)
