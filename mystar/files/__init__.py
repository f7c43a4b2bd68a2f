"""Uploaded files: taken in streams, looked at, kept, served, and forgotten when nobody needs them.

What a file is, its bytes say, never its name or its sender (`model`, `inspection`); it must then fit the endpoint and
the extension it came with. A file belongs to whoever uploaded it and is only theirs until something refers to it:
`attach` names its readers or makes it public, `discard` lets it go. Rows go in the transaction of their cause; bytes
are removed later by the sweeper (`tasks`), so that no row ever lacks its bytes. Addresses are `/media/<key>`
(`handlers`), with ranges and validators (`ranges`); a private one opens for its owner, its readers, staff, or by a
signed link.
"""
