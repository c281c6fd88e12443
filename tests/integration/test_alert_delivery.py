"""Alerts on their way to real receivers on loopback, with what can go wrong on it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.receivers import Mailbox, Webhook, mailbox, webhook
from support.stores import A, B

from sqlorch.app.alerting import deliver, make_notifier
from sqlorch.domain.alert_message import Message, Paragraph, make_message
from sqlorch.domain.alerts import AlertBook, Contact, Receiver, Weight
from sqlorch.domain.errors import ConfigError, IntegrationError
from sqlorch.domain.masking import Masker
from sqlorch.engine.alert_round import MOST_MESSAGES, MOST_TRIES
from sqlorch.engine.alerting import Deliverer, Told
from sqlorch.notifiers.registry import notifier_for
from sqlorch.state.store import SqlStore

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MAIL = Receiver(name="mail", url="env:MAIL")
HOOK = Receiver(name="hook", url="env:HOOK")


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class Post:
    """A store, receivers, and a deliverer that begins anew each time, as a process does."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.clock = Clock()
        self.environ: dict[str, str] = {}
        self.book = AlertBook(project="shop", receivers=(HOOK,))

    def raise_alert(self, number: int, kind: str = "run_failed", *uids: str, **payload: Any) -> None:
        nodes = [{"unique_id": uid, "name": uid.rpartition(".")[2], "kind": "model"} for uid in uids]
        facts = {"run_id": f"r{number}", "group": "daily", "nodes": nodes, **payload}
        with self.open() as store:
            store.alerts.raise_alert(f"{kind}:{number}", kind, facts, now=self.clock.at)

    def open(self) -> SqlStore:
        return SqlStore.open(self.state_dir / "state.db")

    def deliver(self, *, patience: float = 20.0, notifier: Any = None) -> Told:
        make = partial(make_notifier, state_dir=self.state_dir, environ=self.environ)
        with self.open() as store:
            return Deliverer(
                store=store.deliveries,
                clock=self.clock,
                book=self.book,
                notifier=notifier or make,
                mask=Masker([]),
                patience=patience,
            ).deliver()

    def unsent(self) -> int:
        with self.open() as store:
            return len(store.deliveries.unsettled(100))


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path / "state")


@contextmanager
def hooked(post: Post) -> Iterator[Webhook]:
    with webhook() as hook:
        post.environ["HOOK"] = hook.url
        yield hook


def test_a_mail_arrives_as_text_and_as_html(post: Post) -> None:
    post.book = AlertBook(project="shop", receivers=(MAIL,), contacts={A: Contact(owners=("ann <x>",))})
    with mailbox() as box:
        post.environ["MAIL"] = box.url
        post.raise_alert(1, "run_failed", A)
        assert post.deliver().messages == 1
    (mail,) = box.mails
    assert (mail["subject"], mail["to"]) == ("[shop] daily: run failed", "data@shop.example")
    assert "ann &lt;x&gt;" in Mailbox.body(mail, "html")
    assert "sqlorch retry r1" in Mailbox.body(mail, "plain")
    assert post.unsent() == 0


def test_each_owner_is_told_of_what_is_theirs(post: Post) -> None:
    ann, bob = (
        Receiver(name="ann", url="env:HOOK", owners=("ann",)),
        Receiver(name="bob", url="env:BOB", owners=("bob",)),
    )
    post.book = AlertBook(
        project="shop",
        receivers=(ann, bob),
        contacts={A: Contact(owners=("ann",)), B: Contact(owners=("bob",))},
    )
    with hooked(post) as to_ann, webhook() as to_bob:
        post.environ["BOB"] = to_bob.url
        post.raise_alert(1, "run_failed", A, B)
        assert post.deliver().messages == 2
    assert ("model a" in to_ann.posts[0]["message"], "model b" in to_ann.posts[0]["message"]) == (True, False)
    assert ("model a" in to_bob.posts[0]["message"], "model b" in to_bob.posts[0]["message"]) == (False, True)


def test_nothing_is_told_twice_however_often_it_is_delivered(post: Post) -> None:
    with hooked(post) as hook:
        post.raise_alert(1, "run_failed", A)
        post.raise_alert(1, "check_failed", B)
        post.raise_alert(1, "run_failed", A)
        for _ in range(3):
            post.deliver()
    assert hook.titles == ["[shop] daily: run failed"]
    assert "has checks that warn" in hook.posts[0]["message"]


def test_the_same_again_is_quiet_for_an_hour_then_says_again_and_then_it_is_over(post: Post) -> None:
    with hooked(post) as hook:
        for number, minutes in enumerate([0, 10, 70], 1):
            post.clock.at = NOW + timedelta(minutes=minutes)
            post.raise_alert(number, "run_failed", A)
            post.deliver()
        post.raise_alert(4, "run_recovered")
        post.deliver()
        post.raise_alert(5, "run_failed", A)
        post.deliver()
    assert hook.titles == [
        "[shop] daily: run failed",
        "[shop] daily: run failed, again",
        "[shop] daily: recovered",
        "[shop] daily: run failed",
    ]
    assert "3 times since 2026-06-01 12:00 UTC" in hook.posts[1]["message"]
    assert "had been failing since 2026-06-01 12:00 UTC" in hook.posts[2]["message"]


def test_a_receiver_that_is_down_is_told_when_it_is_back_and_the_other_only_once(post: Post) -> None:
    other = Receiver(name="other", url="env:OTHER")
    post.book = AlertBook(project="shop", receivers=(HOOK, other))
    with hooked(post) as hook, webhook() as healthy:
        post.environ["OTHER"] = healthy.url
        hook.status = 503
        post.raise_alert(1, "run_failed", A)
        told = post.deliver()
        assert (told.messages, [one.receiver for one in told.troubles]) == (1, ["hook"])
        assert told.next_at == NOW + timedelta(seconds=30)
        assert post.deliver().troubles == ()  # not its turn yet
        assert hook.asked == 1
        post.clock.at += timedelta(seconds=30)
        assert post.deliver().next_at == NOW + timedelta(seconds=90)
        hook.status = 200
        post.clock.at += timedelta(seconds=60)
        assert post.deliver().next_at is None
    assert hook.titles == healthy.titles == ["[shop] daily: run failed"]
    assert post.unsent() == 0


def test_a_recovery_waits_for_the_failure_that_could_not_be_told_yet(post: Post) -> None:
    with hooked(post) as hook:
        hook.status = 503
        post.raise_alert(1, "run_failed", A)
        post.deliver()
        post.clock.at += timedelta(seconds=10)
        post.raise_alert(2, "run_recovered", still_failed="2026-05-30")
        assert post.deliver().next_at == NOW + timedelta(seconds=30)
        assert post.unsent() == 2
        hook.status = 200
        post.clock.at += timedelta(seconds=20)
        assert post.deliver().next_at is None
    assert hook.titles == ["[shop] daily: run failed", "[shop] daily: recovered"]
    assert "Still failed: 2026-05-30." in hook.posts[1]["message"]
    assert post.unsent() == 0


def test_after_so_many_tries_it_is_given_up_until_somebody_asks(post: Post) -> None:
    with hooked(post) as hook:
        hook.status = 500
        post.raise_alert(1, "run_failed", A)
        for _ in range(MOST_TRIES + 3):
            post.deliver()
            post.clock.at += timedelta(hours=1)
        assert hook.asked == MOST_TRIES
        assert post.unsent() == 0
        with post.open() as store:
            (alert,) = store.alerts.newest(5, unsent=True)
        assert alert.error.startswith("hook: ")
        hook.status = 200
        told = deliver(post.book, post.state_dir, command="test", hurry=True, environ=post.environ)
    assert told.messages == 1
    assert len(hook.posts) == 1


def test_a_receiver_without_a_url_is_a_trouble_that_names_what_is_missing(post: Post) -> None:
    post.raise_alert(1)
    (trouble,) = post.deliver().troubles
    assert "environment variable HOOK is not set" in trouble.error


def test_one_that_hangs_keeps_no_other_from_being_told(post: Post) -> None:
    slow = Receiver(name="slow", url="env:SLOW")
    post.book = AlertBook(project="shop", receivers=(slow, HOOK))
    with hooked(post) as hook, webhook() as hangs:
        hangs.delay = 60.0
        post.environ["SLOW"] = hangs.url
        post.raise_alert(1)
        told = post.deliver(patience=2.0)
        assert len(hook.posts) == 1
        assert [(one.receiver, one.error) for one in told.troubles] == [("slow", "no answer within 2 s")]
        assert told.next_at == NOW + timedelta(seconds=30)


def test_what_was_taken_but_not_written_down_is_told_again(post: Post) -> None:
    """The process dies between the two: at least once, so twice."""

    class Dies:
        def send(self, message: Message) -> None:
            raise SystemExit

    post.raise_alert(1)
    hook = threading.excepthook
    threading.excepthook = lambda _: None
    try:
        post.deliver(notifier=lambda _: Dies())
    finally:
        threading.excepthook = hook
    with hooked(post) as receiver:
        assert post.deliver().messages == 1
    assert len(receiver.posts) == 1


def test_a_flood_is_one_message(post: Post) -> None:
    with hooked(post) as hook:
        for number in range(MOST_MESSAGES + 1):
            post.raise_alert(number, "group_held", group=f"g{number}", run_id="")
        assert post.deliver().messages == 1
    assert hook.titles == [f"[shop] {MOST_MESSAGES + 1} alerts"]
    assert f"g{MOST_MESSAGES}: held until somebody decides" in hook.posts[0]["message"]
    assert post.unsent() == 0


def test_a_broken_notifier_of_somebody_else_is_a_trouble_not_an_end(post: Post) -> None:
    def broken(_: Receiver) -> Any:
        raise KeyError("oops")

    post.raise_alert(1)
    (trouble,) = post.deliver(notifier=broken).troubles
    assert trouble.error == "KeyError: 'oops'"


def test_redirects_are_not_followed() -> None:
    message = make_message("x", Weight.INFO, [Paragraph("y")])
    with webhook() as inside, webhook() as outside:
        outside.status, outside.location = 307, inside.url.replace("json://", "http://")
        with pytest.raises(IntegrationError):
            notifier_for(outside.url).send(message)
    assert (outside.asked, inside.asked) == (1, 0)


def test_an_error_never_says_the_url() -> None:
    message = make_message("x", Weight.INFO, [Paragraph("y")])
    with webhook() as hook:
        hook.status = 403
        url = hook.url.replace("json://", "json://bob:s3cr3t-pass@")
        with pytest.raises(IntegrationError) as error:
            notifier_for(f"{url}?password=s3cr3t-pass").send(message)
    assert "s3cr3t" not in str(error.value)
    for wrong in ("nothing", "slack://s3cr3t", "unheard://s3cr3t"):
        with pytest.raises(ConfigError) as refused:
            notifier_for(wrong)
        assert "s3cr3t" not in str(refused.value)


def test_the_log_is_private_and_says_it_all(tmp_path: Path) -> None:
    log = tmp_path / "alerts.log"
    for title in ("one", "two"):
        notifier_for(f"log://{log}").send(make_message(title, Weight.INFO, [Paragraph("body\nmore")]))
    lines = log.read_text().splitlines()
    assert [('"title": "one"' in lines[0]), ('"title": "two"' in lines[1]), len(lines)] == [True, True, 2]
    assert log.stat().st_mode & 0o777 == 0o600
    with pytest.raises(IntegrationError, match="cannot be written"):
        notifier_for(f"log://{tmp_path}").send(make_message("x", Weight.INFO, []))


def test_a_url_in_a_file(post: Post, tmp_path: Path) -> None:
    with webhook() as hook:
        secret = tmp_path / "url"
        secret.write_text(f"{hook.url}\n")
        post.book = AlertBook(receivers=(Receiver(name="file", url=f"file:{secret}"),))
        post.raise_alert(1)
        assert post.deliver().messages == 1
    secret.unlink()
    post.raise_alert(2, "group_held")
    (trouble,) = post.deliver().troubles
    assert "cannot be read" in trouble.error
