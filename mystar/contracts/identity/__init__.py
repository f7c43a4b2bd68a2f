"""The identity dialect (seed 004). See docs/dialects/identity.md."""
