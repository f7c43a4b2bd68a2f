"""Stars and other creators, and what people think of them: votes, likes, favourites."""
