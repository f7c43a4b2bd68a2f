"""Code without knowledge of the product, which other projects could use."""
