"""Payout details: where a creator's money goes. Sealed, masked, and used only some days after a change."""
