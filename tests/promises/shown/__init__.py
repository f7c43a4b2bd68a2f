"""How each promise is shown, by group."""
