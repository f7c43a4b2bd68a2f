"""Those who speak to a payment provider for us (`mystar.payments.provider` says what we ask)."""
