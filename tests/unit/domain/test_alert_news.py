"""Who is told what of an alert, what of it is new, and what was told just before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlorch.domain.alert_codec import decode_book, encode_book
from sqlorch.domain.alert_news import Topic, concern, news
from sqlorch.domain.alerts import KINDS, AlertBook, Contact, Receiver
from sqlorch.domain.scheduling import Alert

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = "model.shop.a", "model.shop.b"
EVERYBODY = Receiver(name="all", url="env:ALL")
ANN = Receiver(name="ann", url="env:ANN", owners=("ann",))
FINANCE = Receiver(name="finance", url="env:FINANCE", channels=("finance",))


def alert(kind: str = "run_failed", *uids: str, number: int = 1, **payload: Any) -> Alert:
    nodes = [{"unique_id": uid, "name": uid.rpartition(".")[2], "kind": "model"} for uid in uids]
    return Alert(
        alert_id=number,
        dedupe=f"{kind}:{number}",
        kind=kind,
        payload={"group": "daily", "run_id": f"r{number}", "nodes": nodes, **payload},
        created_at=NOW,
        tries=0,
        sent_at=None,
    )


def book(*receivers: Receiver, **more: Any) -> AlertBook:
    return AlertBook(receivers=receivers, **more)


def nodes_for(receiver: Receiver, about: Alert, by: AlertBook) -> list[str]:
    return [item.unique_id for item in concern(about, receiver, by, {})]


def told(
    about: Alert, by: AlertBook, topics: dict[str, Topic], at: datetime = NOW, **succeeded: datetime
) -> Any:
    items = concern(about, EVERYBODY, by, topics)
    return news(
        about, items, topics, {f"model.shop.{name}": moment for name, moment in succeeded.items()}, at
    )


def test_a_receiver_without_filters_is_told_of_everything_that_is_told_by_default() -> None:
    known = {"run_failed|daily|a": Topic(since=NOW, seen_at=NOW, told_at=NOW, times=1)}
    quiet = {name for name in KINDS if not concern(alert(name), EVERYBODY, book(EVERYBODY), known)}
    assert quiet == {"node_slow"}


def test_kinds_and_groups_narrow_what_a_receiver_is_told() -> None:
    only = Receiver(name="x", url="env:X", kinds=("node_slow",), groups=("daily",))
    assert concern(alert("node_slow"), only, book(only), {})
    assert not concern(alert("run_failed", A), only, book(only), {})
    assert not concern(alert("node_slow", group="hourly"), only, book(only), {})


def test_owners_get_their_own_nodes_and_a_group_s_owner_those_of_nobody() -> None:
    by = book(
        EVERYBODY,
        ANN,
        contacts={A: Contact(owners=("ann",)), B: Contact(owners=("bob", "carl"))},
        group_owners={"daily": ("ann",)},
    )
    failed = alert("run_failed", A, B, "model.shop.c")
    assert nodes_for(ANN, failed, by) == [A, "model.shop.c"]
    assert nodes_for(EVERYBODY, failed, by) == [A, B, "model.shop.c"]


def test_a_channel_that_somebody_has_goes_there_and_nowhere_else() -> None:
    contacts = {A: Contact(channel="finance"), B: Contact(channel="nobody has this")}
    by = book(EVERYBODY, FINANCE, contacts=contacts)
    failed = alert("run_failed", A, B)
    assert nodes_for(FINANCE, failed, by) == [A]
    assert nodes_for(EVERYBODY, failed, by) == [B]


def test_what_fails_again_within_the_suppression_interval_is_not_told_again() -> None:
    by = book(EVERYBODY, suppression=3600.0)
    first = told(alert("run_failed", A), by, {})
    assert [item.unique_id for item in first.items] == [A]
    again = told(alert("run_failed", A, B), by, dict(first.topics), NOW + timedelta(minutes=59))
    assert [item.unique_id for item in again.items] == [B]
    later = told(alert("run_failed", A), by, dict(again.topics), NOW + timedelta(minutes=61))
    (topic,) = later.topics.values()
    assert later.items
    assert (topic.times, topic.since) == (3, NOW)


def test_a_node_s_own_interval_counts_before_the_general_one() -> None:
    by = book(EVERYBODY, suppression=3600.0, contacts={A: Contact(suppression=0.0)})
    first = told(alert("run_failed", A), by, {})
    assert told(alert("run_failed", A), by, dict(first.topics), NOW + timedelta(seconds=1)).items


def test_what_succeeded_in_between_is_new() -> None:
    by = book(EVERYBODY)
    first = told(alert("run_failed", A), by, {})
    again = told(
        alert("run_failed", A),
        by,
        dict(first.topics),
        NOW + timedelta(minutes=2),
        a=NOW + timedelta(minutes=1),
    )
    (topic,) = again.topics.values()
    assert again.items
    assert topic.times == 1


def test_what_a_person_must_act_on_is_told_every_time() -> None:
    by = book(EVERYBODY)
    first = told(alert("group_held", number=1), by, {})
    assert told(alert("group_held", number=2), by, dict(first.topics), NOW).items


def test_each_interval_that_is_skipped_is_told_and_none_twice() -> None:
    by = book(EVERYBODY)
    first = told(alert("slot_skipped", interval="2024-01-02"), by, {})
    known = dict(first.topics)
    assert told(alert("slot_skipped", number=2, interval="2024-01-03"), by, known).items
    assert not told(alert("slot_skipped", number=3, interval="2024-01-02"), by, known).items
    missed = dict(told(alert("slot_skipped", first="2024-01-02", last="2024-01-04"), by, {}).topics)
    assert told(alert("slot_skipped", number=4, first="2024-01-05", last="2024-01-06"), by, missed).items


def test_a_recovery_is_told_to_whoever_was_told_of_the_failure() -> None:
    by = book(EVERYBODY, ANN, contacts={A: Contact(owners=("ann",))}, group_owners={"daily": ("bob",)})
    items = concern(alert("run_failed", A), ANN, by, {})
    topics = dict(news(alert("run_failed", A), items, {}, {}, NOW).topics)
    over = alert("run_recovered", number=2)
    assert concern(over, ANN, by, topics)
    assert not concern(over, ANN, by, {})
    said = news(over, concern(over, ANN, by, topics), topics, {}, NOW)
    assert (said.closed, said.since) == (True, NOW)


def test_a_recovery_is_told_to_nobody_who_was_not_told_of_the_failure() -> None:
    by = book(EVERYBODY, ANN, group_owners={"daily": ("ann",)})
    over = alert("run_recovered", number=2)
    kept = Topic(since=NOW, seen_at=NOW, told_at=None, times=1)
    assert not concern(over, ANN, by, {})
    assert not concern(over, EVERYBODY, by, {"run_failed|daily|a": kept})
    assert not concern(over, EVERYBODY, by, {"run_failed|hourly|a": replace(kept, told_at=NOW)})
    assert concern(over, EVERYBODY, by, {"run_failed|daily|a": replace(kept, told_at=NOW)})


def test_a_book_travels_as_json() -> None:
    by = book(
        Receiver(name="x", url="env:X", kinds=("run_failed",), groups=("g",), owners=("o",), channels=("c",)),
        suppression=5.0,
        link="https://h/{run_id}",
        project="shop",
        contacts={A: Contact(owners=("ann",), channel="c", subscribers=("s",), suppression=1.0)},
        group_owners={"daily": ("bob",)},
    )
    assert decode_book(encode_book(by)) == by
