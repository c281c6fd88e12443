"""Looking at sensors in this process: for commands, and in the daemon's children."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.sensor import LEDGER_KINDS, WAREHOUSE_KINDS, Look, SensorSpec
from sqlorch.domain.template import fill
from sqlorch.domain.variables import interval_variables
from sqlorch.engine.ledger_sensor import LedgerSensor
from sqlorch.engine.queue_view import Queue
from sqlorch.engine.sensing import shown_target
from sqlorch.engine.sensor_ports import Occasion, Poke
from sqlorch.engine.upstream_watch import UpstreamWatch
from sqlorch.sensors.registry import sensor_factory
from sqlorch.sensors.words import brief, masked

if TYPE_CHECKING:
    from sqlorch.app.workspace import Workspace
    from sqlorch.dbt.session import WarmSession
    from sqlorch.domain.group import Group
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.snapshot import Snapshot
    from sqlorch.engine.sensor_ports import Warehouse
    from sqlorch.state.store import SqlStore

_AT_ONCE = 8
_APART = "sensors"
_LONGEST = 300
OpenWarehouse = Callable[[], "AbstractContextManager[Warehouse]"]


def look_outside(workspace: Workspace, poke: Poke, warehouse: OpenWarehouse) -> Look:
    """Look once; what goes wrong is in the answer, and no secret is."""
    try:
        factory = sensor_factory(poke.spec.kind)
        occasion = Occasion(
            target=_target(poke),
            options=_filled(poke.spec.options, poke.variables),
            project_dir=workspace.location.project_dir,
            allow_hosts=workspace.settings.sensor_hosts,
            warehouse=warehouse,
        )
        look = factory(occasion).look()
        return replace(look, said=masked(look.said))
    except SqlorchError as error:
        return _failed(str(error))
    except Exception as error:  # noqa: BLE001 - a sensor may be anybody's code
        return _failed(f"{type(error).__name__}: {error}")


def look_at_all(
    workspace: Workspace, pokes: Sequence[Poke], warehouse: OpenWarehouse
) -> Iterator[tuple[str, Look]]:
    """Look at many, and answer each when it is there: those that need no warehouse side by side."""
    slow = [poke for poke in pokes if poke.spec.kind in WAREHOUSE_KINDS]
    quick = [poke for poke in pokes if poke.spec.kind not in WAREHOUSE_KINDS]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        futures = {pool.submit(look_outside, workspace, poke, warehouse): poke.key for poke in quick}
        for future in as_completed(futures):
            yield futures[future], future.result()
    for poke in slow:
        yield poke.key, look_outside(workspace, poke, warehouse)


@contextmanager
def opened_warehouse(workspace: Workspace, command: str) -> Iterator[OpenWarehouse]:
    """A warehouse that is opened once, when the first one asks, and closed at the end.

    Where the warehouse is a file, nobody else may have it open while runs are driven: then looks wait for
    their turn.
    """
    opened: list[WarmSession] = []

    @contextmanager
    def warehouse() -> Iterator[Warehouse]:
        from sqlorch.dbt.warehouse import LookedAtWarehouse  # noqa: PLC0415 - dbt takes seconds to import

        if not opened:
            opened.append(workspace.session(apart=_APART))
        session = opened[0]
        if session.warehouse_file is None:
            yield LookedAtWarehouse(session)
            return
        with workspace.driving(command, wait=True):
            try:
                yield LookedAtWarehouse(session)
            finally:
                session.release()

    try:
        yield warehouse
    finally:
        for session in opened:
            session.close()


def session_warehouse(session: WarmSession) -> OpenWarehouse:
    """The warehouse of a session that is open anyway."""

    @contextmanager
    def warehouse() -> Iterator[Warehouse]:
        from sqlorch.dbt.warehouse import LookedAtWarehouse  # noqa: PLC0415 - dbt takes seconds to import

        yield LookedAtWarehouse(session)

    return warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was found of one sensor of a group.

    Attributes:
        group: name of the group.
        interval: of the run.
        spec: the sensor.
        what: what people call it.
        look: what was found.
    """

    group: str
    interval: Interval
    spec: SensorSpec
    what: str
    look: Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """Looks at everything that runs of groups wait for, now.

    Attributes:
        workspace: the project.
        snapshot: its groups.
        store: what is remembered.
        warehouse: opens the warehouse.
    """

    workspace: Workspace
    snapshot: Snapshot
    store: SqlStore
    warehouse: OpenWarehouse

    def look(self, group: Group, interval: Interval) -> Iterator[Seen]:
        """Every sensor of a group for one interval, in the order they are written."""
        pokes = [_poke(spec, group, interval) for spec in group.wait_for]
        outside = [poke for poke in pokes if poke.spec.kind not in LEDGER_KINDS]
        looks = dict(look_at_all(self.workspace, outside, self.warehouse))
        for poke in pokes:
            look = looks[poke.key] if poke.key in looks else self._ledger(poke.spec, interval)
            what = shown_target(poke.spec, poke.variables)
            yield Seen(group=group.name, interval=interval, spec=poke.spec, what=what, look=look)

    def _ledger(self, spec: SensorSpec, interval: Interval) -> Look:
        sensor = LedgerSensor(self.store, self.snapshot, UpstreamWatch(self.store, self.snapshot))
        queue = Queue(runs=self.store.queue.open_runs(), groups=self.store.schedule.groups(), backfills={})
        return sensor.look(spec, interval, queue)


def _poke(spec: SensorSpec, group: Group, interval: Interval) -> Poke:
    variables = interval_variables(
        interval, group.timetable, timezone=group.timezone, run_id="manual-sensors", group=group.name
    )
    key = secrets.token_hex(8)
    return Poke(key=key, spec=spec, interval=interval, timezone=group.timezone, variables=variables)


def _target(poke: Poke) -> str:
    # a raw + is a blank to who reads a query, and a & would begin another parameter
    written = _in_address if poke.spec.kind == "http" else str
    return fill(poke.spec.target, poke.variables, written)


def _in_address(value: str) -> str:
    return quote(value, safe=":")


def _filled(options: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    return {name: _filled_value(value, variables) for name, value in options.items()}


def _filled_value(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return fill(value, variables)
    if isinstance(value, Mapping):
        return _filled(value, variables)
    return [_filled_value(item, variables) for item in value] if isinstance(value, list) else value


def _failed(text: str) -> Look:
    return Look(met=False, said=brief(text, _LONGEST), failed=True)
