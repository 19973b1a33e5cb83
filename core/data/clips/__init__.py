"""Clips: samples that lie in media files, their options, and the validation part cut from train."""
