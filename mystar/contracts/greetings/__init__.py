"""The greetings dialect (seed 000): My Star, video congratulations. See README.md."""
