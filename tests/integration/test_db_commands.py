"""Looking after the state file: audit, copies, old records, and putting a copy back."""

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.projects import Project, make_project
from support.stores import ME, NOW, A, B, decide, do, end, enrol, manual, new_run, slot, spec_of
from support.stores import begin as begin_nodes

from sqlorch.domain.history import NodeMove
from sqlorch.domain.ledger import LedgerMark
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import Backfill, BackfillSlot, BackfillState
from sqlorch.state import care, retention
from sqlorch.state.lock import run_lock
from sqlorch.state.schema import HEAD
from sqlorch.state.store import SqlStore

OLD = NOW - timedelta(days=100)
CUT = NOW - timedelta(days=90)


def fill(store: SqlStore) -> None:
    """Groups, slots, runs in several states, events, alerts, a backfill."""
    enrol(store)
    decide(store, *[new_run(n) for n in range(5)], skips=(slot(5),), reason="catchup_none")
    for n in range(4):
        assert store.queue.claim(spec_of(new_run(n), A, B), owner=ME, now=OLD)
        end(store, begin_nodes(store, f"sched-daily-{n}", A, now=OLD), now=OLD)
        if n < 3:
            do(store, f"sched-daily-{n}", B, fails=n == 1, now=OLD)
    store.alerts.raise_alert("a1", "run_failed", {"run": "r"}, now=OLD)
    store.alerts.raise_alert("a2", "run_failed", {}, now=OLD)
    (delivered,) = (alert.alert_id for alert in store.alerts.alerts() if alert.dedupe == "a1")
    store.alerts.sent(delivered, now=OLD)
    store.queue.request_cancel("sched-daily-4", reason="no", who="ann", now=OLD)
    made = Backfill(
        backfill_id="b1",
        group="daily",
        interval=slot(0),
        order="oldest",
        reprocess="all",
        parallel=1,
        state=BackfillState.RUNNING,
        reason="",
        created_at=OLD,
        finished_at=None,
        slots=1,
        done=0,
        failed=0,
    )
    cut = BackfillSlot(backfill_id="b1", interval=slot(0), position=0, state="queued", run_id="sched-daily-0")
    store.backfills.submit(made, [cut], who="ann", now=OLD)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose state is filled, without a model: nothing of dbt is started."""
    project = make_project(tmp_path / "shop", {"models/one.sql": "select 1 as id"})
    with SqlStore.open(project.root / ".sqlorch" / "state.db", owner=ME) as store:
        fill(store)
    return project


@pytest.fixture
def path(project: Project) -> Path:
    return project.root / ".sqlorch" / "state.db"


def damage(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        assert connection.execute(statement).rowcount >= 1, statement
    connection.commit()
    connection.close()


def broken(path: Path) -> list[str]:
    return [finding.invariant for finding in care.check(path) if finding.broken]


class TestCheck:
    def test_a_state_in_use_breaks_nothing(self, path: Path):
        assert broken(path) == []

    def test_a_node_whose_condition_was_not_met_breaks_nothing(self, path: Path):
        with SqlStore.open(path, owner=ME) as store:
            manual(store, "passed-over", slot(9), A)
            passed = NodeMove(unique_id=A, before=NodeState.WAITING, after=NodeState.SKIPPED)
            store.step("passed-over", now=NOW, moves=[passed])
            assert store.move_run("passed-over", RunState.RUNNING, RunState.SUCCESS, now=NOW)
            assert store.ledger.entries([A])[A][-1].mark is LedgerMark.SKIPPED
        assert broken(path) == []
        damage(path, "UPDATE node_run SET state = 'failed' WHERE state = 'skipped'")
        assert broken(path) == ["the ledger says of a node what its run says"]

    @pytest.mark.parametrize(
        ("statement", "invariant"),
        [
            ("UPDATE run SET state = 'runing' WHERE state = 'running'", "every state is a known word"),
            ("UPDATE attempt SET outcome = 'ok' WHERE outcome = 'success'", "every state is a known word"),
            ("UPDATE run SET variables = '{' WHERE id = 1", "every document can be read"),
            (
                "UPDATE slot SET interval_end = interval_end + 1 WHERE run_id = 'sched-daily-1'",
                "slots of a group do not overlap",
            ),
            (
                "DELETE FROM slot WHERE run_id = 'sched-daily-1'",
                "slots of a schedule have no hole between them",
            ),
            ("UPDATE grp SET cursor = cursor + 1", "a group's cursor is the end of its last slot"),
            (
                "UPDATE slot SET run_id = 'gone' WHERE run_id = 'sched-daily-1'",
                "every slot has a run, or a reason for none",
            ),
            (
                "UPDATE slot SET run_id = NULL WHERE run_id = 'sched-daily-1'",
                "every slot has a run, or a reason for none",
            ),
            (
                "UPDATE run SET interval_end = interval_end + 1, state = 'running' WHERE id = 3",
                "runs of a group under way do not share a time",
            ),
            (
                "UPDATE run SET finished_at = NULL WHERE run_id = 'sched-daily-0'",
                "a run that has ended says when, and one that has not does not",
            ),
            (
                "UPDATE node_run SET state = 'running' WHERE run_id = 'sched-daily-0'",
                "nothing of a run that has ended is being executed",
            ),
            (
                "UPDATE attempt SET state = 'running' WHERE run_id = 'sched-daily-0'",
                "a node is being executed by exactly one attempt, or by none",
            ),
            ("UPDATE attempt SET n = 2 WHERE attempt_id = 1", "attempts are numbered from one without a gap"),
            ("UPDATE meta SET value = '1' WHERE key = 'fence_seq'", "fences only rise"),
            (
                "UPDATE node_run SET gen = 7 WHERE run_id = 'sched-daily-0'",
                "generations of nodes and attempts are not ahead of their run's",
            ),
            (
                "UPDATE ledger SET mark = 1 - mark WHERE mark < 2",
                "the ledger says of a node what its run says",
            ),
            (
                "UPDATE dataset_event SET run_id = 'sched-daily-1' WHERE dataset = 'daily' AND id < 4",
                "nothing is told of a run without its success",
            ),
            (
                "INSERT INTO dataset_cursor VALUES ('g', 'daily', 99)",
                "no consumer is ahead of the events there were",
            ),
            (
                "INSERT INTO backfill_slot VALUES ('b1', 9, 0, 0, 'waiting', NULL, '')",
                "a backfill that is over has nothing waiting",
            ),
            ("DELETE FROM node_run WHERE run_id = 'sched-daily-0'", "no row refers to nothing"),
        ],
    )
    def test_each_contradiction_is_found_and_named(self, path: Path, statement: str, invariant: str):
        if "backfill_slot" in statement:
            damage(path, "UPDATE backfill SET state = 'success'")
        damage(path, statement)
        assert invariant in broken(path)

    def test_the_command_prints_a_line_for_each_and_exits_with_1(self, project: Project, path: Path):
        said = project.sqlorch("db", "check")
        assert (said.code, said.err) == (0, "")
        assert {line[:7] for line in said.out.splitlines()} == {"ok     "}
        damage(path, "UPDATE grp SET cursor = cursor + 1")
        said = project.sqlorch("db", "check")
        assert said.code == 1
        (bad,) = [line for line in said.out.splitlines() if line.startswith("BROKEN")]
        assert "a group's cursor is the end of its last slot: 1 broken (daily " in bad
        said = project.sqlorch("db", "check", "--json")
        assert said.code == 1
        assert [f["broken"] for f in said.document["findings"] if f["broken"]] == [1]

    def test_a_file_that_cannot_be_read_is_broken_not_an_error(self, project: Project, path: Path):
        path.write_bytes(b"this is not a database" * 100)
        said = project.sqlorch("db", "check")
        assert said.code == 1
        assert said.out.startswith("BROKEN  the file is sound: 1 broken (the state file")
        assert "Traceback" not in said.err

    def test_without_a_file_it_says_so(self, tmp_path: Path):
        said = make_project(tmp_path / "new", {}).sqlorch("db", "check")
        assert "there is no state file" in said.told(2)
        assert not (tmp_path / "new" / ".sqlorch").exists()


class TestStatus:
    def test_where_what_and_how_much(self, project: Project, path: Path):
        document = project.sqlorch("db", "status", "--json").document
        assert (document["path"], document["bytes"]) == (str(path), path.stat().st_size)
        assert (document["schema"], document["rows"]["slot"]) == (document["current"], 6)
        assert f"schema {HEAD}" in project.sqlorch("db", "status").out

    def test_an_older_file_is_told_of_and_upgraded(self, project: Project, path: Path):
        path.write_bytes((Path(__file__).parents[1] / "data" / "state_v0001.db").read_bytes())
        path.with_suffix(".uuid").unlink()
        assert (
            f"schema 0001, this sqlorch has {HEAD}: sqlorch db upgrade" in project.sqlorch("db", "status").out
        )
        assert "upgrade it first" in project.sqlorch("db", "check").told(2)
        assert f"upgraded from schema 0001 to {HEAD}" in project.sqlorch("db", "upgrade").out
        assert "up to date" in project.sqlorch("db", "upgrade").out
        assert project.sqlorch("db", "check").code == 0


class TestCopies:
    def test_a_backup_holds_everything_even_while_somebody_writes(self, project: Project, path: Path):
        target = project.root / "copy.db"
        with SqlStore.open(path) as store, store._database.write() as connection:
            connection.exec_driver_sql("UPDATE grp SET reason = 'not committed'")
            assert project.sqlorch("db", "backup", str(target)).code == 0
        assert target.stat().st_mode & 0o777 == 0o600
        assert [finding.broken for finding in care.check(target)] == [0] * 19
        with SqlStore.open(target) as copy:
            assert len(copy.runs()) == 5
            assert copy.schedule.groups()["daily"].reason == ""
        assert [file.name for file in project.root.glob("*part*")] == []

    def test_it_replaces_nothing_and_needs_a_place(self, project: Project, path: Path):
        (project.root / "copy.db").write_text("mine")
        assert "exists" in project.sqlorch("db", "backup", str(project.root / "copy.db")).told(2)
        assert (project.root / "copy.db").read_text() == "mine"
        said = project.sqlorch("db", "backup", str(project.root / "no" / "copy.db")).told(2)
        assert "cannot be kept at" in said

    def test_recovering_puts_it_back_and_keeps_what_was_there(self, project: Project, path: Path):
        copy = project.root / "copy.db"
        project.sqlorch("db", "backup", str(copy))
        path.write_bytes(b"")  # SQLite would take it for a new database
        said = project.sqlorch("db", "recover", str(copy))
        assert said.code == 0
        assert "what was there is now" in said.out
        assert project.sqlorch("db", "check").code == 0
        with SqlStore.open(path) as store:
            assert len(store.runs()) == 5
        assert copy.exists()
        assert len(list(path.parent.glob("state.db.before-*"))) == 1

    @pytest.mark.parametrize(
        ("spoil", "why"),
        [
            (lambda copy: copy.write_bytes(b"x" * 5000), "damaged|not sound"),
            (lambda copy: damage(copy, "UPDATE grp SET cursor = 1"), "not sound: a group's cursor"),
            (lambda copy: damage(copy, "UPDATE meta SET value = 'x' WHERE key = 'store_uuid'"), "of another"),
            (lambda copy: damage(copy, "UPDATE alembic_version SET version_num = '9999'"), "newer sqlorch"),
            (lambda copy: copy.unlink(), "there is no backup"),
        ],
    )
    def test_what_cannot_be_used_changes_nothing(
        self, project: Project, path: Path, spoil: Callable[[Path], None], why: str
    ):
        copy = project.root / "copy.db"
        project.sqlorch("db", "backup", str(copy))
        spoil(copy)
        said = project.sqlorch("db", "recover", str(copy)).told(2)
        assert any(word in said for word in why.split("|")), said
        assert broken(path) == []

    def test_not_while_somebody_drives_runs(self, project: Project, path: Path):
        copy = project.root / "copy.db"
        project.sqlorch("db", "backup", str(copy))
        with run_lock(path.parent, command="sqlorch run"):
            assert "is driving runs" in project.sqlorch("db", "recover", str(copy)).told(2)


class TestPrune:
    def prune(self, path: Path, *, keep: int = 1, dry_run: bool = False) -> retention.Pruned:
        with SqlStore.open(path) as store:
            return retention.prune(store._database, before=CUT, keep=keep, dry_run=dry_run)

    def test_old_runs_go_and_slots_ledger_and_cursors_stay(self, path: Path):
        with SqlStore.open(path) as store:
            before = store.ledger.entries(), store.schedule.groups(), len(store.schedule.slots("daily"))
        gone = self.prune(path)
        assert gone.runs == ("sched-daily-1", "sched-daily-2")
        assert broken(path) == []
        with SqlStore.open(path) as store:
            left = {run.run_id: run.state for run in store.runs()}
            assert (
                store.ledger.entries(),
                store.schedule.groups(),
                len(store.schedule.slots("daily")),
            ) == before
            reasons = {s.run_id: s.reason for s in store.schedule.slots("daily")}
        assert left == {
            "sched-daily-4": RunState.CANCELLED,  # the newest
            "sched-daily-3": RunState.RUNNING,
            "sched-daily-1": RunState.FAILED,  # its slot is not made: a line stays
            "sched-daily-0": RunState.SUCCESS,  # a backfill is about it
        }
        assert reasons["sched-daily-2"] == "done; the run was pruned"
        assert self.prune(path).runs == ()

    def test_old_records_go_but_not_what_was_not_delivered(self, path: Path):
        assert self.prune(path).records == 6
        with SqlStore.open(path) as store:
            left = [alert.dedupe for alert in store.alerts.alerts()]
            assert "a1" not in left
            assert left[-1] == "a2"
            assert store.daemons.audit() == []
            newest = [(e.dataset, e.run_id) for e in store.datasets.events(["daily", A, B], {})]
        assert newest == [(A, "sched-daily-2"), (B, "sched-daily-2"), ("daily", "sched-daily-2")]

    def test_a_dry_run_says_the_same_and_changes_nothing(self, path: Path):
        planned = self.prune(path, dry_run=True)
        with SqlStore.open(path) as store:
            assert len(store.runs()) == 5
        assert self.prune(path) == planned

    def test_the_newest_of_a_group_stay(self, path: Path):
        assert self.prune(path, keep=4).runs == ()

    def test_what_was_pruned_can_be_run_again(self, path: Path):
        self.prune(path)
        with SqlStore.open(path) as store:
            assert store.queue.enqueue(new_run(2), now=NOW) == "sched-daily-2"
            assert store.queue.claim(spec_of(new_run(2), A, B), owner=ME, now=NOW) is True
            assert store.queue.requeue("sched-daily-1", now=NOW) == 2
            assert [s.reason for s in store.schedule.slots("daily", slot(2))] == [""]

    def test_event_ids_are_not_given_twice(self, path: Path):
        with SqlStore.open(path) as store:
            last = store.datasets.events(["daily"], {})[-1].event_id
        damage(path, "DELETE FROM dataset_event")
        with SqlStore.open(path) as store:
            manual(store, "new", slot(30), A)
            do(store, "new", A)
            assert store.datasets.events(["daily"], {})[0].event_id > last

    def test_the_command_takes_the_folders_of_runs_with_it(self, project: Project, path: Path):
        runs = path.parent / "runs"
        for name in ("sched-daily-1", "sched-daily-2", "sched-daily-3", "orphan-old", "orphan-new"):
            (runs / name / "logs").mkdir(parents=True)
            (runs / name / "logs" / "a.log").write_text("x" * 100)
        long_ago = (datetime.now(UTC) - timedelta(days=9999)).timestamp()
        os.utime(runs / "orphan-old", (long_ago, long_ago))
        days = (datetime.now(UTC) - CUT).days
        asked = ("db", "prune", "--days", str(days), "--keep", "1", "--json")
        planned = project.sqlorch(*asked, "--dry-run").document
        assert len(list(runs.iterdir())) == 5
        done = project.sqlorch(*asked).document
        assert planned | {"dry_run": False} == done
        assert (done["folders"], done["bytes"]) == (3, 300)
        assert sorted(folder.name for folder in runs.iterdir()) == ["orphan-new", "sched-daily-3"]

    def test_ages_come_from_the_settings(self, project: Project):
        project.write({"sqlorch.yml": "state: {runs_keep: forever}\n"})
        assert "kept for ever" in project.sqlorch("db", "prune").out
        project.write({"sqlorch.yml": "state: {runs_keep: 36500d, runs_keep_last: 3}\n"})
        assert project.sqlorch("db", "prune").out.startswith("forgot 0 runs")
