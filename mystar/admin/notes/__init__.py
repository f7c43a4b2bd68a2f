"""What staff write to each other about orders, people and services (D76)."""
