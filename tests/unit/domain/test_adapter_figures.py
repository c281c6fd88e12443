import pytest

from sqlorch.domain.adapter_figures import bytes_read


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
