"""Procedural faces of known yaw and known light, written in CelebA's own layout."""
