"""Composable LLM patterns as plain async functions, with tracing."""
