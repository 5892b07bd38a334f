"""Faces in a diffusion model's latent space: arrays and tensors in, arrays and tensors out."""
