"""Sound, images and videos: opened, decoded, and shown to a network."""
