"""polaris_demo: ask POLARIS-9B for a story and watch it being written."""

__version__ = "0.3.0"
