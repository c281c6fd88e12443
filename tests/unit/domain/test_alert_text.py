"""What a message says, and what of other people's text it does not let through."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sqlorch.domain.alert_news import concern, news
from sqlorch.domain.alert_text import Writer
from sqlorch.domain.alerts import AlertBook, Contact, Receiver, Weight
from sqlorch.domain.masking import MASK, Masker, secrets_of
from sqlorch.domain.scheduling import Alert

MASK_NOTHING = Masker(())
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = "model.shop.a", "model.shop.b"
ALL = Receiver(name="all", url="env:ALL")
CONTACTS = {A: Contact(owners=("ann",), subscribers=("@eve",)), B: Contact(owners=("bob",))}
BOOK = AlertBook(project="shop", receivers=(ALL,), link="https://h/runs/{run_id}", contacts=CONTACTS)


def alert(kind: str, *uids: str, **payload: Any) -> Alert:
    nodes = [
        {"unique_id": uid, "name": uid.rpartition(".")[2], "kind": "model", "attempt_id": place}
        for place, uid in enumerate(uids)
    ]
    return Alert(
        alert_id=1,
        dedupe="x",
        kind=kind,
        payload={"group": "daily", "interval": "2013-01-03", "run_id": "r 1", "nodes": nodes, **payload},
        created_at=NOW,
        tries=0,
        sent_at=None,
    )


def write(*alerts: Alert, errors: dict[int, str] | None = None, mask: Any = MASK_NOTHING) -> Any:
    said = [news(one, concern(one, ALL, BOOK, {}), {}, {}, NOW) for one in alerts]
    return Writer(book=BOOK, mask=mask, errors=errors or {}, where={0: "models/a.sql:3"}).message(said)


def test_a_failed_run_is_one_message_by_owner_with_what_to_do() -> None:
    message = write(alert("run_failed", A, B, skipped_nodes=2), errors={0: "no such column", 1: "boom"})
    assert message.title == "[shop] daily 2013-01-03: run failed"
    assert message.weight is Weight.FAILURE
    assert message.text == (
        "Run r 1 of group daily for 2013-01-03 failed (2026-03-01 12:00 UTC). "
        "Nodes not run because of it: 2.\n\n"
        "Owner: ann\n- model a: no such column (models/a.sql:3) [new] cc @eve\n\n"
        "Owner: bob\n- model b: boom [new]\n\n"
        "Once it is fixed: sqlorch retry r 1\n\nAll of it: sqlorch runs show r 1\n\nhttps://h/runs/r%201"
    )


def test_without_an_address_the_file_with_the_report_is_named() -> None:
    one = alert("run_failed", A)
    said = [news(one, concern(one, ALL, BOOK, {}), {}, {}, NOW)]
    told = Writer(book=replace(BOOK, link=""), mask=MASK_NOTHING, reports={"r 1": "/s/r 1/report.html"})
    assert told.message(said).text.endswith("\n\nAs a page: /s/r 1/report.html")
    assert "report.html" not in Writer(book=BOOK, mask=MASK_NOTHING, reports={"r 1": "/s"}).message(said).text


def test_two_stale_sources_are_two_troubles() -> None:
    first, second = (alert("freshness_stale", source=source) for source in ("raw.a", "raw.b"))
    topics = {item.topic for one in (first, second) for item in concern(one, ALL, BOOK, {})}
    assert len(topics) == 2
    assert "depends on a source that is older than it may be" in write(first).text


def test_a_run_that_a_sensor_skipped_says_how_to_run_it_after_all() -> None:
    reason = "waited for file in/x.csv (no file matches); gave up after 0:00:06"
    text = write(alert("slot_skipped", reason=reason)).text
    assert text.startswith(f"Run r 1 of group daily for 2013-01-03 was skipped: {reason} (2026-03-01 12:00")
    assert "To run it after all: sqlorch trigger daily --interval 2013-01-03\n" in text
    bounds = "2013-01-03T05:00:00Z/2013-01-03T06:00:00Z"
    hour = write(alert("slot_skipped", interval="2013-01-03 05:00", bounds=bounds)).text
    assert f"sqlorch trigger daily --interval {bounds}\n" in hour
    several = write(alert("slot_skipped", run_id="", interval="", reason="catchup_none", count=3)).text
    assert several.startswith("Intervals skipped: catchup is none ")


def test_all_that_is_told_of_one_run_is_one_message_headed_by_the_worst() -> None:
    message = write(alert("check_failed", B), alert("run_failed", A))
    assert message.title == "[shop] daily 2013-01-03: run failed"
    assert "has checks that warn" in message.text


def test_a_repeated_failure_says_so() -> None:
    failed = alert("run_failed", A)
    topics = dict(news(failed, concern(failed, ALL, BOOK, {}), {}, {}, NOW).topics)
    late = NOW + timedelta(hours=3)
    said = news(failed, concern(failed, ALL, BOOK, topics), topics, {}, late)
    message = Writer(book=BOOK, mask=Masker(())).message([said])
    assert message.title.endswith("run failed, again")
    assert "[2 times since 2026-03-01 12:00 UTC]" in message.text


def test_hostile_text_is_text() -> None:
    message = write(alert("run_failed", A), errors={0: "<script>x</script>\r\nBcc: a@b @everyone <!channel>"})
    assert "<script>" not in message.html
    assert "&lt;script&gt;" in message.html
    for service_would_act_on in ("@everyone", "<!channel>", "\r"):
        assert service_would_act_on not in message.text
    assert "\n" not in write(alert("run_failed", A, interval="x\r\nBcc: a@b")).title


def test_a_secret_is_masked_before_it_is_cut_in_half() -> None:
    secret = "s3cr3t-" + "k" * 40
    error = "e" * 280 + " " + secret
    message = write(alert("run_failed", A), errors={0: error}, mask=Masker([secret]))
    assert "s3cr3t" not in message.text + message.html
    assert "s3cr3t" not in write(alert("run_failed", reason=error), mask=Masker([secret])).text


def test_very_many_nodes_are_counted_not_listed() -> None:
    many = [f"model.shop.m{n}" for n in range(45)]
    text = write(alert("run_failed", *many, more=5)).text
    assert "and 15 more" in text
    assert "5 more nodes failed" in text


def test_a_link_needs_the_run_it_leads_to() -> None:
    text = write(alert("group_held", run_id="", reason="31 intervals are due")).text
    assert "https://" not in text
    assert "sqlorch catchup daily" in text


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://bob:hunter-22x@host/db",
        "connect failed: password=hunter-22x user=bob",
        "password='hunter-22x'",
        '{"api_key": "hunter-22x"}',
        "Authorization: Bearer hunter-22x",
        "value hunter-22x itself",
        "in base64 aHVudGVyLTIyeA==",
        "in a URL hunter%2D22x",
    ],
)
def test_secrets_are_masked_in_whatever_form(text: str) -> None:
    masked = Masker(["hunter-22x", "hunter%2D22x"])(text)
    assert MASK in masked
    for form in ("hunter-22x", "aHVudGVyLTIyeA", "hunter%2D22x"):
        assert form not in masked


def test_what_only_looks_like_a_secret_of_the_environment_is_left() -> None:
    environ = {
        "CI_TOKEN_SET": "true",
        "DB_PASSWORD": "long-enough",
        "DBT_ENV_SECRET_X": "abcd",
        "HOME": "/home/bob",
    }
    assert sorted(secrets_of(environ)) == ["abcd", "long-enough"]
    assert Masker(secrets_of(environ))("it is true") == "it is true"
