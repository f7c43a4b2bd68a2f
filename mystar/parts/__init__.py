"""The parts that the service is built from, lowest first: each adds its domains, routes and background work."""
