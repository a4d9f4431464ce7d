"""What a visitor sees. Home of gradio."""
