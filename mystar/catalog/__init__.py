"""What creators sell: categories, tags and services, the greeting first of all."""
