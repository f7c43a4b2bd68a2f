"""The studio dialect. See docs/dialects/studio.md."""
