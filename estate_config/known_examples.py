"""Values that everybody knows, since they stand in examples and documents: in production, one is no value at all."""

from __future__ import annotations

import re
from collections.abc import Iterable

KNOWN = re.compile(
    r"(change|replace|fill)[-_ ]?(me|this|it)([-_ ]in)?|to[-_ ]?do|x{3,}|\.{3}|…|placeholder|dummy|"
    r"<[^<>]*>|your[-_ ].+|(my|some|an?|the|example)[-_ ](secret|password|token|key|api[-_ ]key)|"
    r"\w[\w+.-]*://(user(name)?|your[-_]\w+):(password|pass|your[-_]\w+)@.*|"  # of documents on connection strings
    r"supersecret\w*|akiaiosfodnn7example|wjalrxutnfemi/k7mdeng/bpxrficyexamplekey",  # of JWT's and AWS's own documents
    re.IGNORECASE,
)
"""All of a text, in whatever case; read by JavaScript, too."""


def is_known_example(text: str, examples: Iterable[object] = ()) -> bool:
    """Return whether a text is one of the examples that everybody knows, or one that the field itself declares."""
    words = text.strip()
    return bool(KNOWN.fullmatch(words)) or words in {str(example) for example in examples}
