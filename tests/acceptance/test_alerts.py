"""Alerts as people meet them: a real daemon with real dbt, and receivers that are slow, down or gone."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.daemons import running, until
from support.projects import Project, Said, make_project
from support.receivers import mailbox, webhook

TODAY = datetime.now(UTC).date()
START = TODAY - timedelta(days=2)
TABLE = "{{ config(materialized='table') }}"
BAD = TABLE + "select cast('{{ env_var('SHOP_PASSWORD') }} is no number' as integer) as n"
GOOD = TABLE + "{{ env_var('SHOP_PASSWORD') and '' }}select 1 as n"
PASSWORD = "hunter-and-gatherer-22"  # noqa: S105 - what must not be told


def shop(root: Path, model: str, more: str = "") -> Project:
    settings = (
        f"groups:\n  g: {{select: '*', schedule: '@daily', start: {START}, owner: team, catchup: latest}}\n"
        f"alerts:\n  link: https://sqlorch.example/runs/{{run_id}}\n  to:\n  - url: env:HOOK\n{more}"
    )
    return make_project(root, {"sqlorch.yml": settings, "models/a.sql": model})


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)


def sql_says(project: Project, sql: str) -> int:
    ((count,),) = project.query_state(sql)
    return int(count)


def test_a_failure_is_told_by_mail_and_hook_survives_a_kill_and_is_over_after_a_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = shop(tmp_path, BAD, "  - {url: env:MAIL, kinds: [run_failed, run_recovered]}\n")
    with mailbox() as box, webhook() as hook:
        monkeypatch.setenv("HOOK", hook.url)
        monkeypatch.setenv("MAIL", box.url)
        with running(project) as daemon:
            until(lambda: box.mails and any("run failed" in title for title in hook.titles), "the alert")
            daemon.kill()
        with running(project) as daemon:
            daemon.until("started", 2)
            ((run_id,),) = project.query_state("select run_id from run")
            failed = [title for title in hook.titles if "run failed" in title]
            assert failed == [f"[shop] g {TODAY - timedelta(days=1)}: run failed"]
            project.write({"models/a.sql": GOOD})
            daemon.until("reloaded")
            assert project.sqlorch("retry", run_id).code == 0
            until(lambda: any("recovered" in title for title in hook.titles), "the recovery")
            until(lambda: len(box.mails) == 2, "the mail of it")
    message = next(post["message"] for post in hook.posts if "run failed" in post["title"])
    assert f"sqlorch retry {run_id}" in message
    assert f"https://sqlorch.example/runs/{run_id}" in message
    assert "Owner: team" in message
    assert "model a" in message
    assert PASSWORD not in str(hook.posts) + "".join(mail.as_string() for mail in box.mails)
    assert [mail["subject"].rpartition(": ")[2] for mail in box.mails] == ["run failed", "recovered"]


def test_a_slow_receiver_delays_no_run_and_one_that_is_gone_is_told_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = shop(tmp_path, BAD)
    with webhook() as hook:
        monkeypatch.setenv("HOOK", hook.url)
        hook.delay = 600.0
        with running(project) as daemon:
            until(lambda: hook.asked, "the message under way")
            said = project.sqlorch("trigger", "g", "--interval", str(START), "--wait")
            assert said.out.split()[-1] == "failed"
            assert hook.posts == []
            assert daemon.stop() == 0
    assert "run_failed" in {alert["kind"] for alert in listed(project)}
    with webhook() as hook:
        monkeypatch.setenv("HOOK", hook.url)
        said = commanded(project, "send")
        assert said.code == 0, said
        assert any("run failed" in title for title in hook.titles)
        assert listed(project) == []
        assert commanded(project, "send").out == "0 messages sent\n"


def test_runs_by_hand_are_told_of_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = shop(tmp_path, BAD)
    with webhook() as hook:
        monkeypatch.setenv("HOOK", hook.url)
        assert project.run("--interval", str(START)).code == 1
        assert sql_says(project, "select count(*) from alert") == 0
        monkeypatch.setenv("SQLORCH__ALERTS__MANUAL", "true")
        assert project.run("--interval", str(START)).code == 1
        until(lambda: hook.titles, "the message, for which the command does not wait long")
        assert hook.titles == [f"[shop] g {START}: run failed"]
        hook.delay = 600.0
        project.write({"models/a.sql": GOOD})
        began = time.monotonic()
        said = project.run("--interval", str(START))
        assert said.code == 0
        assert "still being sent" in said.err
        assert time.monotonic() - began < 30


def test_the_receivers_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = shop(tmp_path, GOOD, "  - {url: env:NOBODY_SET_THIS}\n  - {url: log}\n")
    with webhook() as hook:
        monkeypatch.setenv("HOOK", hook.url)
        said = commanded(project, "test")
        assert said.code == 1
        assert "env:HOOK: taken\n" in said.out
        assert (
            "env:NOBODY_SET_THIS: not taken: the environment variable NOBODY_SET_THIS is not set" in said.out
        )
        assert hook.titles == ["[shop] a test of alerts"]
        assert commanded(project, "test", "--receiver", "log").out == "log: taken\n"
        assert (project.root / ".sqlorch" / "alerts.log").read_text().count("\n") == 2
        assert "there is no receiver 'x'" in commanded(project, "test", "--receiver", "x").told(2)


def test_without_receivers_nothing_is_sent_and_apprise_is_not_imported(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"models/a.sql": "select 1 as n"})
    assert "there is no receiver of alerts" in commanded(project, "test").told(2)
    assert commanded(project, "list").out == "no alerts yet\n"
    assert os.path.lexists(project.root / ".sqlorch")


def commanded(project: Project, *arguments: str) -> Said:
    first, *rest = arguments
    where = ["--project-dir", str(project.root), "--profiles-dir", str(project.root)]
    return Project.sqlorch(_Plain(project.root), "alerts", first, *where, *rest)


def listed(project: Project) -> list[dict[str, object]]:
    found: list[dict[str, object]] = commanded(project, "list", "--unsent", "--json").document["alerts"]
    return found


class _Plain(Project):
    """A project whose options come after the subcommand."""

    def arguments(self, *arguments: str) -> list[str]:
        return list(arguments)
