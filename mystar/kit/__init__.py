"""What never heard of stars: the parts that could serve another project."""
