"""Accounts, sessions, sign-in through providers, and mailed links that prove an e-mail address.

One person has one account, whichever channel created it. User name, e-mail and phone are unique, each compared in a
normal form (`credentials`). A log-in opens a session (`sessions`); its tokens are accepted by every dialect and become
invalid within a second after the session ends. All passwords obey one rule (`password_rule`). A mailed link works once;
only the digest of its token is stored.

Events: AccountRegistered, EmailConfirmed, AccountChanged, PasswordChanged, SessionOpened, SessionsEnded,
AccountBlocked, AccountUnblocked, RoleChanged.
"""
