"""The studio dialect (seed 003). See README.md."""
