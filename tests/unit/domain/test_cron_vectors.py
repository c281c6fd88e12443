"""The specification's 46 vectors: expression, zone, instant, and the fires that must follow."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from sqlorch.domain.cron import next_fires, parse_cron
from sqlorch.domain.fires import CronFires
from sqlorch.domain.zones import find_zone

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "cron_vectors.json").read_text())


def test_the_file_holds_all_of_them():
    assert len(VECTORS) == 46


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['expr']} {v['tz']} {v['note']}")
def test_vector(vector):
    fires = [datetime.fromisoformat(fire) for fire in vector["fires"]]
    after = datetime.fromisoformat(vector["after"])
    assert next_fires(parse_cron(vector["expr"]), after, find_zone(vector["tz"]), len(fires)) == fires


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['expr']} {v['tz']} {v['note']}")
def test_previous_fire_undoes_the_next(vector):
    calendar = CronFires(crons=(parse_cron(vector["expr"]),), zone=find_zone(vector["tz"]))
    first, second = (datetime.fromisoformat(fire) for fire in vector["fires"][:2])
    assert calendar.before(second) == first
