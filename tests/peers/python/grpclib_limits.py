"""What both programs on grpclib share: how it names sockets, and which cases it has no means for."""

NO_COMPRESSION = {
    f"{side}_compressed_{shape}": "grpclib has no compression"
    for side in ("client", "server")
    for shape in ("unary", "streaming")
}


def path(endpoint):
    """A path, or a NUL and an abstract name, as asyncio takes them."""
    if endpoint.startswith("unix-abstract:"):
        return "\0" + endpoint.removeprefix("unix-abstract:")
    return endpoint.removeprefix("unix:")
