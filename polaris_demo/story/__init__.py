"""What a story is. Pure: no torch, no gradio, no disk, no clock, no network."""
