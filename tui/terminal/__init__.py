"""The terminal: styles, text of numbers, changed cells, screenshots."""
