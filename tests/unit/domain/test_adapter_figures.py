import pytest

from sqlorch.domain.adapter_figures import bytes_read, rows_written


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ({"_message": "SELECT", "bytes_processed": 1_234, "bytes_billed": 10_485_760}, 1_234),  # BigQuery
        ({"data_scanned_in_bytes": 77}, 77),  # Athena
        ({"_message": "OK", "rows_affected": 3}, None),
        ({"bytes_processed": 0}, 0),
        ({"bytes_processed": None, "data_scanned_in_bytes": 5}, 5),
        ({"bytes_processed": "many"}, None),
        ({"bytes_processed": True}, None),
        ({"bytes_processed": -1}, None),
        ({}, None),
    ],
)
def test_bytes_where_the_adapter_tells(response, told):
    assert bytes_read(response) == told


@pytest.mark.parametrize(
    ("response", "materialized", "told"),
    [
        ({"rows_affected": 3}, "table", 3),
        ({"rows_affected": 0}, "incremental", 0),
        ({"rows_affected": -1}, "table", None),  # of a driver that does not know
        ({"rows_affected": True}, "table", None),
        ({"rows_affected": 1}, "view", None),
        ({}, "table", None),
        # Snowflake
        ({"rows_affected": 1, "rows_inserted": 7, "rows_updated": 2, "rows_deleted": 1}, "incremental", 10),
        ({"rows_affected": 1, "rows_inserted": 0, "rows_updated": None}, "table", 0),
        ({"code": "SUCCESS", "rows_affected": 1}, "table", None),
        ({"code": "SUCCESS", "rows_affected": 4}, "incremental", 4),
        ({"code": "INSERT", "rows_affected": 1}, "seed", 1),
    ],
)
def test_rows_that_were_written(response, materialized, told):
    assert rows_written(response, materialized) == told
