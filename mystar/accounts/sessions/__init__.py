"""Sessions: access and refresh tokens, their rotation, and what slows guessing down."""
