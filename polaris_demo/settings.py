"""POLARIS_* environment variables -> frozen Settings, read once at start. `python app.py --help` prints them."""

import math
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PRECISIONS = ("auto", "fp32", "bf16", "4bit")
LOOPS = ("auto", "plain")
LOGS = ("text", "json")
MOST_LANES = 8
ENGINES = ("auto", "local", "vllm")
PROFILES = ("auto", "tokens", "vllm", "sglang", "transformers", "llama.cpp", "friendli", "openai")
RECORDINGS = Path(__file__).parent.parent / "examples" / "recordings"
GALLERY_MINUTES = 10
SPACES = "https://huggingface.co/spaces/"
SHORTEST_KEY = 16  # characters; nothing slows down whoever tries keys one by one


class SettingsError(ValueError):
    """An environment variable that cannot be used; the message names it, its value and what it takes."""


@dataclass(frozen=True)
class Shares:
    """What one visitor may have; without a number it is not counted.

    `stories` queued or being written and `streams` followed at a time, `starts` of stories an hour, `checks` and `archives` a
    minute. `all_streams` are everybody's together.
    """

    stories: float = math.inf
    starts: float = math.inf
    streams: float = math.inf
    all_streams: float = math.inf
    checks: float = math.inf
    archives: float = math.inf


@dataclass(frozen=True)
class Settings:
    model: str = "auto"
    revision: str = ""
    precision: str = "auto"
    plain_loop: bool = False
    lanes: int = 0
    own_vllm: bool = False
    vllm_program: str = "vllm"
    vllm_options: tuple[str, ...] = ()
    engine_url: str = ""
    engine_key: str = field(default="", repr=False)
    engine_model: str = ""
    engine_profile: str = "auto"
    engine_capacity: int = 16
    engine_patience: int = 120
    max_words: int = 12_000
    queue_size: int = 12
    unfollowed_seconds: int = 600
    unseen_seconds: int = 6
    story_seconds: int = 7200
    proxies: int = 0
    shares: Shares = Shares(2, 30, 50, 2000, 300, 6)
    data_dir: Path | None = None
    data_lasts: bool = True
    keep_days: int = 30
    backup_dir: Path | None = None
    recordings_dir: Path = RECORDINGS
    gallery: int | None = None
    admin_key: str = field(default="", repr=False)
    zerogpu: bool = False
    segment_seconds: int = 80
    home: str = ""
    root_path: str = ""
    json_logs: bool = False
    hf_token: str | None = field(default=None, repr=False)

    @property
    def gallery_minutes(self) -> int:
        """How long nobody may have asked for anything before the gallery is written on; 0 is never."""
        return GALLERY_MINUTES if self.gallery is None else self.gallery

    @property
    def gallery_dir(self) -> Path | None:
        """Where the gallery's recordings go: the folder of recordings that the host named, else one beside the stories."""
        return self.recordings_dir if self.recordings_dir != RECORDINGS else self.data_dir and self.data_dir / "recordings"

    @property
    def space(self) -> str:
        """The Space's id, owner/name; empty elsewhere."""
        return self.home.removeprefix(SPACES) if self.home.startswith(SPACES) else ""


HELP = {
    "POLARIS_MODEL": "auto (POLARIS-9B where a GPU and the weights are at hand, else the miniature), preview (the miniature), "
    "a hub id, or a folder with a checkpoint. Default: auto.",
    "POLARIS_REVISION": "the commit, tag or branch of a hub model; a commit pins it for good. Default: the newest of its main branch.",
    "POLARIS_PRECISION": f"{', '.join(PRECISIONS)}. auto is bf16 on a GPU where the weights and a story's cache fit, else 4bit, "
    "4bit on ZeroGPU, where speed decides how much a visitor can have, and fp32 on a CPU. Default: auto.",
    "POLARIS_DECODE_LOOP": f"{', '.join(LOOPS)}. auto is steps that several stories share, captured on a GPU; plain is the plain loop, one "
    "story at a time, slower on a GPU, to compare with or to do without capturing. Default: auto.",
    "POLARIS_LANES": f"stories that the model here writes at a time, auto or 1 to {MOST_LANES}. auto is as many as the memory beside the "
    "weights holds, 1 in 4bit, whose fast kernel takes one at a time, and 1 on ZeroGPU, where each story has a GPU of its own. "
    "Default: auto.",
    "POLARIS_ENGINE": f"{', '.join(ENGINES)}. local loads the model here; auto does too, unless POLARIS_ENGINE_URL is set; "
    "vllm starts a vLLM of its own on this machine, watches it and ends it. Default: auto.",
    "POLARIS_VLLM": "the program that POLARIS_ENGINE=vllm starts. Default: vllm, where it is on the PATH.",
    "POLARIS_VLLM_OPTIONS": "more options for `vllm serve`, as on a command line. Default: none.",
    "POLARIS_ENGINE_URL": "the address of an engine that speaks vLLM's completions with token ids, or OpenAI's chat, such as "
    "http://127.0.0.1:8000/v1; POLARIS_MODEL then names the model that it is to serve, whose tokenizer alone is loaded here. "
    "Default: none.",
    "POLARIS_ENGINE_PROFILE": f"{', '.join(PROFILES)}. tokens is token ids in and out, as vLLM has it; the others are chats, and openai is "
    "any of them. auto is tokens where the engine gives them, else a chat as the engine says who it is. Default: auto.",
    "POLARIS_ENGINE_KEY": "the key that the engine asks for. Default: none.",
    "POLARIS_ENGINE_MODEL": "the name by which the engine serves the model. Default: the only one that it serves.",
    "POLARIS_ENGINE_CAPACITY": "stories that the engine writes at a time, 1 to 1000. Default: 16.",
    "POLARIS_ENGINE_PATIENCE": "seconds that a story waits for an engine that is gone before it rests, 5 to 3600. Default: 120.",
    "POLARIS_MAX_WORDS": "the longest story this server writes, 50 to 12000 words. Default: 12000.",
    "POLARIS_QUEUE_SIZE": "stories that may wait while others are written, 1 to 1000. Default: 12.",
    "POLARIS_UNFOLLOWED_SECONDS": "after this many seconds without anyone following it, a story is paused, 1 to 86400. Default: 600.",
    "POLARIS_UNSEEN_SECONDS": "after this many seconds a story that nobody has ever followed is paused, 1 to 86400. Default: 6.",
    "POLARIS_STORY_SECONDS": "a story that is written for this many seconds at a time is paused, 60 to 86400. Default: 7200.",
    "POLARIS_VISITOR_STORIES": "stories of one visitor that may be queued or written at a time, 1 to 1000. Default: 2.",
    "POLARIS_VISITOR_STARTS": "stories one visitor may begin in an hour, 1 to 100000. Default: 30.",
    "POLARIS_VISITOR_STREAMS": "stories one visitor may follow at a time, 1 to 100000. Default: 50.",
    "POLARIS_VISITOR_CHECKS": "times a minute that one visitor may have a request checked, as the page does while one types, "
    "1 to 100000. Default: 300.",
    "POLARIS_VISITOR_ARCHIVES": "archives of stories one visitor may ask for in a minute, 1 to 1000. Default: 6.",
    "POLARIS_MAX_STREAMS": "stories that may be followed at a time by all visitors together, 1 to 100000. Default: 2000.",
    "POLARIS_PROXIES": "proxies that stand before this server, 0 to 10. A visitor is who the first of them says in x-forwarded-for; "
    "with 0 that header is not believed, and whoever comes through a proxy is one visitor. Default: 0, and 1 on a Space.",
    "POLARIS_ADDRESS": "the page's whole address as visitors reach it, which links in files and previews lead to. Default: a Space's page, "
    "else the address of the request where that is this machine's or its network's, else http://127.0.0.1:7860/.",
    "POLARIS_DATA_DIR": "the folder on local disk where stories are kept; empty keeps them in memory, until this server restarts. "
    "A second server on the same folder keeps its own in a folder within it, also until it restarts. "
    "The command line keeps a new story there, too, where no server has it. "
    "Default: a folder of this app in the user's data folder.",
    "POLARIS_KEEP_DAYS": "days a story is kept, 1 to 3650. Default: 30.",
    "POLARIS_BACKUP_DIR": "a folder for snapshots of the stories, every few minutes; it may be a slow one, such as a mounted bucket. "
    "Where POLARIS_DATA_DIR is empty at start, the newest snapshot is restored. Default: none.",
    "POLARIS_RECORDINGS_DIR": "the folder of recorded stories that the page shows, made with tools/record.py. "
    "Default: examples/recordings.",
    "POLARIS_GALLERY": "minutes without a visitor's story after which the server writes premises of examples/featured.json, as recorded "
    f"stories, 1 to 1440, auto, or off. auto is {GALLERY_MINUTES} on a GPU of this server's own, and off without one, with the miniature, "
    "on ZeroGPU, and with an engine elsewhere, which may be others' too. They go to POLARIS_RECORDINGS_DIR where that is set, else into "
    "the folder recordings in POLARIS_DATA_DIR. Default: auto.",
    "POLARIS_ADMIN_KEY": f"a secret of at least {SHORTEST_KEY} characters: whoever has it can delete any story and pause new ones. "
    "Default: none, and nobody can.",
    "POLARIS_SEGMENT_SECONDS": "on ZeroGPU, the most seconds asked for at a time, 30 to 1600. The platform counts them 1.5 times, "
    "so 80 take the 120 that a logged-out visitor has in a day. Default: 80.",
    "POLARIS_LOG": f"{', '.join(LOGS)}: a line of text an event, or an object of JSON. Default: text.",
    "HF_TOKEN": "a hub token of an account that has passed the gate of POLARIS-9B.",
    "GRADIO_SERVER_NAME": "the address to listen on. Default: 127.0.0.1, and 0.0.0.0 on a Space.",
    "GRADIO_SERVER_PORT": "the port to listen on. Default: 7860.",
}


def read_settings(env: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the environment. Raises SettingsError for a value that cannot be used, rather than start with something else."""
    return Settings(
        model=env.get("POLARIS_MODEL", "auto").strip() or "auto",
        revision=_revision(env),
        precision=_one_of(env, "POLARIS_PRECISION", PRECISIONS),
        plain_loop=_one_of(env, "POLARIS_DECODE_LOOP", LOOPS) == "plain",
        lanes=_lanes(env),
        max_words=_whole(env, "POLARIS_MAX_WORDS", 12_000, 50, 12_000),
        queue_size=_whole(env, "POLARIS_QUEUE_SIZE", 12, 1, 1000),
        unfollowed_seconds=_whole(env, "POLARIS_UNFOLLOWED_SECONDS", 600, 1, 86_400),
        unseen_seconds=_whole(env, "POLARIS_UNSEEN_SECONDS", 6, 1, 86_400),
        story_seconds=_whole(env, "POLARIS_STORY_SECONDS", 7200, 60, 86_400),
        engine_url=_engine_url(env),
        own_vllm=_one_of(env, "POLARIS_ENGINE", ENGINES) == "vllm",
        vllm_program=env.get("POLARIS_VLLM", "").strip() or "vllm",
        vllm_options=_options(env),
        engine_key=env.get("POLARIS_ENGINE_KEY", "").strip(),
        engine_model=env.get("POLARIS_ENGINE_MODEL", "").strip(),
        engine_profile=_one_of(env, "POLARIS_ENGINE_PROFILE", PROFILES),
        engine_capacity=_whole(env, "POLARIS_ENGINE_CAPACITY", 16, 1, 1000),
        engine_patience=_whole(env, "POLARIS_ENGINE_PATIENCE", 120, 5, 3600),
        proxies=_whole(env, "POLARIS_PROXIES", 1 if "SPACE_ID" in env else 0, 0, 10),
        shares=_shares(env),
        data_dir=_data_dir(env),
        data_lasts=_data_lasts(env),
        keep_days=_whole(env, "POLARIS_KEEP_DAYS", 30, 1, 3650),
        backup_dir=_folder(env, "POLARIS_BACKUP_DIR"),
        recordings_dir=_folder(env, "POLARIS_RECORDINGS_DIR") or RECORDINGS,
        gallery=_gallery(env),
        admin_key=_admin_key(env),
        zerogpu=env.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"),
        segment_seconds=_whole(env, "POLARIS_SEGMENT_SECONDS", 80, 30, 1600),
        home=_home(env),
        root_path=env.get("GRADIO_ROOT_PATH", "").strip(),
        json_logs=_one_of(env, "POLARIS_LOG", LOGS) == "json",
        hf_token=env.get("HF_TOKEN") or None,
    )


def _shares(env: Mapping[str, str]) -> Shares:
    return Shares(
        stories=_whole(env, "POLARIS_VISITOR_STORIES", 2, 1, 1000),
        starts=_whole(env, "POLARIS_VISITOR_STARTS", 30, 1, 100_000),
        streams=_whole(env, "POLARIS_VISITOR_STREAMS", 50, 1, 100_000),
        all_streams=_whole(env, "POLARIS_MAX_STREAMS", 2000, 1, 100_000),
        checks=_whole(env, "POLARIS_VISITOR_CHECKS", 300, 1, 100_000),
        archives=_whole(env, "POLARIS_VISITOR_ARCHIVES", 6, 1, 1000),
    )


def _data_lasts(env: Mapping[str, str]) -> bool:
    """A Space's own disk is new at every start, unless a snapshot is restored to it."""
    return "POLARIS_DATA_DIR" in env or "SPACE_ID" not in env or _folder(env, "POLARIS_BACKUP_DIR") is not None


def _home(env: Mapping[str, str]) -> str:
    """Links to a Space lead to its page on the hub: at its direct address a visitor's account does not count."""
    return _address(env) or (f"{SPACES}{env['SPACE_ID']}" if env.get("SPACE_ID") else "")


def _data_dir(env: Mapping[str, str]) -> Path | None:
    named = env.get("POLARIS_DATA_DIR")
    if named is None:
        return Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "polaris_demo"
    return Path(named).expanduser() if named.strip() else None


def _engine_url(env: Mapping[str, str]) -> str:
    url, kind = env.get("POLARIS_ENGINE_URL", "").strip().rstrip("/"), _one_of(env, "POLARIS_ENGINE", ENGINES)
    if url and not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?", url):
        raise SettingsError(
            "POLARIS_ENGINE_URL is no address of an engine; it takes one such as http://127.0.0.1:8000/v1, without a key in it."
        )
    if kind != "auto" and url:
        raise SettingsError(f"POLARIS_ENGINE is {kind!r}, and POLARIS_ENGINE_URL names an engine elsewhere. Leave one of them out.")
    return f"{url.removesuffix('/v1')}/v1" if url else ""


def _one_of(env: Mapping[str, str], name: str, values: Sequence[str]) -> str:
    """The first where nothing is named."""
    value = env.get(name, "").strip().lower() or values[0]
    if value not in values:
        raise SettingsError(f"{name} is {value!r}; it takes {', '.join(values)}.")
    return value


def _lanes(env: Mapping[str, str]) -> int:
    """0 is for the app to choose."""
    counts = tuple(str(count) for count in range(1, MOST_LANES + 1))
    asked = _one_of(env, "POLARIS_LANES", ("auto", *counts))
    return 0 if asked == "auto" else int(asked)


def _gallery(env: Mapping[str, str]) -> int | None:
    """Minutes, 0 for never; None is for the app to choose."""
    asked = env.get("POLARIS_GALLERY", "").strip().lower()
    if asked == "off":
        return 0
    if asked in ("", "auto"):
        return None
    if not asked.isdecimal() or not 1 <= int(asked) <= 1440:
        raise SettingsError(f"POLARIS_GALLERY is {asked!r}; it takes auto, off, or minutes from 1 to 1440.")
    return int(asked)


def _options(env: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(env.get("POLARIS_VLLM_OPTIONS", "")))
    except ValueError:
        raise SettingsError("POLARIS_VLLM_OPTIONS cannot be read: a quotation mark in it is not closed.") from None


def _folder(env: Mapping[str, str], name: str) -> Path | None:
    named = env.get(name, "").strip()
    return Path(named).expanduser() if named else None


def _revision(env: Mapping[str, str]) -> str:
    revision = env.get("POLARIS_REVISION", "").strip()
    if revision and (not re.fullmatch(r"[\w.+/-]{1,100}", revision) or ".." in revision):
        raise SettingsError(f"POLARIS_REVISION is {revision!r}; it takes a commit, a tag or a branch of the hub, of up to 100 characters.")
    return revision


def _address(env: Mapping[str, str]) -> str:
    address = env.get("POLARIS_ADDRESS", "").strip()
    if address and not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?", address):
        raise SettingsError(f"POLARIS_ADDRESS is {address!r}; it takes the page's whole address, such as https://stories.example.org/.")
    return f"{address.rstrip('/')}/" if address else ""


def _admin_key(env: Mapping[str, str]) -> str:
    key = env.get("POLARIS_ADMIN_KEY", "").strip()
    if key and len(key) < SHORTEST_KEY:
        raise SettingsError(f"POLARIS_ADMIN_KEY has {len(key)} characters; it takes at least {SHORTEST_KEY}, so that it cannot be guessed.")
    return key


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    raw = env.get(name, "").strip()
    if not raw:
        return default
    if not raw.isdecimal() or not low <= int(raw) <= high:
        raise SettingsError(f"{name} is {raw!r}; it takes a whole number from {low} to {high}.")
    return int(raw)
