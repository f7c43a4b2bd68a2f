"""Texts of mails and notifications that the owner changes: checked, versioned, used by all processes."""
