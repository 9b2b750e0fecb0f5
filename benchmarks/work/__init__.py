"""What measured child processes do: each module imports all that it needs, then calls `measured` around its work."""
