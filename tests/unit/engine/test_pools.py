from __future__ import annotations

from queue import SimpleQueue

from sqlorch.engine.pools import Pools


def test_a_pool_is_full_at_its_limit_and_has_room_again() -> None:
    pools = Pools({"x": 2, "y": 1})
    assert pools.full == frozenset()
    for pool in ("x", "x", None, "unlimited", "y"):
        pools.enter(pool)
    assert pools.full == {"x", "y"}
    assert pools.use("x") == "2 of 2 in use"
    pools.leave("x")
    pools.leave(None)
    pools.leave("unlimited")
    assert pools.full == {"y"}


def test_those_who_wait_are_told_when_a_full_pool_has_room() -> None:
    pools, inbox = Pools({"x": 2}), SimpleQueue[object]()
    pools.subscribe(inbox)
    pools.enter("x")
    pools.leave("x")
    assert inbox.empty()
    pools.enter("x")
    pools.enter("x")
    pools.leave("x")
    assert inbox.get_nowait() is None
    pools.unsubscribe(inbox)
    pools.enter("x")
    pools.leave("x")
    assert inbox.empty()
