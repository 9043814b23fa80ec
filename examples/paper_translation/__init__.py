"""Translates an archive of scientific papers as a durable batch."""
