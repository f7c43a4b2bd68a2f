"""Uploaded files: streamed in, inspected, stored, served, and deleted when nothing refers to them.

The bytes decide what a file is, never its name or its sender (`model`, `inspection`). A file belongs to the account
that uploaded it and is private until something refers to it: `attach` names its readers or makes it public,
`mark_deleted` ends that. Rows are deleted in the transaction of their cause; bytes later by the sweeper (`tasks`), so
that no row ever lacks its bytes. Addresses are `/media/<key>`
(`handlers`), with ranges and validators (`ranges`); a private one opens for its owner, its readers, staff, or by a
signed link.
"""
