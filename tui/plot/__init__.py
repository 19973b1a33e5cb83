"""How numbers become a picture in characters: windows, envelopes, smoothing, axes, dots, letters."""
