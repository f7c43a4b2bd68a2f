"""Finds the folders beside the package: `sql` and `config`.

In a checkout at the root of the repository; installed from a wheel under ``<prefix>/share/mystar``.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]


def project_folder(name: str) -> Path:
    """The folder ``sql`` or ``config``. :raises FileNotFoundError: it was not installed."""
    places = (
        # Only in a checkout: site-packages may contain another package's "sql".
        _CHECKOUT / name if (_CHECKOUT / "setup.cfg").is_file() else None,
        Path(sysconfig.get_path("data")) / "share" / "mystar" / name,
        Path(sys.prefix) / "share" / "mystar" / name,
    )
    for place in places:
        if place is not None and place.is_dir():
            return place
    raise FileNotFoundError(
        f"The folder {name!r} of mystar is neither in a checkout nor under {sys.prefix}/share/mystar"
    )
