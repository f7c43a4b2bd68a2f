"""Uploads: their bytes, their types, and who may open them."""
