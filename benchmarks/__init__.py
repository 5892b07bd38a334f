"""The promises of speed and truth, each reprinted by `make bench NAME=...`."""
