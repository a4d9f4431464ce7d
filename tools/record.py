"""Records stories from the engine that the environment asks for, to be watched again on the page.

    POLARIS_MODEL=rishanthrajendhran/POLARIS-9B python tools/record.py --premise "a lighthouse keeper …" --words 2000
    POLARIS_MODEL=rishanthrajendhran/POLARIS-9B python tools/record.py --premise "a lighthouse keeper …" --ladder

Each story becomes one file in examples/recordings/: its record, its text, and when each part of it came (format in
polaris_demo/story/recording.py). --ladder records the same premise at 1,000, 2,000, 4,000, 8,000 and 12,000 words. A story
that does not end is not kept. What the miniature writes can be recorded to test with; the page never shows it.
"""

import argparse
import re
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from polaris_demo.engine import load_engine
from polaris_demo.engine.base import Engine, wait_until_ready
from polaris_demo.errors import RequestRefused, VisitorError
from polaris_demo.jobs.rewrite import write
from polaris_demo.settings import SettingsError, read_settings
from polaris_demo.story.checks import check
from polaris_demo.story.record import StoryRecord
from polaris_demo.story.recording import WHOLE, Watch, read_recording, recording_json
from polaris_demo.story.request import StoryRequest, errors, read

LADDER = (1000, 2000, 4000, 8000, 12_000)
OUT = ROOT / "examples" / "recordings"


def main() -> int:
    asked = _arguments()
    try:
        requests = [_request(asked, words) for words in (LADDER if asked.ladder else [asked.words])]
        engine = load_engine(read_settings())
        writer = wait_until_ready(engine).writer
        print(f"{writer.badge()} writes. {writer.why}" if writer else "recording")
        asked.out.mkdir(parents=True, exist_ok=True)
        kept = [record(engine, request, asked.out) for request in requests]
    except (VisitorError, SettingsError) as error:
        sys.exit(str(error))
    return 0 if all(kept) else 1


def record(engine: Engine, request: StoryRequest, folder: Path) -> Path | None:
    """Write one story and keep its recording; None where it did not end."""
    rendered = engine.prompt(request)
    findings = check(request, engine.status().writer, rendered[1] if rendered else None)
    if errors(findings):
        raise RequestRefused("\n".join(finding.message for finding in findings))
    story, watch, said = StoryRecord("recorded", request, findings, created=time.time()), Watch(), 0.0
    for written in write(engine, story):
        watch.see(written)
        if time.monotonic() - said > 5:
            said = time.monotonic()
            print(f"  {request.words} words: {written.state}, {written.words} written, {written.tokens_per_second:g} tokens/s", flush=True)
    if story.finish is None or story.finish.reason != WHOLE:
        print(f"  {request.words} words: not kept, since it ended with {story.finish.reason if story.finish else 'nothing'}")
        return None
    content = recording_json(story, watch)
    digest = read_recording(content).recorded.sha256
    path = folder / f"{_slug(request.premise)}-{request.words}-{digest[:6]}.json"
    path.write_text(content)
    print(f"  {path}: {story.words} words of {request.words} asked, {story.tokens_per_second:g} tokens/s")
    return path


def _request(asked: argparse.Namespace, words: int) -> StoryRequest:
    given = {"premise": asked.premise, "words": words, "seed": asked.seed, "temperature": asked.temperature, "form": asked.form}
    request, findings = read({name: value for name, value in given.items() if value is not None})
    if request is None:
        raise RequestRefused("\n".join(finding.message for finding in findings))
    return request


def _slug(premise: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", premise.lower())[:6]) or "story"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--premise", required=True)
    parser.add_argument("--words", type=int, default=2000)
    parser.add_argument("--ladder", action="store_true", help=f"the same premise at {', '.join(map(str, LADDER))} words")
    parser.add_argument("--form")
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--seed", type=int, default=1, help="the same for every story (default 1)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="FOLDER", help="default: examples/recordings")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
