"""OpenSSL in FIPS mode: its configuration lets the validated provider serve alone. The server starts, says what that means, and
real clients get their keys and authenticated replies."""

import os
import pathlib
import shutil
import subprocess
import sys

from harness import CLIENTS, SERVER_V4, Tap, World, need_clients, wait_for

need_clients("chrony")


def provider():
    """Debian 13's module, unpacked beside the test clients, or this system's."""
    told = subprocess.run(["openssl", "version", "-m"], stdout=subprocess.PIPE, text=True).stdout
    places = [*(CLIENTS / "openssl-provider-fips").glob("usr/lib/*/ossl-modules"),
              pathlib.Path(told.split('"')[1] if '"' in told else "/nowhere")]
    return next((place / "fips.so" for place in places if (place / "fips.so").exists()), None)


def configure_openssl(world, module):
    """What an administrator does: openssl fipsinstall, and a configuration. Its environment. Control's user must be
    able to read it, wherever the checkout is."""
    place = world.runtime / "fips"
    place.mkdir(mode=0o755)
    module = pathlib.Path(shutil.copy(module, place))
    digest, configuration = place / "fipsmodule.cnf", place / "openssl.cnf"
    got = subprocess.run(["openssl", "fipsinstall", "-module", module, "-out", digest], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    if got.returncode != 0:
        print(f"1..0 # SKIP this OpenSSL does not take {module}: {got.stdout.splitlines()[-1:]}")
        sys.exit(0)
    configuration.write_text(f"""\
openssl_conf = openssl_init
.include {digest}
[openssl_init]
providers = provider_section
alg_section = algorithm_section
[provider_section]
fips = fips_sect
base = base_section
[base_section]
activate = 1
[algorithm_section]
default_properties = fips=yes
""")
    for file in (module, digest, configuration):
        file.chmod(0o644)
    return ["env", f"OPENSSL_CONF={configuration}", f"OPENSSL_MODULES={module.parent}"]


def agreed(world, group):
    """The cipher of a handshake with that group alone; None: there was none."""
    got = world.client.run("openssl", "s_client", "-connect", f"{SERVER_V4}:4460", "-alpn", "ntske/1", "-groups", group,
                           "-CAfile", world.certificate, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    return next((line.split("Cipher is ")[1] for line in got.stdout.splitlines() if "TLSv1.3, Cipher is " in line), None)


module = provider()
if module is None:
    print("1..0 # SKIP there is no FIPS provider of OpenSSL here (Debian 13: openssl-provider-fips)")
    sys.exit(0)
with Tap() as tap, World("fips") as world:
    prefix = configure_openssl(world, module)
    world.start(prefix=prefix)
    log = world.noonmarkd.log.read_text()
    tap.ok("OpenSSL is in FIPS mode" in log, "the log says that NTS-KE is in FIPS mode", log)
    tap.ok("AES-SIV" in log and "not validated" in log, "and what is not validated", log)
    tap.ok(agreed(world, "P-256") in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"), "a client with P-256 has TLS 1.3")
    tap.ok(agreed(world, "X25519") is None, "one with X25519 alone is refused")
    chronyd = world.chronyd()
    tap.ok(chronyd.wait_synchronised(), "chronyd, which offers both, is served", chronyd.explain())
    tap.equal(chronyd.authdata()["mode"], "NTS", "with NTS")
    tap.equal(world.stop(), 0, "it ends")
    checked = subprocess.run([*prefix, os.fspath(world.binary), "-c", os.fspath(world.configuration), "--check-config"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tap.ok(checked.returncode == 0 and "FIPS mode" in checked.stdout, "--check-config says the same", checked.stdout)

    configuration = world.runtime / "fips/openssl.cnf"
    configuration.chmod(0o600)
    refused = world.start(wait=False, prefix=prefix)
    tap.ok(wait_for(lambda: not refused.alive(), 10) and "OPENSSL_CONF: " in refused.tail(),
           "a configuration that ke cannot read is no reason to serve without it", refused.tail())
    world.stop()
    configuration.chmod(0o644)

    empty = world.home / "empty.cnf"  # it allows validated algorithms alone, but loads no provider that has them
    empty.write_text(configuration.read_text().replace("fips = fips_sect\n", ""))
    checked = subprocess.run([*prefix, f"OPENSSL_CONF={empty}", os.fspath(world.binary), "-c", os.fspath(world.configuration),
                              "--check-config"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tap.ok(checked.returncode == 1 and "openssl list -providers" in checked.stdout, "without the provider it says where to look",
           checked.stdout)
