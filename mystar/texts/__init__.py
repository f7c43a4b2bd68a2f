"""Texts of mails that the owner changes: checked, versioned, used by all processes."""
