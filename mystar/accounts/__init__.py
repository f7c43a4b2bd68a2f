"""People, their sessions and the mailed links that prove an address."""
