"""Starts the Space: settings -> engine -> runner -> page -> launch. No logic of its own."""

import spaces  # noqa: F401  before anything that touches CUDA

import sys
from contextlib import closing

from polaris_demo.engine import load_engine
from polaris_demo.jobs.gallery import Gallery
from polaris_demo.jobs.shutdown import until_ended
from polaris_demo.jobs.library import Library
from polaris_demo.jobs.runner import Runner
from polaris_demo.logs import configure
from polaris_demo.page.layout import build_page, launch_options
from polaris_demo.settings import HELP, SettingsError, read_settings


def main() -> None:
    if "--help" in sys.argv or "-h" in sys.argv:
        print("python app.py\n\n" + "\n".join(f"  {name}\n      {text}" for name, text in HELP.items()))
        return
    try:
        settings = read_settings()
    except SettingsError as error:
        sys.exit(str(error))
    configure(settings.json_logs)
    library = Library(settings.data_dir, settings.keep_days, lasts=settings.data_lasts, backup_dir=settings.backup_dir)
    engine = load_engine(settings)
    runner = Runner.by(settings, engine, library)
    with until_ended() as ended, closing(library), closing(runner), closing(Gallery.by(settings, runner)):
        build_page(runner, settings).launch(prevent_thread_lock=True, **launch_options(runner, settings))
        ended.wait()


if __name__ == "__main__":
    main()
