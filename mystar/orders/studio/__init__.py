"""Orders to the studio itself: they have no creator and cost nothing, a number names them, and staff move them on."""
