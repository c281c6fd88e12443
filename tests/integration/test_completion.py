"""Shell completion: scripts are printed, and click's protocol answers, without dbt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import CompletionItem, ShellComplete
from click.testing import CliRunner
from support.projects import environment

from sqlorch.cli.main import cli


def offered(*words: str) -> dict[str, str | None]:
    """What completing the last word offers, with its help."""
    *before, typed = words
    items: list[CompletionItem] = ShellComplete(cli, {}, "sqlorch", "X").get_completions(before, typed)
    return {item.value: item.help for item in items}


@pytest.mark.parametrize(
    ("shell", "marks"),
    [
        ("bash", ["bash_complete", "complete -o nosort -F _sqlorch_completion sqlorch"]),
        ("zsh", ["#compdef sqlorch", "zsh_complete", "compdef _sqlorch_completion sqlorch"]),
        ("fish", ["fish_complete", "complete --no-files --command sqlorch"]),
    ],
)
def test_a_script_of_each_shell_is_printed(shell: str, marks: list[str]) -> None:
    result = CliRunner().invoke(cli, ["completion", shell])
    assert result.exit_code == 0
    for mark in [*marks, "_SQLORCH_COMPLETE"]:
        assert mark in result.stdout


def test_another_shell_is_refused() -> None:
    result = CliRunner().invoke(cli, ["completion", "tcsh"])
    assert result.exit_code == 2
    assert "tcsh" in result.stderr


def test_help_says_the_line_for_each_shell() -> None:
    said = CliRunner().invoke(cli, ["completion", "--help"]).stdout.splitlines()
    for shell, line in (("bash", 'eval "$(sqlorch completion bash)"'), ("fish", "completion fish | source")):
        assert any(shell in row and row.endswith(line) for row in said), shell


def test_commands_and_options_are_offered() -> None:
    assert {"run", "runs", "retry", "completion"} <= offered("").keys()
    assert offered("ru").keys() == {"run", "runs"}
    assert offered("runs", "").keys() == {"list", "show", "logs"}
    assert {"--select", "--start"} <= offered("run", "--s").keys()
    assert offered("completion", "z").keys() == {"zsh"}


def test_the_protocol_answers_a_shell_without_importing_dbt(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    (tmp_path / "sqlorch.yml").write_text("groups: {daily: {select: 'tag:daily'}}\n")
    code = (
        "import sys\n"
        "from sqlorch.cli.main import main\n"
        "try:\n"
        "    main([])\n"
        "finally:\n"
        "    loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "    print('heavy', sorted(loaded & {'dbt', 'sqlalchemy', 'duckdb', 'pyarrow', 'rich'}))\n"
    )
    asked = {"_SQLORCH_COMPLETE": "bash_complete", "COMP_WORDS": "sqlorch run --group d", "COMP_CWORD": "3"}
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(**asked),
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == ["plain,daily", "heavy []"]


def test_groups_of_the_settings_are_offered(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    (tmp_path / "sqlorch.yml").write_text(
        "groups: {daily: {select: 'tag:daily', description: Day by day}, monthly: {select: 'tag:monthly'}}\n"
    )
    assert offered("run", "--project-dir", str(tmp_path), "--group", "") == {
        "daily": "Day by day",
        "monthly": "",
    }
    assert offered("runs", "list", "--project-dir", str(tmp_path), "-g", "m") == {"monthly": ""}


@pytest.mark.parametrize("settings", ["groups: [", "nonsense: 1"])
def test_nothing_is_offered_and_nothing_breaks_where_settings_are_wrong(
    tmp_path: Path, settings: str
) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    (tmp_path / "sqlorch.yml").write_text(settings)
    assert offered("run", "--project-dir", str(tmp_path), "--group", "") == {}
    assert offered("retry", "--project-dir", str(tmp_path / "nowhere"), "") == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dbt_project.yml", "sqlorch.yml"]
