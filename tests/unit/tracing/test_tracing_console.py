"""Spans on the console."""

import pytest

from llm_composition_patterns import tracing
from llm_composition_patterns.testing import record_spans
from llm_composition_patterns.tracing._batches import Delivered
from llm_composition_patterns.tracing._console import ConsoleExporter


def test_each_span_is_a_short_line_on_stderr(capsys):
    """Trace, time, result, kind, name, then tokens or what went wrong; nothing on stdout."""
    with record_spans() as recorder:
        spans = tracing.listening()
        spans.start("chat m", "LLM", {"llm.token_count.prompt": 120, "llm.token_count.completion": 45}).end()
        with pytest.raises(ValueError, match="two"), tracing.span("translate"):
            raise ValueError("two\nlines " + "x" * 200)
    exporter = ConsoleExporter()
    assert exporter.export(recorder.spans) == Delivered()
    exporter.after_fork()
    exporter.close()
    out, err = capsys.readouterr()
    chat, translate = err.splitlines()
    assert out == ""
    assert chat.split() == ["00000000", chat.split()[1], "s", "ok", "LLM", "chat", "m", "120", "+", "45", "tokens"]
    assert translate.split()[3:8] == ["ERROR", "CHAIN", "translate", "ValueError:", "two"]
    assert len(translate) < 200
