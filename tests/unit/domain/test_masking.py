"""Secrets are found in whatever form they are written, and in time that grows with the text."""

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlorch.domain.masking import MASK, Masker, replace_texts, secrets_in

SECRET = "p@ss w'rd\"/ü&"  # noqa: S105 - of nothing
FORMS = {
    "as it is": SECRET,
    "in a URL": quote(SECRET, safe=""),
    "in a form": quote_plus(SECRET),
    "in base64": base64.b64encode(SECRET.encode()).decode().rstrip("="),
    "in base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in JSON as UTF-8": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "in SQL": SECRET.replace("'", "''"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_known_in_every_form(form):
    assert Masker([SECRET]).known(f"before {form} after") == f"before {MASK} after"


@given(secret=st.text(min_size=4).filter(lambda text: len(text.strip()) >= 4), around=st.text(max_size=20))
def test_whatever_the_secret_it_is_gone(secret, around):
    told = Masker([secret])(f"<{around}>{secret}<{around}>")
    assert secret.strip() not in told.replace(MASK, "") or secret.strip() in around


def test_a_key_of_several_lines_is_known_on_one_line_and_in_parts():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END KEY-----"
    told = Masker([key]).known(" ".join(key.splitlines()))
    assert "MIIE" not in told
    assert "9w0B" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgresql://ann:hunter2@db/shop", "postgresql://ann:*****@db/shop"),
        ("postgresql://ann:hun@ter2@db/shop", "postgresql://ann:*****@db/shop"),
        ("s3://ann:x@b, https://h:80/a@b", "s3://ann:*****@b, https://h:80/a@b"),
    ],
)
def test_passwords_of_urls_are_taken_out_of_everything(text, told):
    assert Masker([]).known(text) == Masker([])(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "PASSWORD => 'hunter2'",
        "{'api_key': 'hunter2'}",
        '{"aws_secret_access_key": "x\\"hunter2"}',
        "password = 'it''s hunter2'",
        "token: 'hunter2",  # cut off
        "Authorization: Bearer hunter2-hunter2",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_messages(text):
    assert "hunter2" not in Masker([])(text)


def test_sql_is_left_readable():
    assert Masker([]).known("where token = 'abc'") == "where token = 'abc'"


@pytest.mark.parametrize(
    "piece", ["a", "a-", "http://", "password", "password=", "password='", 'token="\\', "Bearer ", "a://b:"]
)
def test_a_megabyte_is_masked_at_once(piece):
    began = time.process_time()
    Masker(["secret" * 3])(piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 20, "a pattern takes the square of the length"


def test_texts_inside_of_data_are_masked():
    data = {"a": ["hunter2", 2, None, ("x hunter2",)], "hunter2": True}
    assert replace_texts(data, Masker(["hunter2"])) == {"a": [MASK, 2, None, (f"x {MASK}",)], MASK: True}


def test_secrets_of_a_profile_are_found_wherever_they_are():
    profile = {
        "type": "duckdb",
        "pass": "one",
        "password": "two",
        "port": 5432,
        "settings": {"s3_secret_access_key": "three", "s3_region": "here"},
        "secrets": [{"type": "s3", "secret": "four", "provider": "config"}],
        "attach": [{"path": "x.duckdb"}],
        "token": None,
    }
    assert list(secrets_in(profile)) == ["one", "two", "three", "four"]
