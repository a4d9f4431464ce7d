"""Gradio, imported without what it does for editors at each start.

Gradio 6.31 reads the source of each of its components, and holds it against a stub that it wrote beside it, in the folder it
is installed in: 1.5 of the 3.7 s that its import takes. A component without a file has no stub.
"""

import inspect
import sys
from typing import Any

_real = inspect.getfile


def _file(object: Any) -> str:
    if sys._getframe(1).f_code.co_name == "create_or_modify_pyi":
        raise OSError("no stub is to be made of it")
    return _real(object)


inspect.getfile = _file
try:
    import gradio  # noqa: F401
finally:
    inspect.getfile = _real
