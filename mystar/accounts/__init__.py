"""People, their sessions and the mailed links that prove an address.

One person is one account, whichever of the five doors they came through: unique by user name, e-mail and phone, each
compared in a normal form (`credentials`). A log-in makes a session (`sessions`), whose tokens open every door and die
with it within a second. Passwords are held against one rule (`password_rule`). What is mailed, a confirmation or a
reset, is a link of one use; only its digest is stored.

Others hear about people by events: AccountRegistered, EmailConfirmed, PersonChanged, PasswordChanged, SessionOpened,
SessionsEnded, AccountBlocked, AccountUnblocked, RoleChanged.
"""
