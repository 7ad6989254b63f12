"""The close codes of a websocket: why it ends, as a number that the viewer knows."""

from enum import IntEnum


class CloseCode(IntEnum):
    """Websocket close codes of the contract; ``labextension/src/viewer/connection/status.ts`` holds the same table."""

    NORMAL = 1000
    GOING_AWAY = 1001
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    VIEWER_PROTOCOL = 4400
    LOGIN_EXPIRED = 4401
    NOT_PERMITTED = 4403
    TARGET_GONE = 4404
    STALLED = 4408
    TAKEN_OVER = 4409
    ENDED = 4410
    MOVED = 4411
    LIMIT = 4429
    UNREACHABLE = 4502
    CREDENTIALS_REFUSED = 4503
    NOT_RFB = 4504
    DESKTOP_FAILED = 4505
