import pytest

from sqlorch.app.run_source import line_in

WRITTEN = "{{ config() }}\nselect\n    a,\n    {{ x() }},\n    nope\nfrom {{ ref('t') }}"
COMPILED = "create table x as (\n\nselect\n    a,\n    1 + 1,\n    nope\nfrom main.t\n);"


def test_the_line_is_found_by_its_words():
    assert line_in(COMPILED, WRITTEN, 5) == 6
    assert line_in(COMPILED.replace("    nope", "nope  "), WRITTEN, 5) == 6


def test_a_line_that_is_there_twice_or_not_at_all_is_not_guessed():
    assert line_in(COMPILED + "\n nope", WRITTEN, 5) is None
    assert line_in(COMPILED, WRITTEN, 4) is None
    assert line_in("select nope", WRITTEN, 5) is None


def test_where_both_have_the_same_lines_a_template_is_where_it_was():
    assert line_in("\nselect\n    a,\n    1 + 1,\n    nope\nfrom main.t", WRITTEN, 4) == 4
    assert line_in("select 1\n, a\n, a\n", "select 1\n, a\n, a\n", 3) == 3


@pytest.mark.parametrize("line", [None, 0, -1, 7])
def test_a_line_the_file_does_not_have(line):
    assert line_in(COMPILED, WRITTEN, line) is None


def test_the_file_is_gone():
    assert line_in(COMPILED, "", 3) is None
