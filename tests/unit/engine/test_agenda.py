from datetime import UTC, datetime, timedelta
from random import Random

from sqlorch.engine.agenda import Agenda

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_longest_due_comes_first_and_stays_until_put_anew():
    agenda = Agenda()
    agenda.put("b", T0 + 2 * HOUR)
    agenda.put("a", T0 + 3 * HOUR)
    agenda.put("c", T0 + HOUR)
    assert agenda.next() == T0 + HOUR
    assert agenda.due(T0 + 2 * HOUR) == ["c", "b"]
    assert agenda.due(T0 + 2 * HOUR) == ["c", "b"]
    agenda.put("c", T0 + 9 * HOUR)
    agenda.put("b", None)
    assert agenda.due(T0 + 2 * HOUR) == []
    assert agenda.next() == T0 + 3 * HOUR


def test_nothing_is_due_of_nothing():
    assert Agenda().due(T0) == []
    assert Agenda().next() is None


def test_it_agrees_with_a_plain_dictionary_and_does_not_grow():
    rng, agenda, plain = Random(1), Agenda(), {}  # noqa: S311 - the same every time
    for _ in range(3_000):
        name, due = str(rng.randrange(40)), T0 + rng.randrange(200) * HOUR
        if rng.random() < 0.1:
            agenda.put(name, None)
            plain.pop(name, None)
        else:
            agenda.put(name, due)
            plain[name] = due
        now = T0 + rng.randrange(200) * HOUR
        expected = sorted((due, name) for name, due in plain.items() if due <= now)
        assert agenda.due(now) == [name for _, name in expected]
        assert agenda.next() == min(plain.values(), default=None)
    assert len(agenda._heap) < 300
