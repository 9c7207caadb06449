"""The edges: the object store, the instance's metadata service, the log stream."""
