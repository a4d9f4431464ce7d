"""Writes a story through a running app with gradio_client, and prints it as it comes. Ctrl-C stops the story.

    pip install gradio_client
    python examples/write_story.py "a robot who learns to paint" --words 2000 --seed 7 --server http://127.0.0.1:7860

The story goes to standard output, how far it is to standard error. It belongs to the server: if this program is killed, the
story is at the address that was said first. "Use it yourself" on the page has any single request as code.
"""

import argparse
import sys
import time
from typing import Any

from gradio_client import Client
from gradio_client.exceptions import AppError

OVER = ("finished", "stopped", "interrupted", "failed")
ASKED_EVERY = 1.0  # seconds
PATIENCE = 60  # tries at a server that does not answer


def main() -> int:
    asked = _arguments()
    client = _client(asked.server)
    given = {name: value for name, value in vars(asked).items() if name != "server" and value is not None}
    try:
        story = client.predict(**given, api_name="/start_story")
    except AppError as error:  # a sentence that names the field, the limit and the fix
        sys.exit(str(error))
    say(address := f"{client.src.rstrip('/')}/?story={story['id']}")
    try:
        story = follow(client, story["id"], story["key"])
    except KeyboardInterrupt:
        client.predict(id=story["id"], key=story["key"], api_name="/stop_story")
        say(f"Stopped. What was written is at {address}")
        return 130
    print()
    say(f"{story['words']:,} of {story['target_words']:,} words, ratio {story['length_ratio']:.2f}, by {story['model']}")
    return 0 if story["state"] == "finished" else 1


def follow(client: Client, story_id: str, key: str) -> dict[str, Any]:
    """Print a story as it grows; the server's last answer about it."""
    text = stage = ""
    while True:
        now = ask(client, id=story_id, offset=len(text), api_name="/get_story")
        text += now["story"]
        print(now["story"], end="", flush=True)
        if now["stage"] != stage:
            say(stage := now["stage"])
        if now["state"] == "paused" and now["finish_reason"] == "segment":  # where GPUs are lent, the next piece is asked for
            client.predict(id=story_id, key=key, api_name="/resume_story")
        elif now["state"] in OVER or (now["state"] == "paused" and now["finish_reason"]):
            break
        time.sleep(ASKED_EVERY)
    whole = ask(client, id=story_id, offset=0, api_name="/get_story")
    if whole["story"] != text:
        say("A part of what stands there was taken back. The story is:")
        print(f"\n\n{whole['story']}", end="")
    return whole


def ask(client: Client, **question: object) -> dict[str, Any]:
    """The server's answer; a network that is gone for a while is waited for, since the story goes on meanwhile."""
    for left in reversed(range(PATIENCE)):
        try:
            return client.predict(**question)
        except (AppError, ValueError):  # said by the server
            raise
        except Exception:
            if not left:
                raise
            time.sleep(ASKED_EVERY)
    raise AssertionError


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _client(server: str) -> Client:
    try:
        return Client(server, verbose=False)
    except Exception as error:
        sys.exit(f"No app answers at {server} ({type(error).__name__}). Start it with `make run`, or name another with --server.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Writes a story through a running app.")
    parser.add_argument("premise", help="what the story is about")
    parser.add_argument("--server", default="http://127.0.0.1:7860", help="the app's address, or a Space's owner/name")
    for name in ("words", "form", "temperature", "seed"):
        parser.add_argument(f"--{name}", help="as on the page; the server says what it takes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
