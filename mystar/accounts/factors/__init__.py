"""Second factors (D63): TOTP, passkeys, recovery codes, and the challenges that sign-ins and enrolments answer."""
