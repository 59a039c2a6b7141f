"""What a setting is: its range, and whether it is static, a knob or a switch.

A field is *static* when it decides shapes or code, so that a new value is a new compiled program;
it is a *knob* when it is traced and may differ between the lanes of one program; a *switch* is a
knob whose being zero is static, so that what is off costs nothing.
"""

from dataclasses import field
from typing import Any


def _field(role: str, low=None, high=None, choices=None, length=None, optional=False) -> Any:
    meta = dict(role=role, low=low, high=high, choices=choices, length=length, optional=optional)
    return field(metadata=meta)


def static(low=None, high=None, *, choices=None, length=None, optional=False) -> Any:
    """A setting that decides shapes or code; bounds are inclusive, `length` is (fewest, most)."""
    return _field("static", low, high, choices, length, optional)


def knob(low=None, high=None, *, choices=None, length=None, optional=False) -> Any:
    """A setting whose value is traced: lanes of one program may differ in it."""
    return _field("knob", low, high, choices, length, optional)


def switch(low=None, high=None) -> Any:
    """A knob that is compiled away where it is zero."""
    return _field("switch", low, high)
