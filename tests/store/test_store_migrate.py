"""Older schemas are read through pure migrations; newer ones are refused."""

import pytest
from shards import manifest_file, reseal, row, run_id

from absorb.cli import main
from absorb.errors import AbsorbError
from absorb.store import NewerSchemaError, Store, StoreWarning, migrate
from absorb.store.migrate import Migration


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def make_version_0(fields):
    fields["schema_version"] = 0
    fields["succeeded"] = fields.pop("runs")["ok"]


def manifest_from_0(fields):
    return {**fields, "runs": {"ok": fields["succeeded"]}}


def rows_from_0(table):
    return table.rename_columns(
        ["routing.label_fraction" if n == "p" else n for n in table.column_names]
    )


def test_version_0_is_read_as_if_written_today(store, monkeypatch):
    name = store.write([row(1, p=0.25)], {"code": "old"})
    reseal(manifest_file(store, name), make_version_0)
    on_disk = manifest_file(store, name).read_bytes()
    monkeypatch.setitem(migrate.MIGRATIONS, 0, Migration(manifest_from_0, rows_from_0))
    store.write([row(2, routing__label_fraction=0.5)], {"code": "new"})
    assert store.run_ids() == {run_id(1), run_id(2)}
    table = store.table(["routing.label_fraction"])
    assert table["routing.label_fraction"].to_pylist() == [0.25, 0.5]
    assert store.row(run_id(1))["routing.label_fraction"] == 0.25
    assert store.verify().problems == ()
    assert manifest_file(store, name).read_bytes() == on_disk


def test_a_version_without_a_way_up_is_damage(store):
    name = store.write([row(1)], {})
    reseal(manifest_file(store, name), make_version_0)
    with pytest.warns(StoreWarning, match="schema version 0 never existed"):
        assert store.run_ids() == set()


def test_a_newer_version_is_refused_and_left_in_place(store, capsys):
    store.write([row(1)], {"code": "now"})
    name = store.write([row(2)], {"code": "later"})
    reseal(manifest_file(store, name), lambda fields: fields.update(schema_version=2))
    for act in (store.run_ids, store.table, lambda: store.row("0"), lambda: store.provenance(name)):
        with pytest.raises(NewerSchemaError, match=f"{name}.* version 2; .* up to 1"):
            act()
    for words in (["doctor"], ["doctor", "--fix"]):
        assert main([*words, f"store={store.root}"]) == 1
    assert "left newer: " in capsys.readouterr().out
    report = store.verify()
    assert not report.ok and [p.kind for p in report.problems] == ["newer"]
    assert store.quarantine(report, older_than_s=0) == []
    assert issubclass(NewerSchemaError, AbsorbError)


def test_a_flipped_version_is_damage_and_not_a_newer_version(store):
    name = store.write([row(1)], {})
    path = manifest_file(store, name)
    path.write_bytes(path.read_bytes().replace(b'"schema_version": 1', b'"schema_version": 3'))
    with pytest.warns(StoreWarning, match="checksum"):
        assert store.run_ids() == set()
