"""The identity dialect (seed 004). See README.md."""
