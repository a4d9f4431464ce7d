"""A story grammar of our own: the only text the miniature is trained on. See grammar.py."""
