"""The staff panel at ``/admin/``: pages rendered on the server; only live progress needs a script.

``lists/`` defines as data what each list shows, filters and sorts; ``repository.py`` reads any list with the same three
statements. Actions of staff are methods of the domains; the panel adds access control (``access.py``: a cookie, a role,
a CSRF token in every form) and pages (``handlers/``, ``templates/``). It reads the rows of all domains in joins, and
writes none.
"""
