"""The pages of Phoenix that `docs/how-to/phoenix.md` shows, in a real browser: its pictures are taken here."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from forgetful import translated

from llm_composition_patterns.patterns.parallelization.product_translation.annotations import annotate
from llm_composition_patterns.tracing import PhoenixServer, setup_tracing

pytestmark = [pytest.mark.phoenix, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "phoenix.md"
FIRST_SESSION = """query ($name: String!) { getProjectByName(name: $name) { id
sessions(first: 1) { edges { node { id } } } } }"""


@pytest.fixture
def run(phoenix, clean_environ):
    """Runs Python with these arguments, traced in a project of Phoenix."""

    def ran(project, *argv):
        settings = {"PHOENIX_COLLECTOR_ENDPOINT": phoenix.url, "PHOENIX_PROJECT": project}
        return subprocess.run(
            [sys.executable, *argv], cwd=ROOT, env=clean_environ | settings,
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip

    return ran


@pytest.fixture
def save(tmp_path):
    """Takes a picture of a page, or of a part of it, for people to look at."""

    def saved(part, name, **settings):
        path = Path(os.environ.get("PICTURES", tmp_path)) / f"phoenix-{name}.png"
        part.screenshot(path=path, animations="disabled", **settings)
        assert path.stat().st_size > 10_000

    return saved


def test_the_prices_are_among_the_models(phoenix, open_trace, save):
    """Each with its provider, cached tokens included."""
    with open_trace(f"{phoenix.url}/settings/models", "groq:openai/gpt-oss") as page:
        page.set_viewport_size({"width": 1640, "height": 430})
        for column in (0, 1):
            widen(page, page.locator("th .resizer").nth(column), by=110)
        save(page, "prices", clip={"x": 470, "y": 108, "width": 1160, "height": 322})


def widen(page, border, *, by):
    """Pull a column's border to the right, until the names fit."""
    place = border.bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by, y, steps=5)
    page.mouse.up()
    page.mouse.move(0, 0)


def test_the_page_of_a_session_shows_its_turns(phoenix, run, open_trace, save):
    """What was asked and answered, as the page's own program writes it."""
    program = re.search(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[1]
    run("conversation", "-c", program.replace('connect("groq:openai/gpt-oss-20b")', 'connect("simulated:")'))
    phoenix.spans_of_project("conversation", at_least=6)
    found = PhoenixServer(url=phoenix.url).query(FIRST_SESSION, name="conversation")["getProjectByName"]
    session = found["sessions"]["edges"][0]["node"]["id"]
    address = f"{phoenix.url}/projects/{found['id']}/sessions/{session}"
    with open_trace(address, "customer-4711", "How long does that take?", "what does it cost?") as page:
        save(page.get_by_role("dialog"), "session")


def test_the_annotations_are_on_the_span_of_a_translation(phoenix, open_trace, save):
    """Each check by its name, with what it says; one that failed with what it found."""
    with setup_tracing("phoenix", endpoint=phoenix.url, project="annotations") as made:
        result = translated()
        assert made.flush(20)
        annotate(made.phoenix, [result])
        address = made.trace_url(result.trace_id)
    with open_trace(address, "translate_to_spanish") as page:
        page.set_viewport_size({"width": 1720, "height": 810})
        page.get_by_text("translate_to_spanish").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Annotations").first.click()
        dialog.get_by_text("Table", exact=True).click()
        page.get_by_text("number 88").first.wait_for()
        save(dialog, "annotations")


def test_the_experiments_are_side_by_side(run, open_trace, save):
    """Their scores as bars, and the translations below."""
    done = run("quality", "-m", "examples.translation_quality")
    with open_trace(done.stdout.splitlines()[-1], "chrF++", "available_colors") as page:
        page.set_viewport_size({"width": 1760, "height": 860})
        page.get_by_text("[simulated] Golondrina").first.wait_for()
        page.wait_for_timeout(2_000)  # the bars grow
        save(page, "experiments", clip={"x": 262, "y": 47, "width": 1498, "height": 813})
