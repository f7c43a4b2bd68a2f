"""The identity dialect. See docs/dialects/identity.md."""
