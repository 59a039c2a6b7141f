"""Paths in quotes, which the grammar of overrides wants around odd characters."""

import re


def unquoted(text: str) -> str:
    r"""What the quotes around a text hold, read as Hydra reads them; a text without them as it is.

    Before a quote, and there alone, two backslashes stand for one, and one for none.
    """
    whole = re.fullmatch(r"""(['"])(?:(?!\1)[^\\]|\\.)*\1""", text, re.DOTALL)
    if whole is None:
        return text
    quote = whole[1]
    return re.sub(rf"\\+(?={quote}|\Z)", lambda found: found[0][: len(found[0]) // 2], text[1:-1])
