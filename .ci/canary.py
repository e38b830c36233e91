"""Runs the sweep of .ci/canary, which says what it is about."""

import atexit
import base64
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

bin_dir = pathlib.Path(os.environ["BIN"])
ctl = str(bin_dir / "odockctl")
work = pathlib.Path(tempfile.mkdtemp(prefix="odock-canary-"))

PROVIDER_ENV = "sk-provider-canary-env-0123456789"
PROVIDER_FILE = "sk-provider-canary-file-0123456789"
PASSWORD = "canary password horse battery"
PROMPT = "canary-prompt-of-somebody"
ANSWER = "canary-answer-of-a-model"

# Every secret so far, by what it is.
canaries = {
    "provider key (env)": PROVIDER_ENV, "provider key (file)": PROVIDER_FILE,
    "password": PASSWORD, "prompt": PROMPT, "answer": ANSWER,
}
found = []
runs = 0


def spellings(secret):
    """A secret as it is, and as a careless program may write it."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")
    yield json.dumps(list(raw)).encode()
    yield json.dumps(list(raw), separators=(",", ":")).encode()


def search(where, content, but=()):
    """Notes every secret that stands in some bytes; `but` names those whose sink it is."""
    for what, secret in list(canaries.items()):
        if what in but:
            continue
        for spelling in spellings(secret):
            if spelling in content:
                found.append(f"{what} stands in {where}")
                break


def started(words, log, pattern, **variables):
    """Starts a program that serves, and waits until its log matches."""
    with open(log, "ab") as out:
        child = subprocess.Popen(words, stdout=out, stderr=out, env={"PATH": os.environ["PATH"], "HOME": str(work), **variables})
    for _ in range(600):
        match = re.search(pattern, log.read_text(errors="replace"))
        if match:
            return child, match.group(1)
        if child.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit(f"error: {words[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")


class Way:
    """A way to the gateway on which it goes away after so many connections, or is there for all."""

    def __init__(self, to):
        self.to, self.left = to, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            caller, _ = self.listener.accept()
            threading.Thread(target=self.passed, args=(caller,), daemon=True).start()

    def passed(self, caller):
        gateway = socket.create_connection(self.to)
        threading.Thread(target=self.copy, args=(caller, gateway), daemon=True).start()
        try:
            while piece := gateway.recv(65536):
                if self.left is not None:
                    if self.left == 0:
                        return
                    self.left -= 1
                caller.sendall(piece)
        except OSError:
            pass
        finally:
            for end in (caller, gateway):
                try:
                    # Closing alone would wait for the other thread, which reads from it.
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()

    @staticmethod
    def copy(source, to):
        try:
            while piece := source.recv(65536):
                to.sendall(piece)
        except OSError:
            pass


class Watcher(threading.Thread):
    """Looks at the arguments of everything that a process starts, and at its children's environments."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.over = process, False

    def family(self):
        known = {self.process}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent = int(entry.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
                except (OSError, IndexError, ValueError):
                    continue
                if parent in known:
                    known.add(int(entry.name))
        return known

    def run(self):
        while not self.over:
            for process in self.family():
                for part in ("cmdline", "environ"):
                    if part == "environ" and process == self.process:
                        continue  # Where whoever runs it put its secrets.
                    try:
                        content = pathlib.Path(f"/proc/{process}/{part}").read_bytes()
                    except OSError:
                        continue
                    # What is in the environment of the command is in that of what it starts, except for its token.
                    search(f"{part} of a process", content, but=("provider key (env)",) if part == "environ" else ())
            time.sleep(0.002)


def run(words, home, expected=None, input=None, sink=(), stdout=None, **variables):
    """Runs the command line, and searches what it says. `sink` names what its stdout may carry."""
    global runs
    runs += 1
    environment = {
        "PATH": f"{work}/bin:{os.environ['PATH']}", "HOME": str(home), "ODOCK_CLI_CONFIG": str(home / "config.toml"),
        "ODOCK_ORGANISATION": "acme", "ODOCK_CANARY": PROVIDER_ENV, "ODOCK_NO_INPUT": "1", "ODOCK_TIMEOUT": "20", **variables,
    }
    child = subprocess.Popen([ctl, *words], env=environment, cwd=home, stdin=subprocess.PIPE if input else subprocess.DEVNULL,
                             stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE)
    watcher = Watcher(child.pid)
    watcher.start()
    out, err = child.communicate(input=input, timeout=90)
    watcher.over = True
    watcher.join()
    line = " ".join(words)
    search(f"stderr of `{line}`", err)
    search(f"stdout of `{line}`", out or b"", but=sink)
    if expected is not None and child.returncode not in expected:
        found.append(f"`{line}` ended with {child.returncode}, not {expected}: {err.decode(errors='replace')[-400:]}")
    return child.returncode, (out or b"").decode(errors="replace")


def learn(what, path):
    """A secret that came out of its sink is looked for from now on."""
    if path.exists() and path.is_file() and path.stat().st_size:
        canaries[what] = path.read_text().strip()


FORMATS = ["table", "wide", "json", "jsonl", "yaml", "toml", "csv", "name"]

MANIFESTS = """owner: ci
resources:
- apiVersion: odock/v1
  kind: Organisation
  metadata: {name: acme}
  spec: {displayName: Acme}
- apiVersion: odock/v1
  kind: Team
  metadata: {organisation: acme, name: search, labels: {env: prod}}
  spec: {}
- apiVersion: odock/v1
  kind: Provider
  metadata: {organisation: acme, name: openai}
  spec:
    type: OPENAI
    baseUrl: @UPSTREAM@
    keys: [{name: one, valueFrom: {env: ODOCK_CANARY}}, {name: two, valueFrom: {file: ./provider.key}}]
- apiVersion: odock/v1
  kind: Model
  metadata: {organisation: acme, name: fast}
  spec: {type: chat, slug: gpt-4.1-mini, provider: openai, providerKey: one}
- apiVersion: odock/v1
  kind: ApiKey
  metadata: {organisation: acme, name: drawn}
  spec: {type: TEAM, team: search, models: [fast], secret: {generate: client, deliverTo: ["file:./drawn.key"]}}
- apiVersion: odock/v1
  kind: ApiKey
  metadata: {organisation: acme, name: made}
  spec: {type: TEAM, team: search, models: [fast], secret: {generate: server, deliverTo: ["exec:note made"]}}
"""

# What only looks. Each is run in every format, with all that it says of itself.
READS = [
    ["whoami"], ["auth", "status"], ["auth", "sessions"], ["auth", "matrix"], ["auth", "can-i"], ["context", "list"], ["context", "show"],
    ["get", "organisations"], ["get", "users"], ["get", "teams"], ["get", "providers"], ["get", "models"], ["get", "keys"],
    ["get", "keys", "-l", "env!=prod"], ["get", "service-accounts"],
    ["describe", "key", "drawn"], ["describe", "provider", "openai"], ["describe", "model", "fast"], ["describe", "team", "search"],
    ["explain", "provider"], ["export"], ["validate", "-f", "set.yaml"], ["diff", "-f", "set.yaml"], ["drift", "-f", "set.yaml"],
    ["plan", "-f", "set.yaml", "--out", "@plan", "--report", "@report"], ["key", "history", "drawn"],
    ["key", "check", "drawn", "--model", "fast"], ["simulate", "-f", "request.json", "--key", "drawn"], ["usage", "list"], ["usage", "summary"],
    ["usage", "top"], ["budget", "status"], ["quota", "status"], ["overlay", "list"], ["invoice", "preview"], ["ledger", "verify"],
    ["audit", "list"], ["audit", "verify"], ["secrets", "list"], ["invite", "list"], ["token", "list"], ["doctor"], ["version", "--gateway"],
    ["provider", "test", "openai"],
]


def setting(name, token=None, url=None):
    home = work / name
    home.mkdir()
    (home / "set.yaml").write_text(MANIFESTS.replace("@UPSTREAM@", upstream))
    (home / "provider.key").write_text(PROVIDER_FILE)
    (home / "provider.key").chmod(0o600)
    (home / "request.json").write_text(json.dumps({"model": "fast", "messages": [{"role": "user", "content": PROMPT}]}))
    if token:
        (home / "token").write_text(token)
        (home / "token").chmod(0o600)
        (home / "config.toml").write_text(
            f'current = "c"\n[contexts.c]\nurl = "{url or gateway_url}"\norganisation = "acme"\ncredential = "file:{home}/token"\n')
        (home / "config.toml").chmod(0o600)
    return home


def ask(key):
    body = json.dumps({"model": "fast", "messages": [{"role": "user", "content": PROMPT}]}).encode()
    request = urllib.request.Request(f"{gateway_url}/v1/chat/completions", body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        if ANSWER not in answer.read().decode():
            found.append("the upstream's answer did not arrive, so the sweep proves nothing")


# A program that is handed a secret: it keeps it in a sink, and leaves what processes can be seen to say of it.
(work / "bin").mkdir()
note = work / "bin/note"
note.write_text(f"#!/bin/sh\ncat >{work}/$1.noted\ntr '\\0' '\\n' </proc/$$/environ >>{work}/environ.seen\n"
                f"for process in $$ $PPID; do tr '\\0' '\\n' </proc/$process/cmdline >>{work}/cmdline.seen; done\n")
note.chmod(0o755)
kubectl = work / "bin/kubectl"
kubectl.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >>{work}/cmdline.seen\ncat >{work}/kubectl.noted\n")
kubectl.chmod(0o755)

sim, upstream = started([str(bin_dir / "odock-sim"), "--listen", "127.0.0.1:0", "--text", ANSWER, "--expect-key", PROVIDER_ENV],
                        work / "sim.log", r"(http://127\.0\.0\.1:\d+)")
log = work / "gateway.log"
SERVE = {"ODOCK_DATA_DIR": str(work / "data"), "HTTP_HOST": "127.0.0.1", "HTTP_PORT": "0", "LOG_LEVEL": "trace", "POSTGRES_LOG_QUERIES": "true"}
postgres, redis = os.environ.get("CANARY_POSTGRES_URL"), os.environ.get("CANARY_REDIS_URL")
database = f"odock_canary_{os.getpid()}"
if postgres:
    subprocess.run(["psql", "-q", postgres, "-c", f"CREATE DATABASE {database}"], check=True)
    atexit.register(subprocess.run, ["psql", "-q", postgres, "-c", f"DROP DATABASE {database} WITH (FORCE)"])
    SERVE["DATABASE_URL"] = f"{postgres.rsplit('/', 1)[0]}/{database}"
if redis:
    SERVE["REDIS_URL"] = redis
gateway, address = started([str(bin_dir / "odock-gateway"), "serve"], log, r"listening[^\n]*?(127\.0\.0\.1:\d+)", **SERVE)
gateway_url = f"http://{address}"

try:
    # The first start prints a token once, and nothing else of the kind.
    canaries["bootstrap token"] = re.search(r"odock-signin-\w+", log.read_text())[0]
    # Signing in: the session is kept in a file, which is its sink.
    person = setting("person")
    (person / "bootstrap").write_text(canaries["bootstrap token"])
    (person / "bootstrap").chmod(0o600)
    run(["login", "--url", gateway_url, "--token-file", "bootstrap", "--store", "file", "-vv"], person, {0})
    if found:
        sys.exit(f"error: nobody could sign in: {found}")
    kept = json.loads(next((person / "credentials").glob("*.token")).read_text())
    canaries["access token"], canaries["refresh token"] = kept["accessToken"], kept["refreshToken"]
    run(["auth", "password", "--new-stdin", "-vv"], person, {0}, input=PASSWORD.encode())
    run(["token", "create", "sweep", "--scope", "read", "--scope", "write", "--secret-out", "file:./pat", "-vv"], person, {0})
    learn("personal token", person / "pat")
    pat = canaries["personal token"]

    # Applying: provider keys are sealed here, virtual keys go to their sinks.
    admin = setting("admin", pat)
    for words in (["validate", "-f", "set.yaml"], ["plan", "-f", "set.yaml", "--out", "plan.json", "--report", "plan.md"],
                  ["apply", "--plan", "plan.json", "--allow-sinks", "file:./*", "--allow-sinks", "exec:note *", "--yes"],
                  ["apply", "-f", "set.yaml", "--allow-sinks", "file:./*", "--allow-sinks", "exec:note *", "--yes"]):
        run([*words, "-vv"], admin, {0})
    learn("drawn key", admin / "drawn.key")
    learn("made key", work / "made.noted")
    for name in ("drawn key", "made key"):
        if name not in canaries:
            sys.exit(f"error: there is no {name}: {found}")
    ask(canaries["drawn key"])
    ask(canaries["made key"])
    if run(["key", "create", "piped", "--team", "search", "--model", "fast", "--secret-out", "k8s-secret:a/b:c", "-vv"], admin, {0})[0] == 0:
        canaries["piped key"] = json.loads((work / "kubectl.noted").read_text())["stringData"]["c"]
    run(["key", "create", "plain", "--team", "search", "--secret-out", "file:./plain.key", "-o", "json", "-v"], admin, {0})
    learn("plain key", admin / "plain.key")
    run(["key", "rotate", "plain", "--overlap", "1h", "--secret-out", "file:./rotated.key", "--yes", "-vv"], admin, {0})
    learn("rotated key", admin / "rotated.key")
    run(["key", "create", "hidden", "--team", "search", "--no-reveal", "-vv"], admin, {0})
    run(["key", "reveal", "hidden", "--secret-out", "file:./hidden.key", "-vv"], admin, {0})
    learn("revealed key", admin / "hidden.key")
    run(["invite", "create", "grace@acme.example", "--secret-out", "file:./invitation", "-vv"], admin)
    learn("invitation", admin / "invitation")
    run(["chat", "--key-file", "drawn.key", "--model", "fast", "-v"], admin, input=PROMPT.encode(), sink=("prompt", "answer"))

    # Everything that looks, in every format, as talkative as it gets.
    for words in READS:
        for number, form in enumerate(FORMATS):
            files = [word.replace("@plan", f"plan.{form}").replace("@report", f"report.{form}") for word in words]
            run([*files, "-o", form, *(["-vv"] if number % 2 else ["-v"])], admin)

    # Sinks that fail. A secret that reached nobody is in no message.
    (admin / "taken").write_text("mine")
    (admin / "link").symlink_to(admin / "elsewhere")
    (admin / "shut").mkdir(mode=0o500)
    (admin / "open").mkdir()
    (admin / "open").chmod(0o777)
    sinks = ["file:./taken", "file:./link", "file:./open/x", "file:./no/such/place", "file:/dev/full", "file:/proc/x", "fd:77", "exec:false",
             "exec:no-such-program", "exec:sh -c exit\\ 3", "github-env:X", "k8s-secret:a/b:c", "-"]
    for number, sink in enumerate(sinks):
        for form in ("table", "json", "yaml"):
            full = open("/dev/full", "wb") if sink == "-" else None
            for words in (["key", "create", f"failing-{number}-{form}", "--team", "search"], ["key", "rotate", "plain", "--yes"]):
                run([*words, "--secret-out", sink, "-o", form, "-vv"], admin, stdout=full, PATH=os.environ["PATH"])
            if full:
                full.close()
    if (admin / "elsewhere").exists() or (admin / "taken").read_text() != "mine":
        found.append("a sink was overwritten, or a link followed")

    # The gateway goes away after the first piece of an answer, the second, and so on.
    way = Way((address.split(":")[0], int(address.split(":")[1])))
    for pieces in range(12):
        home = setting(f"cut-{pieces}", pat, way.url)
        for words in (["apply", "-f", "set.yaml", "--allow-sinks", "*", "--yes"],
                      ["key", "create", f"cut-{pieces}", "--team", "search", "--secret-out", "file:./cut.key"],
                      ["key", "rotate", "plain", "--secret-out", "file:./cut-rotated.key", "--yes"],
                      ["token", "create", f"cut-{pieces}", "--scope", "read", "--secret-out", "file:./cut.token"]):
            way.left = pieces
            run([*words, "-o", "json", "-vv"], home, ODOCK_RETRIES="1")
        for name in ("cut.key", "cut-rotated.key", "cut.token"):
            learn(f"{name} {pieces}", home / name)

    # The audit log, as its readers get it.
    for form in FORMATS:
        run(["audit", "list", "--limit", "1000", "-o", form], admin)
    for home in (person, admin):
        run(["logout", "-vv"], home)

    gateway.send_signal(signal.SIGTERM)
    if gateway.wait(60):
        found.append(f"the gateway ended with {gateway.returncode}")

    said = log.read_bytes()
    search("the gateway's log", said, but=("bootstrap token",))
    if said.count(canaries["bootstrap token"].encode()) != 1:
        found.append("the token for the first sign-in was not printed once")
    if log.stat().st_size < 100_000:
        found.append("the gateway said next to nothing, so its log proves nothing")
    for name in ("cmdline.seen", "environ.seen"):
        # The variable that a manifest names is in the environment of whoever runs the command, and of what that starts.
        search(name, (work / name).read_bytes(), but=("provider key (env)",) if name == "environ.seen" else ())

    # Every cell of every table, and then every byte of every file: nothing is left out because it is sealed.
    cells = 0
    if postgres:
        def ask(sql):
            return subprocess.run(["psql", "-qAt", SERVE["DATABASE_URL"], "-c", sql], check=True, capture_output=True).stdout

        tables = ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").decode().split()
        for table in tables:
            columns = ask(f"SELECT count(*) FROM information_schema.columns WHERE table_name = '{table}'")
            cells += int(columns) * int(ask(f'SELECT count(*) FROM "{table}"'))
            # Binary, as it is kept: text would spell some bytes otherwise.
            search(f"table {table}", ask(f'COPY "{table}" TO STDOUT (FORMAT binary)'))
    else:
        file = sqlite3.connect(next((work / "data").glob("*.db")))
        file.text_factory = bytes
        tables = [row[0].decode() for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in file.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    cells += 1
                    search(f"table {table}", cell if isinstance(cell, bytes) else str(cell).encode())
        file.close()
    if redis:
        listed = subprocess.run(["redis-cli", "-u", redis, "--scan"], check=True, capture_output=True).stdout.splitlines()
        for key in listed:
            search("a key of Redis", key)
            dumped = subprocess.run(["redis-cli", "-u", redis, "--raw", "DUMP", key], check=True, capture_output=True).stdout
            search(f"Redis at {key.decode(errors='replace')}", dumped)
            cells += 1
    for path in (work / "data").rglob("*"):
        if path.is_file():
            search(f"data directory: {path.name}", path.read_bytes())

    # What the commands left behind: plans and reports hold nothing, sinks only their own.
    own = {"drawn.key": "drawn key", "plain.key": "plain key", "rotated.key": "rotated key", "hidden.key": "revealed key", "pat": "personal token",
           "invitation": "invitation", "token": "personal token", "bootstrap": "bootstrap token", "provider.key": "provider key (file)",
           "request.json": "prompt"}
    for home in work.iterdir():
        for path in home.rglob("*") if home.is_dir() and home.name not in ("data", "bin") else []:
            if path.is_file() and not path.is_symlink() and "credentials" not in path.parts and os.access(path, os.R_OK):
                search(f"{home.name}/{path.name}", path.read_bytes(), but=(own.get(path.name), f"{path.name} {home.name[4:]}"))
finally:
    for child in (gateway, sim):
        if child.poll() is None:
            child.kill()
            child.wait()

for leak in sorted(set(found)):
    print(f"error: {leak}", file=sys.stderr)
print(f"{len(canaries)} secrets, {runs} commands, {len(tables)} tables with {cells} cells, {log.stat().st_size >> 20} MiB of log: "
      f"{len(set(found))} found where none may be")
if not found:
    for path in work.rglob("*"):
        if path.is_dir():
            path.chmod(0o700)
    shutil.rmtree(work)
else:
    print(f"left in {work}", file=sys.stderr)
sys.exit(bool(found))
