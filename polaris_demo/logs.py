"""What this program says of itself: one line an event, with ids, counts, times and outcomes, and never a visitor's text."""

import json
import logging
import time


def event(log: logging.Logger, what: str, **fields: object) -> None:
    """One line: what happened, and to what. `fields` hold ids, counts, seconds and names of ours."""
    said = " ".join(f"{name}={value}" for name, value in fields.items())
    log.info("%s: %s", what, said, extra={"event": what, "fields": fields})


def configure(as_json: bool) -> None:
    """Write this program's log to stderr, as lines of text or of JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(AsJson() if as_json else OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("httpx", "httpx2", "mcp"):  # a line for every request to the hub, to an engine, or of an agent
        logging.getLogger(name).setLevel(logging.WARNING)


class OneLine(logging.Formatter):
    """Text, a line an event."""

    def format(self, record: logging.LogRecord) -> str:
        return " | ".join(super().format(record).splitlines())


class AsJson(logging.Formatter):
    """An object a line: time in seconds since the epoch, level, logger, what happened, and its fields by their names."""

    def format(self, record: logging.LogRecord) -> str:
        said = {"time": round(record.created, 3), "level": record.levelname.lower(), "logger": record.name}
        said["event"] = getattr(record, "event", None) or record.getMessage()
        said |= getattr(record, "fields", {})
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


def since(steady: float) -> float:
    """Seconds since a moment of the steady clock, for a line of the log."""
    return round(time.monotonic() - steady, 3)
