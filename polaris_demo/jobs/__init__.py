"""Stories being written and kept. Knows no gradio, no torch."""
