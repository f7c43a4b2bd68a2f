"""The studio dialect (seed 003). See docs/dialects/studio.md."""
