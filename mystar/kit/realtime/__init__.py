"""WebSockets: the connection, the hub that wakes readers, and publish/subscribe between processes."""
