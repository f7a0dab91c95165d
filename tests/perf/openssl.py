"""The little of OpenSSL 3 that a test's own NTS server needs and Python's ssl module lacks: TLS 1.3
with the exporter, and AES-SIV-CMAC-256 (RFC 5297) out of CMAC and counter mode. Blocking; slow."""

import ctypes
import functools
import socket
import struct

LIBCRYPTO = ctypes.CDLL("libcrypto.so.3")
LIBSSL = ctypes.CDLL("libssl.so.3")

FILETYPE_PEM = 1
CTRL_SET_MIN_PROTO_VERSION = 123
TLS1_3 = 0x0304
TLSEXT_ERR_OK, TLSEXT_ERR_ALERT_FATAL = 0, 2

POINTER, OCTETS, SIZE, INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int
ALPN_CALLBACK = ctypes.CFUNCTYPE(INT, POINTER, ctypes.POINTER(POINTER),
                                 ctypes.POINTER(ctypes.c_ubyte), POINTER, ctypes.c_uint, POINTER)


def declare(library, name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


cmac_new = declare(LIBCRYPTO, "CMAC_CTX_new", POINTER)
cmac_init = declare(LIBCRYPTO, "CMAC_Init", INT, POINTER, OCTETS, SIZE, POINTER, POINTER)
cmac_update = declare(LIBCRYPTO, "CMAC_Update", INT, POINTER, OCTETS, SIZE)
cmac_final = declare(LIBCRYPTO, "CMAC_Final", INT, POINTER, OCTETS, ctypes.POINTER(SIZE))
aes_128_cbc = declare(LIBCRYPTO, "EVP_aes_128_cbc", POINTER)
aes_128_ctr = declare(LIBCRYPTO, "EVP_aes_128_ctr", POINTER)
cipher_new = declare(LIBCRYPTO, "EVP_CIPHER_CTX_new", POINTER)
encrypt_init = declare(LIBCRYPTO, "EVP_EncryptInit_ex", INT, POINTER, POINTER, POINTER, OCTETS,
                       OCTETS)
encrypt_update = declare(LIBCRYPTO, "EVP_EncryptUpdate", INT, POINTER, OCTETS, ctypes.POINTER(INT),
                         OCTETS, INT)

server_method = declare(LIBSSL, "TLS_server_method", POINTER)
context_new = declare(LIBSSL, "SSL_CTX_new", POINTER, POINTER)
context_ctrl = declare(LIBSSL, "SSL_CTX_ctrl", ctypes.c_long, POINTER, INT, ctypes.c_long, POINTER)
use_chain = declare(LIBSSL, "SSL_CTX_use_certificate_chain_file", INT, POINTER, OCTETS)
use_key = declare(LIBSSL, "SSL_CTX_use_PrivateKey_file", INT, POINTER, OCTETS, INT)
set_tickets = declare(LIBSSL, "SSL_CTX_set_num_tickets", INT, POINTER, SIZE)
set_alpn = declare(LIBSSL, "SSL_CTX_set_alpn_select_cb", None, POINTER, ALPN_CALLBACK, POINTER)
ssl_new = declare(LIBSSL, "SSL_new", POINTER, POINTER)
ssl_free = declare(LIBSSL, "SSL_free", None, POINTER)
ssl_set_fd = declare(LIBSSL, "SSL_set_fd", INT, POINTER, INT)
ssl_accept = declare(LIBSSL, "SSL_accept", INT, POINTER)
ssl_read = declare(LIBSSL, "SSL_read", INT, POINTER, OCTETS, INT)
ssl_write = declare(LIBSSL, "SSL_write", INT, POINTER, OCTETS, INT)
ssl_shutdown = declare(LIBSSL, "SSL_shutdown", INT, POINTER)
ssl_export = declare(LIBSSL, "SSL_export_keying_material", INT, POINTER, OCTETS, SIZE, OCTETS, SIZE,
                     OCTETS, SIZE, INT)
clear_errors = declare(LIBCRYPTO, "ERR_clear_error", None)

CMAC, CIPHER = cmac_new(), cipher_new()  # one thread


def cmac(key, message):
    out, length = ctypes.create_string_buffer(16), SIZE(16)
    cmac_init(CMAC, key, len(key), aes_128_cbc(), None)
    cmac_update(CMAC, message, len(message))
    cmac_final(CMAC, out, ctypes.byref(length))
    return out.raw


def counter_mode(key, counter, message):
    if not message:
        return b""
    out, length = ctypes.create_string_buffer(len(message) + 16), INT(0)
    encrypt_init(CIPHER, aes_128_ctr(), None, key, counter)
    encrypt_update(CIPHER, out, ctypes.byref(length), message, len(message))
    return out.raw[:len(message)]


def xor(a, b):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def doubled(block):
    n = int.from_bytes(block, "big") << 1
    return ((n & ((1 << 128) - 1)) ^ (0x87 if n >> 128 else 0)).to_bytes(16, "big")


@functools.lru_cache(4096)
def of_zero(key):
    return cmac(key, bytes(16))


def s2v(key, plaintext, *associated):
    d = of_zero(key)
    for one in associated:
        d = xor(doubled(d), cmac(key, one))
    if len(plaintext) >= 16:
        last = plaintext[:-16] + xor(plaintext[-16:], d)
    else:
        last = xor(doubled(d), (plaintext + b"\x80").ljust(16, b"\0"))
    return cmac(key, last)


def counter_of(tag):
    return tag[:8] + bytes([tag[8] & 0x7F]) + tag[9:12] + bytes([tag[12] & 0x7F]) + tag[13:]


def siv_seal(key, nonce, associated, plaintext):
    """Tag and ciphertext."""
    tag = s2v(key[:16], plaintext, associated, nonce)
    return tag + counter_mode(key[16:], counter_of(tag), plaintext)


def siv_open(key, nonce, associated, sealed):
    """The plaintext, or None."""
    tag = sealed[:16]
    plaintext = counter_mode(key[16:], counter_of(tag), sealed[16:])
    return plaintext if s2v(key[:16], plaintext, associated, nonce) == tag else None


class TlsServer:
    """TLS 1.3 with a certificate, for ALPN `alpn`."""

    def __init__(self, certificate, key, alpn=b"ntske/1"):
        self.context = context_new(server_method())
        context_ctrl(self.context, CTRL_SET_MIN_PROTO_VERSION, TLS1_3, None)
        if use_chain(self.context, str(certificate).encode()) != 1 or \
                use_key(self.context, str(key).encode(), FILETYPE_PEM) != 1:
            raise RuntimeError(f"{certificate}, {key}: no certificate with its key")
        set_tickets(self.context, 0)
        self.alpn = ctypes.create_string_buffer(alpn, len(alpn))

        @ALPN_CALLBACK
        def choose(_ssl, out, out_len, offered, offered_len, _argument):
            if alpn not in ctypes.string_at(offered, offered_len):
                return TLSEXT_ERR_ALERT_FATAL
            out[0] = ctypes.addressof(self.alpn)
            out_len[0] = len(alpn)
            return TLSEXT_ERR_OK

        self.choose = choose  # it must outlive the context
        set_alpn(self.context, choose, None)


class TlsConnection:
    """One accepted connection, blocking, with a time limit on each read."""

    def __init__(self, server, connection, limit_s=5):
        self.connection = connection
        connection.setblocking(True)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", limit_s, 0))
        self.ssl = ssl_new(server.context)
        ssl_set_fd(self.ssl, connection.fileno())

    def accept(self):
        clear_errors()
        return ssl_accept(self.ssl) == 1

    def read(self):
        buffer = ctypes.create_string_buffer(16384)
        n = ssl_read(self.ssl, buffer, 16384)
        return buffer.raw[:n] if n > 0 else b""

    def write(self, octets):
        return ssl_write(self.ssl, octets, len(octets)) == len(octets)

    def export(self, context, length):
        out, label = ctypes.create_string_buffer(length), b"EXPORTER-network-time-security"
        ssl_export(self.ssl, out, length, label, len(label), context, len(context), 1)
        return out.raw

    def close(self, notify=True):
        if notify:
            ssl_shutdown(self.ssl)
        ssl_free(self.ssl)
        self.connection.close()
