"""Who writes. The only home of torch, transformers and HTTP."""

from ..settings import Settings
from .base import BackgroundEngine, Engine, Report


def load_engine(settings: Settings) -> BackgroundEngine:
    """The engine for these settings, loading in the background: importing torch alone takes seconds."""

    def load(report: Report) -> Engine:
        from . import loading

        return loading.load(settings, report)

    return BackgroundEngine(load)
