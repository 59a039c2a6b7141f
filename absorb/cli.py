"""The command line, `absorb ...`: thin, and light to start; every command's work lies elsewhere."""

import argparse
import contextlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import IO

from absorb.errors import AbsorbError

MISUSED = 2

OVERRIDES = """\
Overrides follow Hydra's grammar, such as:
  experiment=dose_response          the settings of conf/experiment/dose_response.yaml
  routing.label_fraction=0,0.1,1    a sweep over three values
  'seed=range(0,32)'                a sweep over 32 seeds
  model=autoencoder                 another file of conf/model
  store=DIRECTORY                   where results are kept (default: results)
"""
OWN_WORDS = """\
Words of single commands:
  figures                           NAME ... out=DIR venue=icml|neurips|iclr|talk partial=true
                                    strict=true (runs by today's code alone)
  report, table, card               out=FILE
  extract                           to=DIRECTORY
  track                             project=NAME
  paper, reproduce                  paper=DIRECTORY
"""
EXITS = """\
Exit codes: 0 done, 1 some runs failed or a store is damaged, 2 a mistake in the command, a
store that cannot be written or an error that every run meets, 75 stopped as asked or left runs
to another process that is at them (the same command goes on), 130 stopped at once.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # its encoding may lack what is to be said
            stream.reconfigure(errors="backslashreplace")
    options = understood(sys.argv[1:] if argv is None else argv)
    warnings.showwarning = _warn
    code = _done(options)
    for stream in (sys.stdout, sys.stderr):
        _drop_unwritten(stream)
    return code


def _open_closed_streams() -> None:
    """Open in the place of closed standard streams what takes and gives nothing.

    Else the next file that is opened has their number, and what a library logs goes into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115


def _drop_unwritten(stream: IO[str]) -> None:
    """Drop what cannot be written, and was answered: Python's own end would fail with it."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _done(options: argparse.Namespace) -> int:
    """What a command comes to: its own exit code, or that of the error it meets."""
    try:
        return COMMANDS[options.command](options)
    except AbsorbError as error:
        _say(f"absorb: {' '.join(str(error).split())}")
        return MISUSED
    except KeyboardInterrupt:
        _say("absorb: stopped at once")
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.strerror is None:  # no word of the system's
            raise
        _say(f"absorb: {f'{error.filename}: ' if error.filename else ''}{error.strerror}")
        return MISUSED


def understood(argv: Sequence[str]) -> argparse.Namespace:
    """The parsed command line; what follows `figures` and `bench` is theirs to understand."""
    if argv and argv[0] in PASSED_ON and "--help" not in argv and "-h" not in argv:
        return argparse.Namespace(command=argv[0], arguments=list(argv[1:]))
    return parser().parse_intermixed_args(argv)


def parser() -> argparse.ArgumentParser:
    """The parser of `absorb`."""
    top = argparse.ArgumentParser(
        prog="absorb",
        description="Train many gradient-routed networks at once and measure what they absorbed.",
        usage="absorb COMMAND [ARGUMENT ...] [OPTION ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["commands:", *_command_lines(), "", OVERRIDES, OWN_WORDS, EXITS]),
    )
    top.add_argument("command", metavar="COMMAND", choices=COMMANDS, help="what to do; see below")
    top.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="overrides, names or a run")
    top.add_argument("--yes", action="store_true", help="start long sweeps without asking")
    top.add_argument("--fix", action="store_true", help="doctor: clear away what is broken")
    top.add_argument("--config-dir", metavar="DIR", help="a directory with more config files")
    return top


def _command_lines() -> list[str]:
    return [f"  {name:<9} {about}" for name, about in ABOUT.items()]


def _sweep(options: argparse.Namespace) -> int:
    from sweeps.commands import sweep

    return sweep(options.arguments, config_dir=options.config_dir, yes=options.yes)


def _retry(options: argparse.Namespace) -> int:
    from sweeps.commands import retry

    return retry(options.arguments, config_dir=options.config_dir, yes=options.yes)


def _plan(options: argparse.Namespace) -> int:
    from sweeps.commands import plan

    return plan(options.arguments, config_dir=options.config_dir)


def _train(options: argparse.Namespace) -> int:
    from sweeps.commands import train

    return train(options.arguments, config_dir=options.config_dir)


def _barriers(options: argparse.Namespace) -> int:
    from sweeps.barriers import barriers

    return barriers(options.arguments, config_dir=options.config_dir)


def _extract(options: argparse.Namespace) -> int:
    from sweeps.extract import extract

    return extract(options.arguments, config_dir=options.config_dir)


def _status(options: argparse.Namespace) -> int:
    from sweeps.reports import status

    return status(options.arguments, config_dir=options.config_dir)


def _show(options: argparse.Namespace) -> int:
    from sweeps.reports import show

    store, rest = _store_and_rest(options.arguments)
    if len(rest) != 1:
        raise AbsorbError("show takes the beginning of one run's id, and store=DIRECTORY")
    return show(rest[0], store, config_dir=options.config_dir)


def _card(options: argparse.Namespace) -> int:
    from sweeps.card import card
    from sweeps.own_words import apart

    store, rest = _store_and_rest(options.arguments)
    out, runs = apart(rest, "out")
    if len(runs) != 1:
        raise AbsorbError("card takes the beginning of one run's id, store=DIR and out=FILE")
    return card(runs[0], store, out, config_dir=options.config_dir)


def _report(options: argparse.Namespace) -> int:
    from sweeps.html_report import report

    return report(options.arguments, config_dir=options.config_dir)


def _table(options: argparse.Namespace) -> int:
    from sweeps.table_file import table_file

    return table_file(options.arguments, config_dir=options.config_dir)


def _track(options: argparse.Namespace) -> int:
    from sweeps.track import track

    return track(options.arguments, config_dir=options.config_dir)


def _doctor(options: argparse.Namespace) -> int:
    from sweeps.reports import doctor

    store, rest = _store_and_rest(options.arguments)
    if rest:
        raise AbsorbError(f"{rest[0]}: doctor takes store=DIRECTORY alone")
    return doctor(store, fix=options.fix)


def _store_and_rest(arguments: Sequence[str]) -> tuple[str, list[str]]:
    from sweeps.own_words import apart

    store, rest = apart(arguments, "store")
    return store or "results", rest


def _figures(options: argparse.Namespace) -> int:
    from figures.main import main as figures
    from sweeps.provenance import code_text

    return figures(options.arguments, code_text) or 0


def _paper(options: argparse.Namespace) -> int:
    from figures.paper import main as paper

    return paper(options.arguments)


def _reproduce(options: argparse.Namespace) -> int:
    from figures.reproduce import main as reproduce
    from sweeps.barriers import barriers
    from sweeps.commands import sweep
    from sweeps.provenance import code_text

    return reproduce(options.arguments, lambda words: sweep(words, yes=True), barriers, code_text)


def _bench(options: argparse.Namespace) -> int:
    try:
        from benchmarks.main import main as bench
    except ModuleNotFoundError as error:
        raise AbsorbError(f"bench: run it in a checkout, after `make bench` ({error})") from None
    return bench(options.arguments) or 0


def _validate(options: argparse.Namespace) -> int:
    from absorb.stats.validate import main as validate
    from sweeps.planted_networks import rows

    return validate(options.arguments, rows())


COMMANDS = {
    "sweep": _sweep, "plan": _plan, "train": _train, "retry": _retry, "status": _status,
    "show": _show, "card": _card, "report": _report, "table": _table, "track": _track,
    "doctor": _doctor, "barriers": _barriers, "extract": _extract, "figures": _figures,
    "paper": _paper, "reproduce": _reproduce, "validate": _validate, "bench": _bench,
}  # fmt: skip
PASSED_ON = ("figures", "bench")
ABOUT = {
    "sweep": "run what is missing of a sweep",
    "plan": "say what a sweep would do, and do nothing",
    "train": "one run in the foreground, with its numbers",
    "retry": "run again what failed of a sweep",
    "status": "what the store holds, and how much of a sweep is done",
    "show": "one run: config, measures, provenance, and the command that repeats it",
    "card": "a model card of one run, in Markdown",
    "report": "one HTML page about a sweep, or about all that a store holds",
    "table": "the runs of a sweep or a store as one CSV or Parquet file",
    "track": "mirror finished runs to Weights & Biases",
    "doctor": "check every file of the store; --fix sets aside what is broken",
    "barriers": "compare the stored parameters of a finished sweep two by two",
    "extract": "copy the rows of a finished sweep into another store, small",
    "figures": "draw figures from stored results",
    "paper": "build the paper of a checkout: figures, tables, numbers, PDF",
    "reproduce": "run the paper's sweeps again and compare its numbers; small or EXPERIMENT...",
    "validate": "try every statistic on planted truth and on its null",
    "bench": "measure speed",
}


def _warn(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    _say(f"absorb: {category.__name__}: {message}")


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
