"""Traces and reports of errors for services outside. Imported only where a setting asks for them (D80)."""
