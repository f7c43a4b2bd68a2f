"""Orders to the studio: free of charge, without a creator, named by a six-digit number; staff start the processing."""
