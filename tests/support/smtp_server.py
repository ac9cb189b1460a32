"""An SMTP server for tests: smtp_server.py PORT FOLDER [CERTIFICATE KEY USER PASSWORD].

Messages become FOLDER/N.eml. FOLDER/mode says how the next ones are met: ok, busy (451), refused (550) or slow. With a
certificate it asks for STARTTLS, and for the user's password. Says "ready" once it listens.
"""
import asyncio
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

port, folder, secrets = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]


class Handler:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        mode = (folder / "mode").read_text().strip() if (folder / "mode").exists() else "ok"
        if mode == "busy":
            return "451 4.3.2 come again later"
        if mode == "refused":
            return "550 5.1.1 nobody here has that name"
        if mode == "slow":
            await asyncio.sleep(3)
        Handler.count += 1
        part = folder / f"{Handler.count}.part"
        part.write_bytes(envelope.original_content)
        part.rename(folder / f"{Handler.count}.eml")
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login.decode() == secrets[2] and data.password.decode() == secrets[3]
    return AuthResult(success=good)


def make_session():
    if not secrets:
        return SMTP(Handler(), hostname="localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(secrets[0], secrets[1])
    return SMTP(Handler(), hostname="localhost", tls_context=context, require_starttls=True,
                authenticator=authenticate, auth_required=True)


async def main():
    server = await asyncio.get_running_loop().create_server(make_session, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
