"""The store against a dictionary, under writes, damage, quarantine and reopening in any order."""

import shutil
import tempfile
import warnings

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from shards import flip, manifest_file, row, run_id, table_file

from absorb.store import Store, StoreWarning

RUNS = st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True)
STATUS = st.sampled_from(["ok", "diverged", "failed"])
RANK = {"ok": 0, "diverged": 1, "failed": 2}
VALUE = st.one_of(st.none(), st.integers(-3, 3), st.floats(allow_nan=False))
CODE = st.sampled_from(["a", "b"])


class StoreMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.root = tempfile.mkdtemp()
        self.store = Store(self.root)
        self.written: dict[str, tuple[list[dict], dict]] = {}
        self.broken: set[str] = set()
        self.uncounted: set[str] = set()

    def teardown(self):
        shutil.rmtree(self.root)

    @rule(runs=RUNS, status=STATUS, value=VALUE, code=CODE)
    def write(self, runs, status, value, code):
        rows = [row(number, status, x=value) for number in runs]
        name = self.store.write(rows, {"code": code})
        self.written[name] = (rows, {"code": code})
        self.broken.discard(name)
        self.uncounted.discard(name)

    @precondition(lambda self: self.written)
    @rule(data=st.data())
    def write_again(self, data):
        name = data.draw(st.sampled_from(sorted(self.written)))
        assert self.store.write(*self.written[name]) == name
        self.broken.discard(name)
        self.uncounted.discard(name)

    @precondition(lambda self: self.written.keys() - self.broken)
    @rule(data=st.data(), how=st.sampled_from(["rows", "manifest", "gone"]))
    def damage(self, data, how):
        name = data.draw(st.sampled_from(sorted(self.written.keys() - self.broken)))
        if how == "rows":
            flip(table_file(self.store, name), 30)
        elif how == "manifest":
            flip(manifest_file(self.store, name), 30)
        else:
            table_file(self.store, name).unlink()
        self.broken.add(name)
        if how != "rows":  # bytes altered in place are seen by whoever reads the rows
            self.uncounted.add(name)

    @rule()
    def quarantine(self):
        report = self.store.verify()
        assert report.shards == len(self.written.keys() - self.broken)
        self.store.quarantine(report, older_than_s=0)
        assert self.store.verify().problems == ()
        for name in self.broken:
            del self.written[name]
        self.broken.clear()
        self.uncounted.clear()

    @rule()
    def reopen(self):
        self.store = Store(self.root, create=False)

    def expected(self, names) -> dict[str, dict]:
        chosen: dict[str, dict] = {}
        for name in sorted(names):
            rows, provenance = self.written[name]
            for each in rows:
                held = chosen.get(each["run_id"])
                if held is None or RANK[each["status"]] < RANK[held["status"]]:
                    chosen[each["run_id"]] = each | {"shard": name, "code": provenance["code"]}
        return chosen

    @invariant()
    def the_table_is_the_dictionary(self):
        expected = self.expected(self.written.keys() - self.broken)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreWarning)
            found = self.store.table().to_pylist()
        assert [each["run_id"] for each in found] == sorted(expected)
        for each in found:
            wanted = expected[each["run_id"]]
            assert {name: each.get(name) for name in wanted} == wanted

    @invariant()
    def the_ids_are_the_dictionarys(self):
        expected = self.expected(self.written.keys() - self.uncounted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreWarning)
            assert self.store.run_ids() == set(expected)
            for status in ("ok", "diverged", "failed"):
                ids = {i for i, each in expected.items() if each["status"] == status}
                assert self.store.run_ids(status={status}) == ids

    @precondition(lambda self: self.written.keys() - self.broken)
    @rule(data=st.data())
    def look_one_up(self, data):
        expected = self.expected(self.written.keys() - self.broken)
        wanted = data.draw(st.sampled_from(sorted(expected)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StoreWarning)
            found = self.store.row(wanted)
        assert {name: found[name] for name in expected[wanted]} == expected[wanted]


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=30,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_model_itself_can_tell_a_difference():
    machine = StoreMachine()
    try:
        machine.write([1], "ok", 1.0, "a")
        machine.written[next(iter(machine.written))][0][0]["run_id"] = run_id(2)
        with pytest.raises(AssertionError):
            machine.the_table_is_the_dictionary()
    finally:
        machine.teardown()
