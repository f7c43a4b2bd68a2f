"""The greetings dialect: My Star, video congratulations. See docs/dialects/greetings.md."""
