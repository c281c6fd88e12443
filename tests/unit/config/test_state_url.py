"""Where the URL of the state is found, and that no secret is written where it would be shared."""

from pathlib import Path

import pytest

from sqlorch.config.references import find_state_url
from sqlorch.config.settings import Settings, load_settings
from sqlorch.domain.errors import ConfigError

URL = "postgresql://ann:s3cret@db.example/state"


def settings(folder: Path, url: str | None = None, **environ: str) -> Settings:
    if url is not None:
        (folder / "sqlorch.yml").write_text(f"state: {{url: '{url}'}}\n")
    return load_settings(folder, environ)


def test_without_a_url_the_state_is_a_file(tmp_path: Path):
    assert settings(tmp_path).state_url is None
    assert find_state_url(None, {}, tmp_path) is None


def test_a_variable_is_read_where_the_state_is_opened(tmp_path: Path):
    found = settings(tmp_path, "env:MY_URL").state_url
    assert find_state_url(found, {"MY_URL": f" {URL}\n"}, tmp_path) == URL
    with pytest.raises(ConfigError, match="the environment variable MY_URL, which is not set"):
        find_state_url(found, {}, tmp_path)


def test_a_file_is_read_from_the_project_s_folder(tmp_path: Path):
    found = settings(tmp_path, "file:secrets/url").state_url
    with pytest.raises(ConfigError, match=r"the file .*secrets/url, which cannot be read: No such file"):
        find_state_url(found, {}, tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "url").write_text("\n")
    with pytest.raises(ConfigError, match="which is empty"):
        find_state_url(found, {}, tmp_path)
    (tmp_path / "secrets" / "url").write_text(f"{URL}\n")
    assert find_state_url(found, {}, tmp_path) == URL


def test_the_environment_alone_will_do_and_goes_before_the_file(tmp_path: Path):
    assert settings(tmp_path, SQLORCH_STATE_URL=URL).state_url == "env:SQLORCH_STATE_URL"
    assert settings(tmp_path, "env:OTHER", SQLORCH_STATE_URL=URL).state_url == "env:SQLORCH_STATE_URL"
    assert settings(tmp_path, "env:OTHER", SQLORCH_STATE_URL="").state_url == "env:OTHER"


def test_a_url_without_a_password_may_stand_in_the_file(tmp_path: Path):
    plain = "postgresql://ann@db.example/state?sslmode=require"
    assert find_state_url(settings(tmp_path, plain).state_url, {}, tmp_path) == plain


@pytest.mark.parametrize("url", [URL, "postgresql://h/db?user=ann&password=s3cret"])
def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path, url: str):
    with pytest.raises(ConfigError, match=r"sqlorch\.yml:1:\d+: state\.url: holds a password") as told:
        settings(tmp_path, url)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("url", ["mysql://h/db", "env:", "state.db", "postgresql://host", "http://[x"])
def test_what_is_no_such_url_is_refused(tmp_path: Path, url: str):
    with pytest.raises(ConfigError, match="must be env:NAME, file:PATH or postgresql://"):
        settings(tmp_path, url)
