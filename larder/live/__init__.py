"""The stream of events: what was committed is told to the clients that listen, within a second."""
