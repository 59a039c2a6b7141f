"""Results that survive anything: write, read, verify, migrate."""

from absorb.store.checkpoint import Checkpoint
from absorb.store.doctor import Problem, Report
from absorb.store.followed import Followed
from absorb.store.migrate import SCHEMA_VERSION, NewerSchemaError
from absorb.store.shard import StoreWarning
from absorb.store.store import Store, is_there

__all__ = [
    "SCHEMA_VERSION",
    "Checkpoint",
    "Followed",
    "NewerSchemaError",
    "Problem",
    "Report",
    "Store",
    "StoreWarning",
    "is_there",
]
