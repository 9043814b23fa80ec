"""What models write, on a terminal."""

import io

from rich.console import Console

from llm_composition_patterns.console import prose, table


def printed(part, width=40):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(part)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_prose_keeps_its_lines():
    """And no blanks around it."""
    assert printed(prose("\n one\ttwo \n\nthree\n")) == ["one two", "", "three"]


def test_prose_has_no_markup_and_no_control_codes():
    """What looks like rich's markup is a text."""
    assert printed(prose("[bold]a[/bold] \x1b[1mb\x9b")) == ["[bold]a[/bold] ?[1mb?"]


def test_a_table_has_a_line_for_each_row():
    """Below its headings, in columns."""
    assert printed(table(["round", "score"], [[1, "12 of 30"], [2, "[red]"]])) == [
        "round   score",
        "────────────────",
        "1       12 of 30",
        "2       [red]",
    ]


def test_a_table_is_no_wider_than_the_terminal():
    """Long texts go on in the line below."""
    lines = printed(table(["a", "b"], [["x", "word " * 10]]), width=30)
    assert max(map(len, lines)) <= 30
    assert sum(line.count("word") for line in lines) == 10
