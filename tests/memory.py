"""What a process has in memory. Only for tests."""

from pathlib import Path

PAGE = 4096  # bytes


def used() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
