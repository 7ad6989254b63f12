"""What a target's configuration means for its leg's security: the policy, the TLS context, and wrapped channels."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from jupyter_vnc.channels import StreamChannel
from jupyter_vnc.exceptions import TargetProtocolError, TargetUnreachable, VNCError
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.rfb.security import TLS_TYPES, SecurityPolicy, TLSRequest
from jupyter_vnc.system.descriptors import is_ours, no_room
from jupyter_vnc.system.files import check_regular
from jupyter_vnc.system.logs import get_logger
from jupyter_vnc.system.peers import ANYONE, is_on_this_machine, tcp_uid, trusted_uids

log = get_logger(__name__)

#: Anonymous Diffie-Hellman, TigerVNC's default: OpenSSL has it below TLS 1.3 and at its lowest level only.
_ANONYMOUS_CIPHERS: Final = "aNULL:@SECLEVEL=0"

#: A file of certificate authorities has at most so many bytes; all that browsers trust fit in a quarter of a megabyte.
MAX_CA_FILE: Final = 16 * 1024 * 1024

#: OpenSSL's codes of failed verification (``X509_V_ERR_*``), as a person reads them.
_MISTRUST: Final[Mapping[int, str]] = {
    7: "it is signed by another authority than the trusted one",
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "its signer is not trusted",
    20: "its signer is not known",
    21: "its signer is not known",
    62: "it is for another host name",
    64: "it is for another address",
}


#: What an alert is called (``SSLError.reason``) whose sender misses a certificate of ours, or does not accept it.
_CERTIFICATE_ALERT: Final = re.compile(r"ALERT.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE|DECRYPT_ERROR)")

#: A server that hangs up during the TLS handshake, by whether it was shown a certificate of ours.
_HANG_UP: Final[Mapping[bool, str]] = {
    False: "The desktop hung up when TLS began. If it wants a client certificate, set tls.cert_file and tls.key_file.",
    True: "The desktop hung up when TLS began. It may not accept the client certificate (tls.cert_file).",
}


async def is_trusted(target: Target, address: TCPAddress | UnixAddress, channel: StreamChannel) -> bool:
    """Whether the account of the server at the other end may learn the password; ask after its first bytes.

    On this machine that is a process of root, of our own account or of the account that ``port_owner`` names. Of a
    server elsewhere nothing is known: the strength of its security types decides. That of a Unix socket was
    verified when it was dialled.

    Raises:
        TargetProtocolError: ``port_owner`` names an account, and the port is another's, or the account is unknown.
    """
    if address.owner_is_known or address.owner == ANYONE:
        return True
    here = is_on_this_machine(channel.socket)
    uid = await asyncio.to_thread(tcp_uid, channel.socket) if here else None
    if uid in trusted_uids(address.owner):
        return True
    whose = f"{address}: its port belongs to {'an unknown account' if uid is None else f'uid {uid}'}"
    if address.owner:
        sentence = "The desktop's port is not known to belong to its port_owner. Tell your administrator."
        raise TargetProtocolError(sentence, detail=f"{whose}, and port_owner is {address.owner}")
    if here:
        log.info("Target %s: %s; it is given no password unless it is verified", target.name, whose)
    return not here


def policy_of(target: Target, address: TCPAddress | UnixAddress, trusted: bool = False) -> SecurityPolicy:
    """What the target's configuration lets its server ask of us; nothing weaker is used silently.

    If the target names its authorities, they must verify the server: otherwise a man in the middle would offer
    anonymous TLS, and nobody would ever look at a certificate. A password goes in clear over Unix sockets only, since
    we know whose they are; a port of this machine belongs to whoever binds it first.

    Args:
        target: what is configured.
        address: where it is.
        trusted: the result of :func:`is_trusted` for its server.
    """
    base = SecurityPolicy.local() if address.is_local else SecurityPolicy()
    tls = target.tls
    pin = bytes.fromhex(tls.fingerprint) if tls.fingerprint else None
    return replace(
        base,
        order=tuple(kind for kind in base.order if tls.mode != "off" or kind not in TLS_TYPES),
        allow_none=base.allow_none or target.allow_unauthenticated,
        allow_unverified=(base.allow_unverified and trusted) or tls.mode == "anonymous",
        stranger=not trusted,
        allow_plain=address.owner_is_known,
        require_verified=tls.mode == "x509" or (tls.mode == "auto" and bool(tls.ca_file)),
        require_encryption=tls.mode in {"x509", "anonymous"},
        certificate_sha256=pin,
        server_key_sha256=pin,
    )


async def start_tls(
    channel: StreamChannel, request: TLSRequest, target: Target, address: TCPAddress | UnixAddress
) -> bytes | None:
    """Make the leg TLS as the handshake asks; return the server's certificate (DER), None if TLS is anonymous.

    Raises:
        LimitExceeded: this process has no descriptor left.
        TargetProtocolError: TLS failed, or the certificate cannot be trusted; the error has the reason and the remedy.
    """
    try:
        context = _context(request, target, address.hostname)
        certificate = await channel.start_tls(context, address.hostname)
    except ssl.SSLCertVerificationError as error:
        why = _MISTRUST.get(error.verify_code, "its verification failed")
        raise TargetProtocolError(
            f"The desktop's certificate is not trusted: {why}. The administrator can set ca_file or fingerprint.",
            detail=f"{address}: {error.verify_message}",
        ) from None
    except ssl.SSLError as error:
        raise _tls_failure(error, target, address) from None
    except OSError as error:
        if is_ours(error):
            raise no_room(error) from None
        # Some servers hang up instead of sending an alert; with TLS 1.2 they do so during the handshake.
        raise TargetProtocolError(_HANG_UP[bool(target.tls.cert_file)], detail=f"{address}: {error}") from None
    return None if request.anonymous else certificate


def late_failure(
    error: VNCError, channel: StreamChannel, target: Target, address: TCPAddress | UnixAddress
) -> VNCError:
    """The error of a login inside TLS, in view of what TLS knows of its end.

    In TLS 1.3 the client's handshake is over before the server has looked at the client's certificate (RFC 8446,
    section 4.4.2.4): its refusal comes as the answer to the first bytes. QEMU sends no alert, but closes.
    """
    if channel.tls_error is not None:
        return _tls_failure(channel.tls_error, target, address)
    if channel.silent_in_tls and isinstance(error, TargetUnreachable):
        return _certificate_wanted(target, f"{address}: it closed without a byte inside TLS", sure=False)
    return error


def _tls_failure(error: ssl.SSLError, target: Target, address: TCPAddress | UnixAddress) -> TargetProtocolError:
    detail = f"{address}: {error}"
    if _CERTIFICATE_ALERT.search(error.reason or ""):
        return _certificate_wanted(target, detail, sure="CERTIFICATE_REQUIRED" in error.reason)
    return TargetProtocolError("TLS with the desktop failed.", detail=detail)


def _certificate_wanted(target: Target, detail: str, *, sure: bool) -> TargetProtocolError:
    if target.tls.cert_file:
        said = "The desktop did not accept the client certificate (tls.cert_file). Tell your administrator."
    else:
        wants = "wants a client certificate" if sure else "seems to want a client certificate"
        said = f"The desktop {wants}. The administrator can set tls.cert_file and tls.key_file."
    return TargetProtocolError(said, detail=detail)


def _show_certificate(context: ssl.SSLContext, target: Target) -> None:
    """Load our own certificate, should the server ask for it.

    Raises:
        TargetProtocolError: it cannot be used.
    """
    files = target.tls.cert_file, target.tls.key_file
    if not target.tls.cert_file:
        return
    try:
        for path in files:
            check_regular(path, MAX_CA_FILE)
        context.load_cert_chain(*files, password="")  # else OpenSSL would ask at the server's terminal
    except (OSError, ValueError) as error:
        said = "The client certificate that is configured for this desktop cannot be used. Tell your administrator."
        raise TargetProtocolError(said, detail=f"target {target.name!r}, {' and '.join(files)}: {error}") from None


def _context(request: TLSRequest, target: Target, hostname: str | None) -> ssl.SSLContext:
    """The context for one leg: anonymous, pinned (the handshake compares), or verified by CA and host name."""
    if request.anonymous or request.pinned:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if request.anonymous:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(_ANONYMOUS_CIPHERS)
        else:
            _show_certificate(context, target)
        return context
    if target.tls.ca_file:
        check_regular(target.tls.ca_file, MAX_CA_FILE)
    context = ssl.create_default_context(cafile=target.tls.ca_file or None)
    # A Unix socket has no host name that a certificate could be for.
    context.check_hostname = target.tls.check_hostname and hostname is not None
    _show_certificate(context, target)
    return context
