"""The pages of labeling: parse, query, render."""
