"""The messenger dialect (seed 002). See docs/dialects/messenger.md."""
