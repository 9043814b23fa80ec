"""`docs/tracing.md` says what the code does."""

import re
from pathlib import Path

from llm_composition_patterns.tracing import names

TEXT = (Path(__file__).parents[3] / "docs" / "tracing.md").read_text()


def test_the_table_has_every_name_and_no_other():
    """Each name of `_names.py` has its row, and each row its name."""
    written = {value for key, value in vars(names).items() if key.isupper() and key != "PREFIX"}
    table = TEXT[TEXT.rindex("\n\n|") :]
    documented = set(re.findall(r"`(llm_composition\.[\w.]+|wait for permit)`|an event `([\w ]+)`", table))
    assert written == {attribute or event for attribute, event in documented}


def test_the_example_runs(tmp_path, monkeypatch):
    """What the page shows first works as it stands."""
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(example, "docs/tracing.md", "exec"), {"__name__": "docs"})  # noqa: S102 - it is our own
    assert (tmp_path / "spans.jsonl").read_text().count("parallelize shout") == 1
