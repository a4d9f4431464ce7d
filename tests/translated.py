"""A copy of the app in which every sentence of ours is "x", as a translation might have it. Only for tests.

python -m tests.translated FOLDER
"""

import ast
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# A sentence, or a line such as the stage: begins as one, holds several words, and no sign of code, SQL, markup, a pattern or a log line.
# No word of it holds a space: where a space could belong to either part, a text of many words that is no sentence took seconds.
SENTENCE = re.compile(r"(?!SELECT |INSERT |UPDATE |DELETE |PRAGMA |CREATE )[A-Z“…][^<>{}%\\=_\n ]*( [^<>{}%\\=_\n ]*){2,}")
DATA = ("card.py", "snippets.py")  # what the card says and code to copy are no sentences of ours


class Translator(ast.NodeTransformer):
    """Puts "x" in the place of sentences; of those made of parts, in the place of the whole."""

    def __init__(self) -> None:
        self.translated = 0

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, str) and SENTENCE.fullmatch(node.value):
            self.translated += 1
            return ast.copy_location(ast.Constant("x"), node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        words = "".join(str(part.value) if isinstance(part, ast.Constant) else "A" for part in node.values)
        if SENTENCE.fullmatch(words):
            self.translated += 1
            return ast.copy_location(ast.Constant("x"), node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)  # type: ignore[return-value]  # a docstring


def translate(folder: Path) -> int:
    """Lay the app and its tests into `folder`, translated; how many sentences that changed."""
    for name in ("polaris_demo", "tests", "examples", "tools", "pyproject.toml", "app.py", "README.md", "constraints.txt"):
        source = ROOT / name
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__")) if source.is_dir() else shutil.copy(
            source, folder / name
        )
    translator = Translator()
    for path in (folder / "polaris_demo").rglob("*.py"):
        if path.name not in DATA:
            path.write_text(ast.unparse(ast.fix_missing_locations(translator.visit(ast.parse(path.read_text())))))
    return translator.translated


if __name__ == "__main__":
    print(translate(Path(sys.argv[1])))
