"""Who writes. The only home of torch, transformers and HTTP."""

from ..settings import Settings
from .base import BackgroundEngine, Engine, Report


def load_engine(settings: Settings) -> Engine:
    """The engine for these settings, loading or found in the background: importing torch alone takes seconds.

    On ZeroGPU it is loaded here and now: only the main thread, before the launch, can put a model on the GPU to come.
    """
    if settings.engine_url or settings.own_vllm:
        return BackgroundEngine(lambda report: _connect(settings, report))
    if settings.zerogpu:
        return _load_on_zerogpu(settings)

    def load(report: Report) -> Engine:
        from . import loading

        return loading.load(settings, report)

    return BackgroundEngine(load)


def _connect(settings: Settings, report: Report) -> Engine:
    from . import connecting

    return connecting.connect(settings, report)


def _load_on_zerogpu(settings: Settings) -> Engine:
    from . import loading, zerogpu  # the platform wants its GPU function to exist, whatever is loaded

    local = loading.load(settings, lambda progress: None)
    writer = local.status().writer
    return local if writer and writer.is_preview else zerogpu.ZeroGpuEngine(local, settings.segment_seconds)
