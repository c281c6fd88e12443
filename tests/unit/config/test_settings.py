from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlorch.config.settings import Settings, settings_from
from sqlorch.config.yaml_loader import load_yaml
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.run import RetryPolicy

HOME = Path("/warehouse")
ISSUE = """\
groups:
  flights_daily:
    {select: "tag:daily", schedule: "@daily", start: 2013-01-01, timezone: America/New_York, retries: 2}
  weather_hourly: {select: "path:models/weather", schedule: "@hourly", start: 2013-01-01, batch: 24}
exports: {select: "tag:metrics", to: [metrics.duckdb, metrics.sqlite]}
"""


def settings(text: str, environ: Mapping[str, str] | None = None) -> Settings:
    return settings_from(load_yaml(text, "sqlorch.yml"), environ or {}, project_dir=HOME)


def refused(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings(text, environ)
    return str(caught.value).splitlines()


def test_reads_a_whole_file() -> None:
    read = settings(ISSUE)
    daily, hourly = read.groups
    assert (daily.name, daily.select, daily.exclude, daily.timezone) == (
        "flights_daily",
        "tag:daily",
        None,
        "America/New_York",
    )
    assert daily.timetable.start == datetime(2013, 1, 1, 5, tzinfo=UTC)
    assert daily.timetable.scheduled
    assert daily.retry == RetryPolicy(retries=2)
    assert daily.origin == "sqlorch.yml:2"
    assert (hourly.batch, hourly.timezone, hourly.origin) == (24, "UTC", "sqlorch.yml:4")
    assert read.exports.select == "tag:metrics"
    assert read.exports.to == (HOME / "metrics.duckdb", HOME / "metrics.sqlite")


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "groups:\ndefaults:\nexports:\nvariables:\nstate:\n", "{}"]
)
def test_says_nothing_gives_the_defaults(text: str) -> None:
    read = settings(text)
    assert read.groups == ()
    assert read.default.name == "default"
    assert not read.default.timetable.scheduled
    assert (read.default.timezone, read.default.retry, read.default.timeout) == ("UTC", RetryPolicy(), None)
    assert (read.exports.select, read.exports.to) == ("", ())
    assert read.variables_skip == frozenset()
    assert read.state_path == HOME / ".sqlorch"


def test_defaults_hold_for_groups_that_do_not_say_otherwise() -> None:
    read = settings(
        """\
defaults: {timezone: Europe/Berlin, retries: 3, retry_delay: 10m, timeout: 1h30m}
groups:
  a: {schedule: "@daily", start: 2013-06-01}
  b: {timezone: UTC, retries: 0, retry_delay: 1, timeout: 5.5}
"""
    )
    a, b = read.groups
    assert (a.timezone, a.timeout) == ("Europe/Berlin", 5400.0)
    assert a.timetable.start == datetime(2013, 5, 31, 22, tzinfo=UTC)
    assert a.retry == read.default.retry == RetryPolicy(retries=3, delay=600.0, max_delay=600.0)
    assert (b.timezone, b.retry.retries, b.retry.delay, b.timeout) == ("UTC", 0, 1.0, 5.5)


def test_lists_of_selections_and_schedules_are_unions() -> None:
    read = settings(
        """\
groups:
  a:
    select: [tag:x, "path:models/y,config.materialized:table"]
    exclude: [a+]
    schedule: ["0 6 * * *", "0 18 * * *"]
    description: Twice a day
"""
    )
    (group,) = read.groups
    assert group.select == "tag:x path:models/y,config.materialized:table"
    assert group.exclude == "a+"
    assert group.keys.schedule == ("0 6 * * *", "0 18 * * *")
    first = group.timetable.next_fire(datetime(2013, 1, 1, 7, tzinfo=UTC))
    assert first == datetime(2013, 1, 1, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grups: {}", "sqlorch.yml:1:1: unknown key 'grups'; did you mean 'groups'?"),
        (
            "zzz: 1",
            "sqlorch.yml:1:1: unknown key 'zzz'; known keys: alerts, daemon, defaults, exports, groups",
        ),
        (
            "groups:\n  a:\n    shedule: x",
            "sqlorch.yml:3:5: unknown key 'shedule' in groups.a; did you mean 'schedule'?",
        ),
        ("'[key]': x", "sqlorch.yml:1:1: unknown key '[key]'; known keys:"),
        ("groups: {'[key]': {}}", "sqlorch.yml:1:10: groups.[key]: a group's name is 1 to 64 letters"),
        ("state: {dir: x}", "sqlorch.yml:1:9: unknown key 'dir' in state; known keys: path"),
        (
            "off: 1",
            "sqlorch.yml:1:1: unknown key 'off'; known keys: alerts, daemon, defaults, exports, groups",
        ),
        ("- a", "sqlorch.yml:1:1: settings are a mapping of keys to values, not a list"),
        ("text", "sqlorch.yml:1:1: settings are a mapping of keys to values, not 'text'"),
        ("groups: []", "sqlorch.yml:1:9: groups: must be a mapping of keys to values, not a list"),
        ("groups:\n  a: 5", "sqlorch.yml:2:6: groups.a: must be a mapping of keys to values, not 5"),
        ("state: x", "sqlorch.yml:1:8: state: must be a mapping of keys to values, not 'x'"),
        (
            "groups:\n  default: {select: a}",
            "sqlorch.yml:2:3: groups.default: the name 'default' is kept for the models no group selects",
        ),
        (
            "groups:\n  'a b': {}",
            "sqlorch.yml:2:3: groups.a b: a group's name is 1 to 64 letters, digits, '_' and '-', not 'a b'",
        ),
        (
            "groups: {a: {select: 5}}",
            "sqlorch.yml:1:22: groups.a.select: must be text or a list of texts, not 5",
        ),
        (
            "groups: {a: {select: [x, 5]}}",
            "sqlorch.yml:1:26: groups.a.select[1]: must be text, not 5; put it in quotes if it is meant",
        ),
        ("groups: {a: {select: ''}}", "sqlorch.yml:1:22: groups.a.select: must not be empty"),
        ("groups: {a: {select: []}}", "sqlorch.yml:1:22: groups.a.select: must not be empty"),
        (
            "groups: {a: {exclude: x}}",
            "sqlorch.yml:1:23: groups.a.exclude: exclude without select leaves nothing out; add select",
        ),
        ("groups: {a: {batch: 0}}", "sqlorch.yml:1:21: groups.a.batch: must be at least 1, not 0"),
        ("groups: {a: {batch: 1.5}}", "sqlorch.yml:1:21: groups.a.batch: must be a whole number, not 1.5"),
        ("groups: {a: {batch: true}}", "sqlorch.yml:1:21: groups.a.batch: must be a whole number, not true"),
        ("defaults: {retries: -1}", "sqlorch.yml:1:21: defaults.retries: must be at least 0, not -1"),
        ("defaults: {retries: '2'}", "sqlorch.yml:1:21: defaults.retries: must be a whole number, not '2'"),
        ("defaults: {retries: 101}", "sqlorch.yml:1:21: defaults.retries: must be at most 100, not 101"),
        (
            "defaults: {retry_delay: 5 minutes}",
            'sqlorch.yml:1:25: defaults.retry_delay: must be seconds, or a duration like "30s", "5m", "1',
        ),
        ("defaults: {timeout: 0}", "sqlorch.yml:1:21: defaults.timeout: must be longer than 0 seconds"),
        (
            "defaults: {timeout: 367d}",
            "sqlorch.yml:1:21: defaults.timeout: must be a duration from 0 seconds to 366 days",
        ),
        (
            "defaults: {timeout: .inf}",
            "sqlorch.yml:1:21: defaults.timeout: must be a duration from 0 seconds",
        ),
        ("defaults: {timeout: .nan}", "sqlorch.yml:1:21: defaults.timeout: must be seconds, or a duration"),
        (
            "defaults: {timezone: America/New_Yrk}",
            "sqlorch.yml:1:22: defaults.timezone: unknown time zone 'America/New_Yrk'; did you mean Amer",
        ),
        (
            "groups: {a: {start: 2013-02-30}}",
            "sqlorch.yml:1:21: groups.a.start: '2013-02-30' is not a date that exists:",
        ),
        (
            "groups: {a: {start: 12:30:00}}",
            "sqlorch.yml:1:21: groups.a.start: must be a date like 2013-01-01 or 2013-01-01T06:00, not '",
        ),
        ("groups: {a: {start: 2013}}", "sqlorch.yml:1:21: groups.a.start: must be a date like"),
        ("groups: {a: {start: 0001-01-01}}", "sqlorch.yml:1:21: groups.a.start: must lie in the years"),
        (
            "groups: {a: {interval: windo}}",
            "sqlorch.yml:1:24: groups.a.interval: must be 'window' or 'point', not 'windo'",
        ),
        (
            'groups:\n  a:\n    schedule: "61 * * * *"',
            "sqlorch.yml:3:15: groups.a.schedule: minute '61' of the schedule: 61 is not within 0-59",
        ),
        (
            "groups: {a: {schedule: 5}}",
            "sqlorch.yml:1:24: groups.a.schedule: must be text or a list of texts, not 5",
        ),
        ("groups: {a: {every: 6h}}", "sqlorch.yml:1:21: groups.a.every: `every: 6h` is counted from `start`"),
        ("groups: {a: {every: 1mo}}", "sqlorch.yml:1:21: groups.a.every: `every: 1mo` has no fixed length"),
        (
            'groups: {a: {schedule: "@daily", every: 6h}}',
            "sqlorch.yml:1:41: groups.a.every: a group has either a schedule or an `every`, not both",
        ),
        (
            'groups: {a: {schedule: "@once"}}',
            "sqlorch.yml:1:24: groups.a.schedule: @once needs a `start` to say when",
        ),
        (
            'groups: {a: {schedule: "@daily", start: 2014-01-01, end: 2013-01-01}}',
            "sqlorch.yml:1:58: groups.a.end: the end 2013-01-01 00:00:00 is not after the start",
        ),
        (
            "exports: {to: [a.csv]}",
            "sqlorch.yml:1:16: exports.to[0]: must end in one of .duckdb, .db, .sqlite, .sqlite3, unlike",
        ),
        ("exports: {to: a.csv}", "sqlorch.yml:1:15: exports.to: must end in one of"),
        (
            "variables: {skip: [dss]}",
            "sqlorch.yml:1:20: variables.skip[0]: sqlorch sets no variable 'dss'; did you mean 'ds'?",
        ),
        ('state: {path: ""}', "sqlorch.yml:1:15: state.path: must be a file path without control characters"),
        (
            'state: {path: "a\\0b"}',
            "sqlorch.yml:1:15: state.path: must be a file path without control characters",
        ),
    ],
)
def test_each_refusal_names_its_line_and_column(text: str, message: str) -> None:
    (line,) = refused(text)
    assert line.startswith(message)


def test_all_faults_are_told_at_once_in_the_order_they_are_written() -> None:
    lines = refused(
        """\
state: {path: 5}
groups:
  a: {retrys: 1, batch: 0}
  b:
    schedule: "* * * *"
    timezone: Nowhere/Land
exports: {to: [x.csv]}
zzz: 1
"""
    )
    assert [line.split(": ")[0] for line in lines] == [
        "sqlorch.yml:1:15",
        "sqlorch.yml:3:7",
        "sqlorch.yml:3:25",
        "sqlorch.yml:5:15",
        "sqlorch.yml:6:15",
        "sqlorch.yml:7:16",
        "sqlorch.yml:8:1",
    ]


def test_a_flood_of_faults_is_cut() -> None:
    lines = refused("".join(f"k{n}: 1\n" for n in range(300)))
    assert len(lines) == 101
    assert lines[-1] == "... and 200 more"


def test_the_schedules_of_a_group_are_judged_in_the_zone_of_the_defaults() -> None:
    # 02:30 does not exist in Berlin on that night: the start is the gap's end, where naive times end up.
    read = settings(
        'defaults: {timezone: Europe/Berlin}\ngroups: {a: {schedule: "@hourly", start: 2013-03-31T02:30}}'
    )
    assert read.groups[0].timetable.start == datetime(2013, 3, 31, 1, tzinfo=UTC)


class TestEnvironment:
    def test_it_wins_over_the_file_and_the_file_over_defaults(self) -> None:
        text = "defaults: {retries: 1, timeout: 5m}\ngroups: {flights-daily: {select: a}}"
        read = settings(
            text,
            {
                "SQLORCH__DEFAULTS__RETRIES": "3",
                "SQLORCH__GROUPS__FLIGHTS_DAILY__SCHEDULE": "*/5 * * * *",
                "SQLORCH__GROUPS__flights-daily__BATCH": "7",
                "SQLORCH__EXPORTS__TO": "[a.db, 'b.sqlite']",
                "SQLORCH__STATE__PATH": "/var/lib/sqlorch",
                "SQLORCH__VARIABLES": "{skip: [group]}",
                "SQLORCH_OTHER": "not ours to read",
                "PATH": "/bin",
            },
        )
        (group,) = read.groups
        assert (group.retry.retries, group.timeout, group.batch) == (3, 300.0, 7)
        assert group.keys.schedule == ("*/5 * * * *",)
        assert group.select == "a"
        assert read.exports.to == (HOME / "a.db", HOME / "b.sqlite")
        assert read.state_path == Path("/var/lib/sqlorch")
        assert read.variables_skip == {"group"}

    def test_an_empty_one_unsets(self) -> None:
        assert (
            settings("defaults: {retries: 1}", {"SQLORCH__DEFAULTS__RETRIES": ""}).default.retry.retries == 0
        )

    def test_quotes_make_text_of_a_number(self) -> None:
        read = settings("groups: {a: {}}", {"SQLORCH__GROUPS__A__SELECT": '"2013"'})
        assert read.groups[0].select == "2013"

    def test_the_document_it_is_put_over_stays_as_it_was(self) -> None:
        document = load_yaml("defaults: {retries: 1}", "f.yml")
        settings_from(document, {"SQLORCH__DEFAULTS__RETRIES": "5"}, project_dir=HOME)
        assert document.data == {"defaults": {"retries": 1}}

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("DEFAULTS__RETRIES", "many", "defaults.retries: must be a whole number, not 'many'"),
            ("DEFAULTS", "3", "defaults: must be a mapping of keys to values, not 3"),
            ("DEFAULTS", "{retries: [3]}", "defaults.retries: must be a whole number, not a list"),
            ("STAT__PATH", "x", "unknown key 'stat'; did you mean 'state'?"),
            ("STATE__PATHS", "x", "unknown key 'paths' in state; did you mean 'path'?"),
            ("STATE__PATH__X", "x", "state.path: must be text, not a mapping"),
            ("GROUPS__B__BATCH", "3", "there is no such group in sqlorch.yml; define it there first"),
            ("GROUPS__A__SCHEDULE", "@dayly", "groups.a.schedule: "),
            ("", "x", "write it as SQLORCH__SECTION__KEY"),
            ("STATE__", "x", "write it as SQLORCH__SECTION__KEY"),
            ("GROUPS__A___BATCH", "x", "unknown key '_batch' in groups.a; did you mean 'batch'?"),
            ("GROUPS__X_Y__BATCH", "2", "it could mean any of the groups X-y, x_y; rename one"),
        ],
    )
    def test_an_error_names_the_variable(self, name: str, value: str, message: str) -> None:
        (line,) = refused("groups: {a: {}, x_y: {}, X-y: {}}", {f"SQLORCH__{name}": value})
        assert line.startswith(f"environment variable SQLORCH__{name}: {message}")

    def test_broken_yaml_in_one_is_told_with_why_it_was_read_so(self) -> None:
        (line,) = refused("", {"SQLORCH__EXPORTS__TO": "[a, b"})
        assert line.startswith("environment variable SQLORCH__EXPORTS__TO:")
        assert line.endswith("(its value is read as YAML because of its first character)")

    def test_faults_of_the_file_and_of_the_environment_come_together(self) -> None:
        lines = refused("state: {path: 5}", {"SQLORCH__DEFAULTS__RETRIES": "x"})
        assert [line.split(": ")[0] for line in lines] == [
            "environment variable SQLORCH__DEFAULTS__RETRIES",
            "sqlorch.yml:1:15",
        ]


def test_processes_are_a_whole_number_or_what_suits_the_machine() -> None:
    assert settings("workers: {processes: 3}").processes == 3
    assert settings("workers:").processes is None
    assert settings("", {"SQLORCH__WORKERS__PROCESSES": "2"}).processes == 2
    (line,) = refused("workers: {processes: 0}")
    assert "processes" in line
