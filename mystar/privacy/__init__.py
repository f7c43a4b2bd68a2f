"""The rights of persons over their data: an export of everything, and the erasure of an account.

Domains below give their parts through `mystar.kit.postgres.personal_data`.
"""
