"""``alerts`` and what nodes say of them, of any shape: settings and a message, or a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.fuzz import fuzz

from sqlorch.config.alerts import make_book
from sqlorch.config.places import Document, Place
from sqlorch.config.settings import Settings, settings_from
from sqlorch.domain.alert_line import alert_line
from sqlorch.domain.alert_news import concern, news
from sqlorch.domain.alert_text import Writer
from sqlorch.domain.alerts import KINDS
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.masking import Masker
from sqlorch.domain.scheduling import Alert

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UID = "model.shop.orders"
KEYS = st.sampled_from(["to", "suppression", "manual", "link"])
RECEIVER_KEYS = st.sampled_from(["url", "name", "kinds", "groups", "owners", "channels"])
NODE_KEYS = st.sampled_from(["owner", "channel", "subscribers", "alert_suppression_interval"])
SAID = """\
env:A env: file:/x file:x log slack://t@b 1h nan inf 1e400 @channel a,,b https://h/{run_id} https://h/{x}
http://[::1 javascript:x run_failed run_faild #data
"""
TEXTS = st.text(max_size=12) | st.sampled_from(SAID.split())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(RECEIVER_KEYS | TEXTS, inner, max_size=3),
    max_leaves=6,
)
RECEIVER = st.dictionaries(RECEIVER_KEYS, SCALARS | st.lists(SCALARS, max_size=3), max_size=4)
ALERTS = st.dictionaries(KEYS, ANYTHING | st.lists(RECEIVER, max_size=3), max_size=4) | ANYTHING
SOUND = {"to": [{"url": "env:ALL"}, {"url": "log", "channels": ["data"], "owners": ["ann"]}]}


def read(alerts: Any) -> Settings | None:
    document = Document(data={"alerts": alerts}, values={(): Place("sqlorch.yml", 1, 1)})
    try:
        return settings_from(document, {}, project_dir=Path("/warehouse"))
    except ConfigError as error:
        lines = str(error).splitlines()
        assert lines
        assert all(line.startswith("sqlorch.yml") and line.isprintable() for line in lines)
        return None


@fuzz("alerts")
@given(alerts=ALERTS)
def test_any_alerts_are_read_or_refused(alerts: Any) -> None:
    found = read(alerts)
    assert found is None or all(receiver.name for receiver in found.alerts.receivers)


@fuzz("alerts")
@given(
    meta=st.dictionaries(NODE_KEYS | TEXTS, ANYTHING, max_size=4),
    kind=st.sampled_from(sorted(KINDS)) | st.text(max_size=6),
    payload=st.dictionaries(st.sampled_from(["reason", "group", "interval", "run_id", "more"]), TEXTS),
    error=st.text(max_size=400),
)
def test_whatever_nodes_and_errors_say_a_message_is_made_of_it(
    meta: dict[str, Any], kind: str, payload: dict[str, Any], error: str
) -> None:
    settings = read(SOUND)
    assert settings is not None
    node = Node(unique_id=UID, kind="model", name="orders", config={"meta": meta})
    book, notices = make_book(settings.alerts, project="shop", dag=Dag([node], []), groups=settings.groups)
    assert all(notice.isprintable() for notice in notices)
    nodes = [{"unique_id": UID, "name": "orders", "kind": "model", "attempt_id": 0}]
    alert = Alert(
        alert_id=1,
        dedupe="x",
        kind=kind,
        payload={**payload, "nodes": nodes},
        created_at=NOW,
        tries=0,
        sent_at=None,
    )
    assert alert_line(kind, alert.payload) or not kind
    writer = Writer(book=book, mask=Masker(["hunter2"]), errors={0: f"{error}hunter2"})
    for receiver in book.receivers:
        told = news(alert, concern(alert, receiver, book, {}), {}, {}, NOW)
        message = writer.message([told])
        for text in (message.title, message.text, message.html):
            assert "hunter2" not in text
            assert "<script" not in text
        assert "\n" not in message.title
