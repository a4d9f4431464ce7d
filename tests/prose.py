"""Text as a long story has it. Only for tests."""

SENTENCES = (
    "She set the lamp down on the sill and listened for what had come in with the rain. ",
    "“Nobody has asked for it in years,” he said, “and nobody will.” ",
    "The stairs went on *farther* than the house did, which neither of them mentioned. ",
    "By morning the letter had been read by everyone except the person it was for. ",
)


def prose(characters: int) -> str:
    """Paragraphs of an ordinary length, with speech and a little emphasis."""
    text = ["# A long story\n\n"]
    length = 0
    for n in range(characters):
        if length >= characters:
            break
        text.append(f"{n}. " + "".join(SENTENCES[(n + k) % 4] for k in range(1 + n % 6)).rstrip() + "\n\n")
        length += len(text[-1])
    return "".join(text)[:characters]
