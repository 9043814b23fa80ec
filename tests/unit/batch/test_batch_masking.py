"""What spans show of the items of a batch."""

import pytest
from batch_runs import run
from openinference.instrumentation import TraceConfig

from llm_composition_patterns.batch._memory_store import MemoryStore
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing import names


async def work(item: str) -> int:
    return len(item)


@pytest.mark.parametrize(("hidden", "shown"), [(False, "hunter2"), (True, "__REDACTED__")])
async def test_the_key_of_an_item_is_shown_unless_inputs_are_hidden(hidden, shown):
    """A key may be the item itself, as it is here."""
    with record_spans(TraceConfig(hide_inputs=hidden)) as recorder:
        await run(work, ["hunter2"], MemoryStore())
    assert [span.attributes[names.KEY] for span in recorder.spans if names.KEY in span.attributes] == [shown]
    assert hidden != any("hunter2" in span.to_json() for span in recorder.spans)
