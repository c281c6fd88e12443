"""What runs wait for, in words: templates, reasons, and the instant a wait began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.sensor import SensorSpec, say_waiting, spec_from_json, spec_to_json, waiting_since
from sqlorch.domain.template import check_template, fill
from sqlorch.domain.variables import VARIABLES

SINCE = datetime(2026, 1, 5, 12, 30, 7, tzinfo=UTC)
VALUES = {variable.name: variable.example for variable in VARIABLES}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("in/{{ ds }}.csv", "in/2013-01-03.csv"),
        ("{{ds_nodash}}-{{  group  }}", "20130103-flights_daily"),
        ("y={{ ds[:4] }}/m={{ ds[5:7] }}/d={{ ds[-2:] }}", "y=2013/m=01/d=03"),
        ("${ds}/${ ds[:4] }/{{ ds }}", "2013-01-03/2013/2013-01-03"),
        ("$ds {ds} $(ds)", "$ds {ds} $(ds)"),
        ("{a} }{ [0-9]", "{a} }{ [0-9]"),
        ("", ""),
    ],
)
def test_variables_and_their_slices_are_filled_in(text: str, filled: str) -> None:
    assert fill(check_template(text), VALUES) == filled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ dss }}", "a run has no variable 'dss'; did you mean 'ds'?"),
        ("{{ zzzzz }}", "a run has no variable 'zzzzz'; they are: data_interval_start"),
        ("{{ ds", "{{ and }} do not match"),
        ("ds }}", "{{ and }} do not match"),
        ("${HOME}", "a run has no variable 'HOME'"),
        ("${}", "cannot read ${}"),
        ("{{ ds | upper }}", "cannot read {{ ds | upper }}"),
        ("{{ ''.__class__ }}", "cannot read"),
        ("{% if x %}", "not supported here"),
    ],
)
def test_anything_else_is_refused_and_nothing_is_executed(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_template(text)
    assert said in str(caught.value)


def test_a_reason_says_since_when_and_is_read_back() -> None:
    reason = say_waiting(
        "file a, since long (not there)", since=SINCE, next_look=SINCE + timedelta(minutes=1)
    )
    assert reason == (
        "waiting for file a, since long (not there), since 2026-01-05 12:30:07 UTC, next look 12:31:07 UTC"
    )
    assert waiting_since(reason) == SINCE
    local = SINCE.astimezone(timezone(timedelta(hours=-5)))
    assert waiting_since(say_waiting("x", since=local, next_look=None)) == SINCE


@pytest.mark.parametrize("reason", ["", "cap 1/1 (max_active_runs)", "x, since yesterday", ", since "])
def test_other_reasons_tell_of_no_wait(reason: str) -> None:
    assert waiting_since(reason) is None


def test_what_is_shown_is_short_and_on_one_line() -> None:
    spec = SensorSpec(kind="sql", target="unused")
    shown = spec.named("select *\n  from " + "x" * 200)
    assert shown.startswith("sql select * from xxx")
    assert shown.endswith("...")
    assert len(shown) == len("sql ") + 80
    assert SensorSpec(kind="sql", target="x", description="my own").named("y") == "my own"


def test_a_sensor_survives_json() -> None:
    full = SensorSpec(
        kind="http",
        target="https://example.org/{{ ds }}",
        options={"status": [200, 204], "json": {"a.b": None}},
        every=5.0,
        timeout=60.0,
        soft_fail=True,
        description="it",
        origin="sqlorch.yml:3",
    )
    for spec in (full, SensorSpec(kind="file", target="x")):
        assert spec_from_json(spec_to_json(spec)) == spec
