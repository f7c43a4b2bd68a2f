"""The messenger dialect. See docs/dialects/messenger.md."""
