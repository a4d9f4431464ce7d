"""A finished story as files: plain text and Markdown, each ending in a colophon that says what wrote it."""

import re
import unicodedata

from .record import StoryRecord

_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')


def title(record: StoryRecord) -> str:
    """The story's own first heading, or the start of the premise where it has none."""
    first = str(record.story).lstrip().split("\n", 1)[0]
    heading = re.fullmatch(r"#{1,3} +(.+?) *#*|\*\*(.+)\*\*", first.strip())
    if heading:
        return heading.group(1) or heading.group(2)
    premise = " ".join(record.request.premise.split())
    return premise if len(premise) <= 60 else premise[:59].rstrip() + "…"


def file_name(record: StoryRecord, ending: str) -> str:
    """A name that every file system takes: no separators, no reserved characters, at most 80 characters."""
    name = unicodedata.normalize("NFC", _UNSAFE.sub(" ", title(record)))
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cf", "Cs", "Cc", "Co"))
    name = " ".join(name.split()).strip(" .")[:80].rstrip(" .")
    return f"{name or 'story'}.{ending}"


def colophon(record: StoryRecord) -> list[str]:
    """What the reader of a file should know: who wrote it, from what, with which settings."""
    writer, s = record.writer, record.request.sampling
    lines = ["Fiction written by a language model."]
    if writer:
        label = "the preview model, not POLARIS-9B" if writer.is_preview else "model output, for non-commercial use"
        lines.append(f"Model: {writer.name} ({writer.model}, revision {writer.revision}, {writer.precision}); {label}.")
    lines += [
        f"Premise: {' '.join(record.request.premise.split())}",
        f"Asked for {record.request.words} words, wrote {record.words} (length ratio {record.length_ratio}).",
        f"Settings: form {record.request.form}, temperature {s.temperature:g}, top-p {s.top_p:g}, top-k {s.top_k}, "
        f"min-p {s.min_p:g}, repetition penalty {s.repetition_penalty:g}, presence penalty {s.presence_penalty:g}, seed {s.seed}.",
    ]
    return lines


def text(record: StoryRecord) -> str:
    return f"{record.story}\n\n--\n" + "\n".join(colophon(record)) + "\n"


def markdown(record: StoryRecord) -> str:
    return f"{record.story}\n\n---\n\n" + "\n".join(f"> {line}  " for line in colophon(record)) + "\n"
