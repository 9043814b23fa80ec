"""Classifies reports about threats as a durable batch, on one server or several."""
