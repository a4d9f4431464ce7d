"""The card's results as pictures."""
