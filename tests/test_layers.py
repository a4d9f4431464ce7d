"""Each layer imports only the layers listed after it, and heavy libraries have one home."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "polaris_demo"
LAYERS = ["__main__", "command", "page", "jobs", "engine", "story"]
SHARED = {"card", "settings", "errors", "logs", "__version__"}
HOMES = {
    "gradio": {"page"}, "torch": {"engine"}, "transformers": {"engine"}, "tokenizers": {"engine"}, "safetensors": {"engine"},
    "bitsandbytes": {"engine"}, "huggingface_hub": {"engine"}, "httpx": {"engine"}, "openai": {"engine"}, "sqlite3": {"jobs"}, "prometheus_client": {"jobs", "page"}, "py3langid": {"story"},
}  # fmt: skip
PURE = {"time", "os", "pathlib", "threading", "random", "socket", "asyncio", "logging", "datetime", "secrets"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def _imports(path: Path) -> set[tuple[str, ...]]:
    """Dotted names a module imports, those of the package itself as ("polaris_demo", layer, …)."""
    here = ("polaris_demo", *path.relative_to(PACKAGE).with_suffix("").parts)
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            found |= {(*module, alias.name) for alias in node.names}
    return found


def _layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    layer = _layer(path)
    allowed = SHARED | (set(LAYERS[LAYERS.index(layer) :]) if layer in LAYERS else set())
    inside = {name[1] for name in _imports(path) if name[0] == "polaris_demo" and len(name) > 1}
    assert inside <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_stay_at_home(path: Path) -> None:
    astray = {name[0] for name in _imports(path) if name[0] in HOMES and _layer(path) not in HOMES[name[0]]}
    assert not astray


@pytest.mark.parametrize("path", sorted((PACKAGE / "story").glob("*.py")), ids=lambda p: p.name)
def test_story_is_pure(path: Path) -> None:
    assert not {name[0] for name in _imports(path)} & PURE


def test_the_reader_of_imports_sees_relative_ones(tmp_path: Path) -> None:
    assert ("polaris_demo", "engine", "base", "Engine") in _imports(PACKAGE / "jobs" / "runner.py")


def test_app_is_short() -> None:
    assert len((PACKAGE.parent / "app.py").read_text().splitlines()) < 40
