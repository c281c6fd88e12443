"""The alerts of sqlorch.yml, and what nodes say of whom to tell."""

from pathlib import Path

import pytest

from sqlorch.config.alerts import Alerts, make_book
from sqlorch.config.settings import settings_from
from sqlorch.config.yaml_loader import load_yaml
from sqlorch.domain.alerts import Contact, Receiver
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import Group
from sqlorch.domain.timetable import make_timetable


def read(text: str) -> Alerts:
    return settings_from(load_yaml(text, "sqlorch.yml"), {}, project_dir=Path("/x")).alerts


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        read(text)
    return str(error.value)


def test_nothing_said_is_nobody_told() -> None:
    assert read("alerts:\n") == Alerts()
    assert (Alerts().receivers, Alerts().suppression, Alerts().manual) == ((), 3600.0, False)


def test_all_of_it_is_read() -> None:
    found = read(
        "alerts:\n  suppression: 2h\n  manual: true\n  link: https://h/runs/{run_id}\n  to:\n"
        "  - {url: env:A, kinds: run_failed, groups: [g], owners: ann, channels: ['#finance']}\n"
        "  - {url: file:/run/secrets/b, name: b}\n  - {url: log}\n"
    )
    assert (found.suppression, found.manual, found.link) == (7200.0, True, "https://h/runs/{run_id}")
    assert found.receivers == (
        Receiver(
            name="env:A",
            url="env:A",
            kinds=("run_failed",),
            groups=("g",),
            owners=("ann",),
            channels=("finance",),
        ),
        Receiver(name="b", url="file:/run/secrets/b"),
        Receiver(name="log", url="log"),
    )


def test_an_optional_receiver_is_there_when_its_url_is(tmp_path: Path) -> None:
    secret, empty = tmp_path / "secret", tmp_path / "empty"
    secret.write_text("json://h\n")
    empty.write_text("\n")
    places = ["env:A", "env:B", "env:C", f"file:{secret}", f"file:{empty}", f"file:{tmp_path}/none", "log"]
    lines = "".join(f"  - {{url: '{place}', optional: true}}\n" for place in places)
    document = load_yaml(f"alerts:\n  to:\n{lines}  - {{url: env:MUST}}\n", "sqlorch.yml")
    found = settings_from(document, {"A": "json://h", "C": " "}, project_dir=Path("/x")).alerts
    assert [one.url for one in found.receivers] == ["env:A", f"file:{secret}", "log", "env:MUST"]
    assert found.absent == ("env:B", "env:C", f"file:{empty}", f"file:{tmp_path}/none")


def test_a_url_is_refused_and_never_said_again() -> None:
    said = refused("alerts:\n  to:\n  - url: slack://s3cr3t/token\n")
    assert said.startswith("sqlorch.yml:3:10: alerts.to[0].url: a URL is not written here")
    assert "env:NAME" in said
    assert "s3cr3t" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{to: [{url: env:A, kinds: run_faild}]}", "did you mean 'run_failed'?"),
        ("{to: [{url: env:A-B}]}", "alerts.to[0].url: must be env:NAME"),
        ("{to: [{url: 'file:rel'}]}", "alerts.to[0].url: must be env:NAME"),
        ("{to: [{url: 5}]}", "not 5"),
        ("{to: [{name: x}]}", "alerts.to[0].url: is missing"),
        ("{to: [{url: log, kind: x}]}", "did you mean 'kinds'?"),
        ("{to: env:A}", "must be a list of receivers"),
        ("{to: [{url: env:A}, {url: env:A}]}", "two receivers are called 'env:A'"),
        ("{link: 'ftp://h'}", "must be an address like https://"),
        ("{link: 'https://bob:pw@h/'}", "no name and password"),
        ("{link: 'https://h/{run}'}", "not '{run}'"),
        ("{suppression: often}", "a duration like"),
        ("{manual: yes please}", "must be true or false"),
    ],
)
def test_what_cannot_be_used_is_refused_where_it_is_written(text: str, said: str) -> None:
    error = refused(f"alerts: {text}")
    assert error.startswith("sqlorch.yml:1:")
    assert said in error


def node(name: str, kind: str = "model", attached: str | None = None, **meta: object) -> Node:
    return Node(
        unique_id=f"{kind}.shop.{name}",
        kind=kind,
        name=name,
        path=f"models/{name}.sql",
        attached_to=attached,
        config={"meta": meta},
    )


def test_elementary_s_keys_are_read_and_a_test_has_those_of_its_model() -> None:
    dag = Dag(
        [
            node(
                "a", owner="ann, bob", subscribers=["@eve"], channel="#finance", alert_suppression_interval=24
            ),
            node("t", "test", "model.shop.a", owner=["carl"]),
            node("b"),
            node("c", alert_suppression_interval="often", channel=["x"]),
        ],
        [("model.shop.a", "test.shop.t")],
        project="shop",
    )
    groups = [Group(name="daily", timetable=make_timetable(), owner="team")]
    settings = Alerts(receivers=(Receiver(name="x", url="log", groups=("dayly",)),))
    book, notices = make_book(settings, project="shop", dag=dag, groups=groups)
    assert book.contacts == {
        "model.shop.a": Contact(
            owners=("ann", "bob"), subscribers=("@eve",), channel="finance", suppression=24 * 3600.0
        ),
        "test.shop.t": Contact(
            owners=("carl",), subscribers=("@eve",), channel="finance", suppression=24 * 3600.0
        ),
    }
    assert book.owners("model.shop.b", "daily") == ("team",)
    assert [notice.partition(":")[0] for notice in notices] == ["models/c.sql", "models/c.sql", "sqlorch.yml"]
    assert "a number of hours, not 'often'" in notices[1]
    assert "'dayly', which there is not" in notices[2]
