from dataclasses import fields

from planted_runs import dose_rows, table

from absorb.config import Config
from absorb.identity import flat
from figures.select import PARTS, config_names, groups, suffix, telling
from sweeps.app import compose


def arms_and_seeds(group, columns):
    own = group.of(columns)
    return sorted(zip(own["routing.arm"], own["routing.label_fraction"], own["seed"], strict=True))


def test_settings_are_told_from_measures_as_the_config_has_them():
    assert set(PARTS) == {f.name for f in fields(Config)} - {"seed"}
    row = flat(compose()) | {"raw.forget": 1.0, "final.loss": 2.0, "run_id": "x", "shard": "y"}
    assert set(config_names({name: [value] for name, value in row.items()})) == set(
        flat(compose())
    ) - {"seed"}


def test_two_experiments_never_mix():
    one, other = dose_rows(), dose_rows(routing__mechanism="parameter")
    mixed = [row for pair in zip(one, other, strict=True) for row in pair]
    columns = table(mixed)
    found = groups(columns)
    assert [dict(g.settings) for g in found] == [
        {"routing.mechanism": "activation"}, {"routing.mechanism": "parameter"},
    ]  # fmt: skip
    for group in found:
        assert set(group.of(columns)["routing.mechanism"]) == set(group.settings.values())
        assert len(group.rows) == len(one)


def test_lists_of_any_lengths_stay_one_entry_per_run():
    one, other = dose_rows(), dose_rows(routing__mechanism="parameter")
    for row in one:
        row["weights.w"] = [1.0, 2.0] if row["seed"] else [1.0]
    for group in groups(table(one, other)):
        mine = group.of(table(one, other))
        assert len(mine["weights.w"]) == len(one)
        for seed, weights in zip(mine["seed"], mine["weights.w"], strict=True):
            assert weights in (None, [1.0, 2.0] if seed else [1.0])


def test_any_setting_at_all_sets_a_group_apart():
    columns = table(dose_rows(), dose_rows(train__epochs=2), dose_rows(gate__kind="hard"))
    assert len(groups(columns)) == 3


def test_arms_that_a_setting_cannot_touch_serve_every_group():
    clean = dose_rows(arms=("std", "capacity"))
    noisy = dose_rows(arms=("route", "filter"), routing__false_positive=0.1)
    plain = dose_rows(arms=("route", "filter"))
    columns = table(clean, noisy, plain)
    found = groups(columns)
    assert len(found) == 2
    assert all(set(g.of(columns)["routing.arm"]) == {"route", "filter", "std", "capacity"}
               for g in found)  # fmt: skip
    assert arms_and_seeds(found[0], columns) == arms_and_seeds(found[1], columns)


def test_a_shared_arm_of_another_experiment_stays_out():
    columns = table(dose_rows(arms=("route",)), dose_rows(arms=("std",), train__epochs=9))
    (found,) = groups(columns)
    assert set(found.of(columns)["routing.arm"]) == {"route"}


def test_noise_of_its_own_keeps_a_shared_arm_apart():
    noisy = dose_rows(arms=("std",), routing__false_positive=0.2)
    columns = table(dose_rows(arms=("route",), routing__false_positive=0.1), noisy)
    (found,) = groups(columns)
    assert set(found.of(columns)["routing.arm"]) == {"route"}


def test_seeds_of_its_own_are_no_setting_and_a_fixed_one_is():
    rows = dose_rows(arms=("route",))
    fixed = [row | {"seeds.init": 7} for row in rows]
    assert len(groups(table(rows))) == 1
    assert [dict(g.settings) for g in groups(table(rows, fixed))] == [
        {"seeds.init": "own"}, {"seeds.init": 7},
    ]  # fmt: skip


def test_where_pictures_lie_is_no_setting_where_checksums_say_which_they_are():
    here, there = ({"world__kind": "mnist", "world__path": path, "world__any_checksum": False}
                   for path in ("a", "b"))  # fmt: skip
    assert len(groups(table(dose_rows(**here), dose_rows(**there)))) == 1
    loose = [settings | {"world__any_checksum": True} for settings in (here, there)]
    assert len(groups(table(dose_rows(**loose[0]), dose_rows(**loose[1])))) == 2


def test_texts_are_told_apart_by_checksum_or_else_by_path():
    pictures = dose_rows(world__kind="mnist", world__path="x", world__any_checksum=False)

    def count(*worlds):
        texts = [dose_rows(world__kind="text", world__path=path, world__sha256=sha256)
                 for path, sha256 in worlds]  # fmt: skip
        return len(groups(table(pictures, *texts))) - 1

    assert count(("a", ""), ("b", "")) == 2
    assert count(("a", "5f"), ("b", "5f")) == 1
    assert count(("a", "5f"), ("a", "60")) == 2
    assert count(("a", "5f"), ("a", "")) == 2


def test_files_are_told_apart_by_as_few_settings_as_do():
    some = [
        {"model.widths": "[8]", "routing.cross": True, "train.epochs": 1},
        {"model.widths": "[9]", "routing.cross": False, "train.epochs": 1},
    ]
    assert telling(some) == ["routing.cross"]
    assert suffix(some[0], ["model.widths", "routing.cross"]) == "-widths_8-cross_True"
    assert telling(some[:1]) == []
