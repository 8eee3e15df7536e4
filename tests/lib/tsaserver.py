"""A timestamp authority of RFC 3161 over HTTP on this machine, by openssl ts,
which can be made to answer badly."""
import http.server
import os
import subprocess
import threading
import time

CONF = """
[ req ]
distinguished_name = dn
prompt = no
[ dn ]
CN = none
[ root ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[ signer ]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[ tsa ]
dir = {dir}
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/signer.pem
signer_key = $dir/signer.key
signer_digest = {signer}
default_policy = {policy}
digests = {digests}
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
clock_precision_digits = 3
"""


class Tsa:
    """mode: well, or how it answers badly; asked: how often it was.  With
    sha3 it takes SHA3-256, as few do.  signer: the hash that it signs with."""

    def __init__(self, folder, name, policy="1.3.6.1.4.1.55555.1", sha3=False, signer="sha256"):
        self.dir = os.path.join(folder, name)
        os.mkdir(self.dir)
        self.root = os.path.join(self.dir, "root.pem")
        self.mode, self.asked, self.last, self.port = "well", 0, b"", 0
        self.lock = threading.Lock()
        with open(os.path.join(self.dir, "conf"), "w") as f:
            f.write(CONF.format(dir=self.dir, policy=policy, signer=signer, digests="sha256, sha512" + (", sha3-256" if sha3 else "")))
        with open(os.path.join(self.dir, "serial"), "w") as f:
            f.write("01\n")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                     "-config", "conf", "-extensions", "root", "-subj", "/CN=%s root" % name,
                     "-keyout", "root.key", "-out", "root.pem")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "conf",
                     "-subj", "/CN=%s" % name, "-keyout", "signer.key", "-out", "signer.csr")
        self.openssl("x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                     "-days", "3650", "-extfile", "conf", "-extensions", "signer", "-out", "signer.pem")
        self.start()

    def openssl(self, *argv, **more):
        return subprocess.run(("openssl",) + argv, cwd=self.dir, check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **more).stdout

    def start(self):
        """On its old port, if it had one."""
        tsa = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                if tsa.server is not self.server:
                    self.close_connection = True
                    return
                tsa.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_):
                pass    # who asked has gone

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d/stamp" % self.port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Connections that are kept open end, too."""
        old, self.server = self.server, None
        old.shutdown()
        old.server_close()

    def token(self, query):
        with self.lock:
            with open(os.path.join(self.dir, "query"), "wb") as f:
                f.write(query)
            self.openssl("ts", "-reply", "-config", "conf", "-section", "tsa", "-queryfile", "query", "-out", "reply")
            with open(os.path.join(self.dir, "reply"), "rb") as f:
                return f.read()

    def answer(self, h, query):
        self.asked += 1
        mode, status, kind = self.mode, 200, "application/timestamp-reply"
        assert h.headers["Content-Type"] == "application/timestamp-query"
        if mode == "again":         # what it said to somebody else
            body = self.last
        elif mode == "garbage":
            body = os.urandom(500)
        elif mode == "long":
            body = bytes(1 << 20)
        else:
            body = self.token(query)
            if mode == "well" and len(body) > 200:
                self.last = body
        if mode == "changed":
            body = body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]
        if mode == "cut":
            body = body[:-1]
        if mode == "html":
            kind = "text/html"
        if mode == "elsewhere":
            status = 302
        if mode == "fails":
            status = 500
        if mode == "slow":
            time.sleep(15)
        h.send_response(status)
        h.send_header("Content-Type", kind)
        if mode == "elsewhere":
            h.send_header("Location", self.url + "/there")
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body)
