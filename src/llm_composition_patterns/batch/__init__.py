"""Durable batches: a step over many items, recorded as it goes."""

from ._merge_stores import merge_stores
from ._once import once
from ._read_results import iter_pending, iter_results, read_results
from ._report import BatchReport
from ._retry_items import retry_items
from ._run_batch import run_batch
from ._shard import Shard
from ._store_status import StoreStatus, read_status

__all__ = [
    "BatchReport",
    "Shard",
    "StoreStatus",
    "iter_pending",
    "iter_results",
    "merge_stores",
    "once",
    "read_results",
    "read_status",
    "retry_items",
    "run_batch",
]
