"""The container files, held to the rules a linter would hold them to, and the entrypoint run as it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ENTRYPOINT = ROOT / "docker" / "entrypoint.sh"


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, lines joined and comments left out."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text)
    return [
        (word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def final_stage() -> list[tuple[str, str]]:
    every = instructions()
    last = max(place for place, (word, _) in enumerate(every) if word == "FROM")
    return every[last:]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def pinned(image: str) -> bool:
    name, _, tag = image.partition(":")
    return bool(tag) and tag != "latest" and any(character.isdigit() for character in tag) and "@" not in name


def test_base_images_are_pinned_and_slim() -> None:
    images = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(images) == 2
    assert all(pinned(image) and "slim" in image for image in images)


def test_what_is_installed_is_what_the_lock_file_says() -> None:
    runs = [rest for word, rest in instructions() if word == "RUN"]
    syncs = [command for run in runs for command in run.split("&&") if "uv sync" in command]
    assert syncs
    assert all("--frozen" in command and "--no-dev" in command for command in syncs)
    assert all(
        re.search(r"[\w-]+==\d", run) and "--no-cache-dir" in run for run in runs if "pip install" in run
    )


def test_the_final_image_has_no_compiler_no_package_lists_and_no_root() -> None:
    stage = final_stage()
    installs = [rest for word, rest in stage if word == "RUN" and "apt-get install" in rest]
    for run in installs:
        assert "--no-install-recommends" in run
        assert "rm -rf /var/lib/apt/lists/*" in run
        assert run.index("apt-get update") < run.index("apt-get install")
        packages = run.split("--no-install-recommends", 1)[1].split("&&")[0].split()
        assert all("=" in package for package in packages), packages
        assert not {"gcc", "g++", "build-essential", "make"} & {name.partition("=")[0] for name in packages}
    users = [rest for word, rest in stage if word == "USER"]
    assert users
    assert users[-1].partition(":")[0] not in {"root", "0"}
    assert not any("pip" in rest or "uv" in rest.split() for word, rest in stage if word == "RUN")
    assert not [word for word, _ in stage if word == "ADD"]


def test_commands_are_in_exec_form_behind_tini() -> None:
    stage = dict(final_stage())
    entrypoint, command = json.loads(stage["ENTRYPOINT"]), json.loads(stage["CMD"])
    assert entrypoint[0].endswith("tini")
    assert command[:2] == ["sqlorch", "daemon"]
    health = stage["HEALTHCHECK"]
    assert json.loads(health[health.index("[") :]) == ["sqlorch", "daemon", "--probe"]
    assert {"--interval", "--timeout", "--start-period", "--retries"} <= set(
        re.findall(r"--[\w-]+(?==)", health)
    )


def test_only_what_is_needed_gets_into_the_build() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in [part for part in rest.split() if not part.startswith("--")][:-1]
    }
    assert {source.removeprefix("./") for source in copied} <= kept | {"docker/entrypoint.sh"}
    assert all((ROOT / source).exists() for source in copied)


def test_every_service_is_pinned_restarted_and_watched() -> None:
    services = compose()["services"]
    assert set(services) == {"warehouse", "load", "daemon", "metabase"}
    for name, service in services.items():
        image = service["image"]
        assert pinned(image) or image == "sqlorch:local", name
        assert service["restart"].startswith(("unless-stopped", "on-failure")), name
        assert "healthcheck" in service, name
        assert "privileged" not in service, name
        for port in service.get("ports", []):
            assert str(port).startswith("127.0.0.1:"), (name, port)


def test_secrets_come_by_file_and_everything_named_is_declared() -> None:
    document = compose()
    text = (ROOT / "docker-compose.yml").read_text()
    for name, service in document["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            if "PASSWORD" in variable:
                assert variable.endswith("_FILE"), (name, variable)
                assert Path(str(value)).name in service["secrets"], (name, variable)
        assert set(service.get("secrets", [])) <= set(document["secrets"])
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source.startswith("./") or source in document["volumes"], (name, source)
        assert set(service.get("depends_on", {})) <= set(document["services"])
    assert all("file" in secret for secret in document["secrets"].values())
    assert re.search(r"secrets/", (ROOT / ".gitignore").read_text()), "a secret must not be committed"
    assert "latest" not in text


def test_the_state_is_in_the_server_too_and_its_url_holds_no_secret() -> None:
    environment = compose()["services"]["daemon"]["environment"]
    url = urlsplit(environment["SQLORCH_STATE_URL"])
    assert (url.scheme, url.hostname, url.password) == ("postgresql", "warehouse", None)
    assert "PGPASSWORD_FILE" in environment


def test_the_daemon_outlives_its_grace_in_compose() -> None:
    daemon = compose()["services"]["daemon"]
    command = daemon["command"]
    grace = float(command[command.index("--grace") + 1])
    assert float(daemon["stop_grace_period"].removesuffix("s")) >= grace + 15


def run_entrypoint(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(ENTRYPOINT), *command],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["DBT_ENV_SECRET_PG_PASSWORD", "SQLORCH__STATE__PATH", "PGPASSWORD"])
def test_the_entrypoint_reads_secrets_by_file(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text('it\'s $HOME & "more"\n')
    show = ("sh", "-c", f'printf %s "${name}"')
    assert run_entrypoint({f"{name}_FILE": str(secret)}, *show).stdout == 'it\'s $HOME & "more"'
    given = run_entrypoint({f"{name}_FILE": str(secret), name: "given"}, *show)
    assert given.stdout == "given"
    assert run_entrypoint({f"{name}_FILE": ""}, *show).stdout == ""


def test_the_entrypoint_leaves_other_files_alone_and_names_what_is_missing(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.write_text("x")
    said = run_entrypoint({"SSL_CERT_FILE": str(certificate)}, "env")
    assert "SSL_CERT=" not in said.stdout
    missing = run_entrypoint({"DBT_X_FILE": "/run/secrets/none"}, "env")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "DBT_X_FILE names /run/secrets/none, which cannot be read" in missing.stderr


def test_the_entrypoint_gives_way_to_the_command() -> None:
    process = subprocess.Popen(["sh", str(ENTRYPOINT), "sleep", "60"], env={"PATH": os.environ["PATH"]})
    try:
        name = Path(f"/proc/{process.pid}/comm")
        for _ in range(500):
            if name.read_text().strip() == "sleep":
                break
            time.sleep(0.02)
        else:
            pytest.fail("the shell is still there, so signals would not reach the daemon")
    finally:
        process.kill()
        process.wait()
