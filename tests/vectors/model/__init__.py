"""An independent model of the protocol in plain Python, written from the standards and from
docs/PROTOCOL.md: what the vectors come from. Slow, and not constant time."""
