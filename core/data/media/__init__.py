"""Sound, images and videos: opened, decoded, and viewed by a network."""
