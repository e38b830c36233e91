"""Where the gateway is, as whom to call it, and what its models are called. One gateway serves every family."""

import os

URL = os.environ["ODOCK_URL"].rstrip("/")
KEY = os.environ["ODOCK_API_KEY"]

# One pixel, so that something is sent as an image.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


def raised(kind, call):
    """The error of a call that must fail with it."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")
