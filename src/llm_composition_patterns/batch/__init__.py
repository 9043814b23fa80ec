"""Durable batches: a step over many items, recorded as it goes."""

from ._once import once
from ._read_results import read_results
from ._report import BatchReport
from ._run_batch import run_batch
from ._shard import Shard

__all__ = ["BatchReport", "Shard", "once", "read_results", "run_batch"]
