"""Staff accounts: roles, blocking, and the commands of the operator."""
