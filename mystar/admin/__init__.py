"""The panel of the staff, at ``/admin/``: pages made on the server, which need no script but for live progress.

``registers/`` says in data what each list shows, filters and sorts; ``repository.py`` reads any of them with the same
three statements. Whatever the staff do is a verb of the domain that it is done to; the panel adds the door
(``access.py``: a cookie, a role, a token in every form) and the pages (``handlers/``, ``templates/``). It sits above
the domains and reads their rows in joins; it writes none.
"""
