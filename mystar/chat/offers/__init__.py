"""Custom offers (D71): a creator proposes a service at a price and a term inside a conversation, shown as a message.

The buyer accepts with one call and has an order, which the creator has accepted already. An offer is used once and is
bound to the two members of its conversation. Its state changes under the lock of its row; the message then changes its
position in the conversation's log, so sockets and readers see the new state.
"""
