"""echo: the service behind the proxies. It answers what it was asked, and remembers every request that arrived.

Read by hand and strictly, so that a second request that a proxy let through inside a first one is seen as what it is.
"""

import base64
import hashlib
import json
import socket
import threading

HEAD_MAX = 1 << 20
WEBSOCKET = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n"
WEBSOCKET_ID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455


class Echo:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.arrived = []  # {"method", "target", "headers": [[name, value]…]} in the order of arrival
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def since(self, count):
        return self.arrived[count:]

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, client.makefile("rb") as stream:
            try:
                while self._one(client, stream):
                    pass
            except (OSError, ValueError):
                pass

    def _one(self, client, stream):
        line = stream.readline(HEAD_MAX)
        if not line:
            return False
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = self._headers(stream)
        request = {"method": method, "target": target, "headers": headers}
        self.arrived.append(request)
        named = {name.lower(): value for name, value in headers}
        if named.get("upgrade", "").lower() == "websocket":
            digest = hashlib.sha1((named.get("sec-websocket-key", "") + WEBSOCKET_ID).encode()).digest()
            client.sendall(WEBSOCKET.format(base64.b64encode(digest).decode()).encode())
            client.sendall(stream.readline())  # one line there and back
            return False
        self._skip_body(stream, named)
        text = json.dumps(request).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        client.sendall(head.encode() + (b"" if method == "HEAD" else text))
        return True

    @staticmethod
    def _headers(stream):
        headers = []
        while (line := stream.readline(HEAD_MAX).rstrip(b"\r\n")):
            name, _, value = line.decode("latin-1").partition(":")
            headers.append([name, value.strip()])
        return headers

    @staticmethod
    def _skip_body(stream, headers):
        if "chunked" in headers.get("transfer-encoding", ""):
            while (size := int(stream.readline().split(b";")[0], 16)):
                stream.read(size + 2)
            while stream.readline().rstrip(b"\r\n"):
                pass
        else:
            stream.read(int(headers.get("content-length", 0)))
