from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlorch.domain.errors import StateError
from sqlorch.state import codec

INSTANTS = st.datetimes(timezones=st.timezones(), allow_imaginary=False)
TEXTS = st.text(st.characters(exclude_categories=[]))


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first zone is read from disk
@given(INSTANTS)
def test_instants_survive_to_the_microsecond(instant: datetime):
    back = codec.from_micros(codec.to_micros(instant))
    assert back == instant.astimezone(UTC)
    assert back.utcoffset() == timedelta(0)


def test_micros_count_from_1970_in_utc():
    assert codec.to_micros(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0
    assert codec.to_micros(datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) == 1_767_225_600_000_001
    assert codec.to_micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


def test_a_naive_instant_is_refused():
    with pytest.raises(StateError, match="2026-01-01 00:00:00 has no time zone"):
        codec.to_micros(datetime(2026, 1, 1))  # noqa: DTZ001 - the naive instant is the point


def test_none_passes_through():
    assert codec.to_micros_or_none(None) is None
    assert codec.from_micros_or_none(None) is None
    assert codec.clean_text_or_none(None) is None
    assert codec.seconds_between(None, 5) is None
    assert codec.seconds_between(5, None) is None
    assert codec.seconds_between(1_000_000, 3_500_000) == 2.5


@given(TEXTS)
def test_cleaned_text_can_be_stored_anywhere(text: str):
    cleaned = codec.clean_text(text)
    assert "\0" not in cleaned
    cleaned.encode("utf-8")
    assert codec.clean_text(cleaned) == cleaned
    if "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text):
        assert cleaned == text


@given(
    st.dictionaries(
        TEXTS,
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
            lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
            max_leaves=8,
        ),
    )
)
def test_mappings_survive_as_ascii_text(value: dict[str, object]):
    written = codec.to_json(value, what="it")
    assert written.isascii()
    assert "\0" not in written
    assert codec.from_json(written) == value


def test_what_json_has_no_word_for_is_refused_by_name():
    with pytest.raises(StateError, match=r"the variables of run x cannot be stored as JSON: .*set"):
        codec.to_json({"a": {1, 2}}, what="the variables of run x")


def test_loose_json_writes_anything_as_its_text():
    assert codec.from_json(codec.to_loose_json({"when": datetime(2026, 1, 1, tzinfo=UTC), 1: [None]})) == {
        "when": "2026-01-01 00:00:00+00:00",
        "1": [None],
    }
