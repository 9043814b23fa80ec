"""The order in which a page is read."""

from examples.document_pipeline._layout import Run, reading_order


def run(left, top, text, width=None):
    """Letters of 10 points, 5 wide."""
    return Run(left, top - 10, left + (5 * len(text) if width is None else width), top, text)


LEFT = ["the left column begins here", "and it goes on in this line", "until it ends in the third."]
RIGHT = ["then the right one is read.", "It stands beside the other,", "and is no part of it at all."]


def test_lines_of_a_paragraph_are_joined():
    """A gap begins another paragraph; a word that was divided is whole again."""
    lines = [run(50, 700, "A sentence that is di-"), run(50, 688, "vided."), run(50, 660, "Another one.")]
    assert reading_order(lines[::-1]) == "A sentence that is divided.\n\nAnother one."


def test_words_beside_each_other_are_a_line():
    """Whatever order the file has them in."""
    assert reading_order([run(82, 700, "runs"), run(50, 700, "Three "), run(107, 701, "here")]) == "Three runs here"


def test_columns_are_read_one_after_the_other():
    """Below a heading that goes across both."""
    page = [run(50, 740, "A heading that is as wide as the whole page is, from one margin to the other", 450)]
    for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
        page += [run(50, 700 - 12 * number, left), run(300, 700 - 12 * number, right)]
    heading, first, second = reading_order(page).split("\n\n")
    assert heading.startswith("A heading")
    assert (first, second) == (" ".join(LEFT), " ".join(RIGHT))


def test_the_longer_column_goes_on_alone():
    """It is read to its end before the other one is."""
    page = [run(50, 700 - 12 * number, text) for number, text in enumerate([*LEFT, "The fourth line is alone."])]
    page += [run(300, 700 - 12 * number, text) for number, text in enumerate(RIGHT)]
    assert reading_order(page) == f"{' '.join(LEFT)} The fourth line is alone.\n\n{' '.join(RIGHT)}"


def test_short_words_beside_each_other_are_a_table():
    """Of two columns, and of three."""
    two = [run(50, 700, "Rent"), run(200, 700, "$100"), run(50, 680, "Deposit"), run(200, 680, "$300")]
    assert reading_order(two) == "| Rent | $100 |\n| Deposit | $300 |"
    assert reading_order([*two[:2], run(300, 700, "monthly")]) == "| Rent | $100 | monthly |"


def test_a_page_without_text_is_empty():
    """Blanks are no text."""
    assert reading_order([]) == reading_order([run(50, 700, "  ")]) == ""
