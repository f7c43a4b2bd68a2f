"""What tests of receipts start from: the scenario of the earnings, and settings that a test names."""

from __future__ import annotations

from tests.earnings.conftest import app as app
from tests.earnings.conftest import clock as clock
from tests.earnings.conftest import further_settings as further_settings
from tests.earnings.conftest import scenario as scenario
from tests.earnings.conftest import settings as settings
