"""Bad input: each line an override and the words that the one-line answer must hold."""

import pytest

from absorb.cli import main

BAD = [
    # unknown names, with the nearest valid one
    ("routing.label_fractoin=0", "routing.label_fractoin", "did you mean routing.label_fraction?"),
    ("label_fraction=0.5", "label_fraction", "did you mean routing.label_fraction?"),
    ("train.epoch=3", "train.epoch", "did you mean train.epochs?"),
    ("modle=mlp", "modle", "did you mean model?"),
    ("model=mpl", "model=mpl", "autoencoder, mlp, paths", "did you mean mlp?"),
    ("model.latent=8", "model.latent", "no such setting"),
    ("model/mlp=x", "model/mlp", "no such setting"),
    ("model@train=mlp", "train"),
    ("experiment=dose_respons", "did you mean dose_response?"),
    ("experiment=../../etc/passwd", "experiment=../../etc/passwd", "must be one of"),
    ("model=/etc/passwd", "must be one of"),
    ("search=routing,null", "search=null", "must be one of"),
    ("world=null", "world=null", "must be one of"),
    ("launch=null", "launch=null", "must be one of"),
    ("experiment=null,demo", "experiment=null", "must be one of"),
    ("+routing.extra=1", "routing.extra", "no such setting"),
    ("++extra=1", "extra", "no such setting"),
    ("~train.epochs", "train.epochs: missing"),
    ("~gate", "gate"),
    ("~store", "store=None", "path of a directory"),
    ("~launch", "launch=None", "a group of settings"),
    ("launch.lane=4", "launch.lane", "did you mean launch.lanes?"),
    # types
    ("routing.label_fraction=half", "routing.label_fraction='half'", "a number"),
    ("routing.label_fraction=null", "routing.label_fraction=None", "a number"),
    ("routing.label_fraction=[0.5]", "routing.label_fraction=[0.5]", "a number"),
    ("routing.label_fraction={a: 1}", "routing.label_fraction"),
    ("seed=1.5", "seed=1.5", "a whole number"),
    ("seed=true", "seed=True", "a whole number"),
    ("train={epochs: x}", "train.epochs='x'", "a whole number"),
    ("train=3", "train=3"),
    ("routing.cross=1", "routing.cross=1", "true or false"),
    ("routing.concept=8", "routing.concept=8", "a list"),
    ("launch.lanes=some", "launch.lanes='some'", "a whole number"),
    ("store=", "store", "path of a directory"),
    ("store=[a]", "store", "path of a directory"),
    # ranges
    ("routing.label_fraction=1.4", "routing.label_fraction=1.4", "[0, 1]"),
    ("routing.label_fraction=0,0.5,1.4", "routing.label_fraction=1.4", "[0, 1]"),
    ("seed=range(-1,4)", "seed=-1", "[0, 2147483647]"),
    ("routing.label_fraction=nan", "routing.label_fraction=nan", "finite"),
    ("train.learning_rate=inf", "train.learning_rate=inf", "finite"),
    ("train.learning_rate=0", "train.learning_rate=0.0", "[1e-08, 10]"),
    ("launch.lanes=1", "launch.lanes=1", "[2, 65536]"),
    ("launch.batch=0", "launch.batch=0", "[1, 65536]"),
    ("routing.arm=rout", "routing.arm='rout'", "did you mean route?"),
    ("seed=1" + "0" * 400, "seed=1000", "[0, 2147483647]"),
    ("seed=1" + "0" * 5000, "seed=1000", "digits"),
    ("train.learning_rate=1" + "0" * 400, "train.learning_rate=1000", "finite"),
    ("launch.lanes=1" + "0" * 400, "launch.lanes=1000", "[2, 65536]"),
    ("world.kind=[a]", "world.kind=['a']", "must be one of digits"),
    ("model.kind={a: 1}", "model.kind={'a': 1}", "must be one of"),
    ("store='caf\udce9'", "store='caf\\udce9'", "UTF-8"),
    ("store=" + "x" * 300, "store=xxx", "File name too long"),
    # what does not fit together
    ("routing.units=96", "routing.units=96", "hidden0", "96 units"),
    ("routing.label_fraction=0.0001", "routing.label_fraction=0.0001", "labels none"),
    ("routing.covariate=ink2", "routing.covariate='ink2'", "none, ink"),
    ("train.batch=5000", "train.batch=5000", "at most"),
    ("world=linear", "model.kind", "paths"),
    ("world=mnist", "world.path: ", "train-images-idx3-ubyte.gz is not there"),
    # grammar
    ("seed", "seed", "key=value"),
    ("=3", "=3"),
    ("seed=range(0,", "seed=range(0,", "override grammar"),
    ("seed=range(0)", "empty sweep"),
    ("seed=range(5,5)", "empty sweep"),
    ("seed=range(0,5,0)", "at most"),
    ("seed=interval(0,5)", "interval"),
    ("model=glob(z*)", "empty sweep"),
    ("seed=${oops}", "oops"),
    ("seed=${oc.env:NO_SUCH_VARIABLE_HERE}", "NO_SUCH_VARIABLE_HERE"),
    ("seed=${seed}", "seed"),
    ("+seed=0,1", "cannot be swept"),
    # what belongs to the whole sweep, and what belongs to Hydra
    ("store=a,b", "store", "whole sweep"),
    ("launch.batch=1,2", "launch.batch", "whole sweep"),
    ("hydra.run.dir=/tmp/x", "Hydra's own settings"),
    ("hydra/sweeper=basic", "Hydra's own settings"),
    ("hydra.sweeper._target_=os.system", "refused"),
    ("+hydra.callbacks.x._target_=os.system", "refused"),
    ("hydra.searchpath=[file:///tmp]", "Hydra's own settings"),
    # code in data
    ("_target_=os.system", "_target_", "refused"),
    ("+_target_=os.system", "_target_", "refused"),
    ("++train._target_=os.system", "_target_", "refused"),
    ("train={_target_: os.system}", "_target_", "refused"),
    ("train={a: [{_target_: os.system}]}", "_target_", "refused"),
    ("train={a: 1},{_target_: os.system}", "_target_", "refused"),
    ("+x={_args_: [1]}", "_args_", "refused"),
    ("model@_target_=mlp", "_target_", "refused"),
    # size
    ("x" * 5000 + "=1", "no such setting"),
    ("seed=range(0,100000000)", "at most 10,000,000"),
]


@pytest.mark.parametrize("line", BAD, ids=lambda line: line[0][:40])
def test_bad_input_is_answered_in_one_line(line, tmp_path, monkeypatch, capsys):
    override, *words = line
    monkeypatch.chdir(tmp_path)
    code = main(["plan", override])
    captured = capsys.readouterr()
    assert code == 2, captured.out
    for word in words:
        assert word in captured.err
    assert captured.err.startswith("absorb: ") and captured.err.count("\n") == 1
    for noise in ("Traceback", "HYDRA_FULL_ERROR", "hydra.cc", "omegaconf", "full_key"):
        assert noise not in captured.err
    assert list(tmp_path.iterdir()) == []
