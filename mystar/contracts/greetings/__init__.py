"""The greetings dialect (seed 000): My Star, video congratulations. See docs/dialects/greetings.md."""
