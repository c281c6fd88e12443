"""``sqlorch run``: from what a person asked to runs that have ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from sqlorch.app.awaiting import require_sensors, with_patience
from sqlorch.app.clock import SystemClock
from sqlorch.app.leasing import giving_up
from sqlorch.app.manual_alerts import by_hand
from sqlorch.app.own_target import claim_target
from sqlorch.app.publishing import Published, publish_after_run, select_nodes
from sqlorch.app.settling import settle
from sqlorch.app.verified import Tell, Verified, verified
from sqlorch.app.workspace import Workspace
from sqlorch.config.meta import group_nodes
from sqlorch.domain.dag import EXECUTABLE_KINDS, Dag
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.freshness import FreshnessRule
from sqlorch.domain.group import Group
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.periods import parse_bounds, parse_period
from sqlorch.domain.selector import select
from sqlorch.engine.crew import Crew
from sqlorch.engine.driver import Driver
from sqlorch.engine.invoke import Invocation, SpecMaker
from sqlorch.engine.node_specs import Overrides, Shape
from sqlorch.engine.planner import Plan, plan_runs, unended
from sqlorch.engine.pools import Pools
from sqlorch.engine.ports import Listener
from sqlorch.engine.source_watch import SourceWatch
from sqlorch.engine.stop import Stop
from sqlorch.engine.table_watch import TableWatch

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession
    from sqlorch.engine.schedule_ports import AlertStore, QueueStore
    from sqlorch.state.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What ``sqlorch run`` was asked.

    Attributes:
        interval: text of ``--interval``, or None.
        bounds: texts of ``--start`` and ``--end``, or None.
        select, exclude: dbt selection syntax.
        groups: names of the groups to run; all when empty.
        as_one: one run over the period, whatever the schedules.
        fail_fast: stop at the first failure.
        overrides: retry settings.
        command: the command line, for the message to whoever finds the project busy.
        wait: wait for the daemon to let this command go first, instead of being refused.
        sensors: what to do where the groups wait for something: ``look`` and refuse, ``wait``, or ``ignore``.
    """

    interval: str | None = None
    bounds: tuple[str, str] | None = None
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    as_one: bool = False
    fail_fast: bool = False
    overrides: Overrides = field(default_factory=Overrides)
    command: str = "sqlorch run"
    wait: bool = True
    sensors: str = "look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a progress view may know before the first run starts; a retry has no plan."""

    plan: Plan | None
    threads: int
    durations: Mapping[str, float]


Progress = Callable[[Outlook], AbstractContextManager[Listener]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of an invocation.

    Attributes:
        plan: what was planned, None for a retry.
        runs: the runs as stored at their end, in order.
        nodes: the nodes of each run, by run id.
        published: what was exported.
    """

    plan: Plan | None
    runs: Sequence[RunRecord]
    nodes: Mapping[str, Sequence[NodeRecord]]
    published: Published


def plan_only(workspace: Workspace, request: Request, *, tell: Tell) -> Plan:
    """What ``run --dry-run`` shows: the plan, with nothing executed and nothing stored."""
    session = workspace.session()
    try:
        return _plan(request, session, verified(workspace, session, tell))
    finally:
        session.close()


def run(workspace: Workspace, request: Request, *, progress: Progress, stop: Stop, tell: Tell) -> Ended:
    """Plan, execute and publish.

    Args:
        workspace: the project.
        request: what to run.
        progress: makes the view of what happens.
        stop: a request to stop cancels the run under way.
        tell: told of what does not keep the runs from starting, one sentence at a time.

    Raises:
        UnmetError: what a group waits for is not there.
        SqlorchError: nothing could be planned or opened; runs that had begun are stored as they ended.
    """
    _period(request, None)  # a wrong interval is told before dbt is loaded
    work = partial(_run, workspace, request, progress=progress, stop=stop, tell=tell)
    return with_patience(work, wait=request.sensors == "wait", tell=tell)


def _run(workspace: Workspace, request: Request, *, progress: Progress, stop: Stop, tell: Tell) -> Ended:
    turn = workspace.driving(request.command, wait=request.wait, waiting=tell)
    with (
        turn as hosts,
        workspace.own_store() as store,
        closing(workspace.executing_session(tell=tell)) as session,
        workspace.leased(store, hosts, lost=giving_up(stop, tell)),
    ):
        settle(store, session, target=workspace.choices.target, tell=tell)
        graph = verified(workspace, session, tell)
        plan = _plan(request, session, graph)
        claim_target(store, session.target_name)
        if request.sensors != "ignore":
            require_sensors(workspace, plan, session, store)
        crew = _Crew(graph, request, store, session, stop)
        return crew.work_on(plan, progress)


class _Crew:
    """Everything a plan needs to be worked on."""

    def __init__(
        self, graph: Verified, request: Request, store: SqlStore, session: WarmSession, stop: Stop
    ) -> None:
        self._graph = graph
        self._workspace = graph.workspace
        self._request = request
        self._store = store
        self._session = session
        self._stop = stop

    def work_on(self, plan: Plan, progress: Progress) -> Ended:
        """Make every run of the plan, then publish."""
        durations = self._store.durations(sorted({uid for run in plan.runs for uid in run.nodes}))
        outlook = Outlook(plan=plan, threads=self._session.threads, durations=durations)
        code = self._graph.code
        if code is not None:
            elastic = bool(self._session.interval_dependent)  # then the plan does not know all nodes
            made = code.documents if elastic else dict.fromkeys(uid for run in plan.runs for uid in run.nodes)
            self._store.ledger.remember_code(code.texts(made))
        with progress(outlook) as listener:
            records = self._invocation(listener, durations, _span(plan)).make_all(plan.runs)
        if not records:
            self._refuse_nothing()
        published = publish_after_run(self._workspace, self._session, self._store)
        nodes = {record.run_id: self._store.nodes(record.run_id) for record in records}
        if not self._stop.requested:
            self._graph.remember(self._session, nodes)
        return Ended(plan=plan, runs=records, nodes=nodes, published=published)

    def _refuse_nothing(self) -> NoReturn:
        """The interval decides what there is, and in none of these intervals is there anything selected."""
        dag = self._session.dag
        _, grouping = self._graph.order(dag)
        _selected(self._request, self._session, dag, grouping, strict=True)
        raise ConfigError("the selection holds nothing that exists in these intervals")

    def _invocation(self, listener: Listener, durations: Mapping[str, float], span: Interval) -> Invocation:
        return Invocation(
            driver=make_driver(
                self._workspace,
                self._session,
                store=self._store,
                listener=listener,
                stop=self._stop,
                fail_fast=self._request.fail_fast,
                span=span,
            ),
            maker=SpecMaker(
                durations=durations,
                shape_of=Shapes(self._request, self._session, self._graph),
                skip_variables=self._workspace.settings.variables_skip,
                overrides=self._request.overrides,
                invocation=repeatable(self._workspace) | by_hand(self._workspace) | self._partial(),
            ),
            suffix=lambda: secrets.token_hex(2),
        )

    def _partial(self) -> dict[str, Any]:
        """Whether only some nodes of a group are asked for, so that its consumers do not take it for made."""
        return {"partial": True} if self._request.select or self._request.exclude else {}


def _span(plan: Plan) -> Interval:
    """From the begin of the first run to the end of the last."""
    intervals = [run.interval for run in plan.runs]
    return Interval(min(one.start for one in intervals), max(one.end for one in intervals))


def make_driver(
    workspace: Workspace,
    session: WarmSession,
    *,
    store: SqlStore,
    listener: Listener,
    stop: Stop,
    fail_fast: bool,
    queue: QueueStore | None = None,
    alerts: AlertStore | None = None,
    span: Interval | None = None,
) -> Driver:
    """Put together what drives a run; see :class:`sqlorch.engine.crew.Crew`.

    Queue and alerts are those of the store unless they are given, so that any run can be cancelled from
    elsewhere. ``span`` is the time that all runs of the invocation make together.
    """
    from sqlorch.state.owner import current_owner  # noqa: PLC0415 - the store is open by now

    crew = Crew(
        store=store,
        clock=SystemClock(),
        listener=listener,
        stop=stop,
        owner=current_owner(),
        run_dir=workspace.run_dir,
        fail_fast=fail_fast,
        pools=Pools(workspace.settings.pools),
        queue=store.queue if queue is None else queue,
        alerts=store.alerts if alerts is None else alerts,
        sources=_source_watch(workspace, store),
        tables=TableWatch(ledger=store.ledger, alerts=store.alerts, span=span),
    )
    return Driver(crew=crew, session=session)


def _source_watch(workspace: Workspace, store: SqlStore) -> SourceWatch | None:
    rule = workspace.settings.source_freshness
    if rule is FreshnessRule.IGNORE:
        return None
    return SourceWatch(store=store.freshness, alerts=store.alerts, block=rule is FreshnessRule.BLOCK)


def repeatable(workspace: Workspace) -> dict[str, Any]:
    """What a retry must repeat of how dbt was opened."""
    choices = workspace.choices
    return {
        "target": choices.target,
        "vars": dict(workspace.variables),
        "full_refresh": choices.full_refresh,
    }


def _plan(request: Request, session: WarmSession, graph: Verified) -> Plan:
    ordered, grouping = graph.order(session.dag)
    selected = _selected(request, session, session.dag, grouping)
    plan = plan_runs(
        dag=ordered,
        grouping=grouping,
        selected=selected,
        period=partial(_period, request),
        as_one=request.as_one,
        widen=bool(request.select or request.groups),
        elastic=bool(session.interval_dependent),
    )
    if not plan.runs:
        raise ConfigError(_nothing_due(plan))
    early = unended(plan.runs, SystemClock().now())
    return Plan(runs=plan.runs, notices=(*plan.notices, *early))


def _nothing_due(plan: Plan) -> str:
    if not plan.notices:
        return "the selection holds nothing that can be run"
    reasons = "; ".join(f"{notice.group}: {notice.text}" for notice in plan.notices)
    if all(notice.outside for notice in plan.notices):
        advice = "name an interval within its schedule, or change its 'start' or 'end'"
        return f"no group is due ({reasons}); {advice}; --as-one runs this one all the same"
    return f"no group is due ({reasons}); choose a longer interval, or take it as it is with --as-one"


def group_session_nodes(workspace: Workspace, session: WarmSession, dag: Dag) -> Grouping:
    """The groups of a project in one of its shapes; where it has several, a group may be empty in one."""
    several = bool(session.interval_dependent)
    return group_nodes(dag, workspace.settings, partial(select_nodes, may_be_empty=several))


def _selected(
    request: Request, session: WarmSession, dag: Dag, grouping: Grouping, *, strict: bool = False
) -> frozenset[str]:
    found = select(
        dag,
        request.select,
        request.exclude,
        kinds=EXECUTABLE_KINDS,
        indirect=session.indirect_selection,
        may_be_empty=bool(session.interval_dependent) and not strict,
    )
    found = frozenset(uid for uid in found if not dag[uid].blank)
    if not request.groups:
        return found
    return frozenset[str]().union(
        *(found & grouping.nodes(grouping.group(name).name) for name in request.groups)
    )


class Shapes:
    """The project as it is in each interval; computed once when the interval decides nothing.

    Args:
        request: what is asked.
        session: the open project.
        graph: orders what dbt knows.
    """

    def __init__(self, request: Request, session: WarmSession, graph: Verified) -> None:
        self._request = request
        self._session = session
        self._graph = graph
        self._code = graph.code.fingerprints if graph.code is not None else {}
        self._fixed: Shape | None = None

    def __call__(self, group: Group, variables: Mapping[str, str]) -> Shape:
        """The shape for one interval's variables."""
        if self._fixed is not None:
            return self._fixed
        dag = self._session.dag_for(variables)
        ordered, grouping = self._graph.order(dag)
        if not self._session.interval_dependent:
            self._fixed = Shape(dag=ordered, grouping=grouping, code=self._code)
            return self._fixed
        nodes = _selected(self._request, self._session, dag, grouping) & grouping.nodes(group.name)
        return Shape(dag=ordered, grouping=grouping, nodes=nodes, code=self._code)


def _period(request: Request, group: Group | None) -> Interval:
    zone = group.timezone if group is not None else "UTC"
    if request.bounds is not None:
        return parse_bounds(*request.bounds, zone)
    if request.interval is None:
        raise ConfigError(
            "say which interval to run: --interval 2013-01-03, --interval 2013-01-01/2013-01-08, "
            "or --start and --end"
        )
    return parse_period(request.interval, zone)
