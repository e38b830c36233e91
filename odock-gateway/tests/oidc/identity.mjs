// People sign in with a real OpenID provider, and pipelines exchange its tokens. Runs odockctl as people and pipelines do.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { ODOCK_URL: url, ODOCK_ISSUER: issuer, ODOCK_CTL: program, ODOCK_ADMIN_CONFIG: admin } = process.env;
const audience = "https://odock.example";

const home = () => mkdtempSync(join(tmpdir(), "odock-oidc-"));
const surroundings = (config, more) => {
  const { PATH } = process.env;
  return { PATH, XDG_CONFIG_HOME: config, ODOCK_URL: url, NO_COLOR: "1", ...more };
};

function ctl(words, config = admin, more = {}) {
  return new Promise((done) => {
    execFile(program, words, { env: surroundings(config, more), timeout: 60_000 }, (error, stdout, stderr) => {
      done({ code: error ? error.code : 0, stdout, stderr });
    });
  });
}
const json = async (...given) => {
  const run = await ctl(...given);
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(run.stdout);
};
let calls = 0;
async function post(path, body) {
  const headers = { "content-type": "application/json", "x-forwarded-for": `192.0.2.${(calls += 1) % 250}` };
  const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}
const at = async (path) => {
  const answer = await fetch(`${issuer}${path}`);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return text;
};
const token = (how = {}) => at(`/test/token?how=${encodeURIComponent(JSON.stringify(how))}`);

// Signs in as people do: the program shows a code, somebody types it in a browser.
async function device(who, config = home(), words = ["login", "--provider", "local"]) {
  const child = spawn(program, [...words, "--store", "file"], { env: surroundings(config) });
  let said = "";
  let typed = false;
  child.stderr.on("data", async (chunk) => {
    said += chunk;
    const code = said.match(/type the code (\S+)/);
    if (code && !typed) {
      typed = true;
      await at(`/test/type?code=${encodeURIComponent(code[1])}&who=${who}`);
    }
  });
  const code = await new Promise((done) => child.on("close", done));
  return { code, said, config };
}

// --- people ---
await json(["invite", "list", "-o", "json", "-A"]);
const ada = await device("ada");
assert.equal(ada.code, 0, ada.said);
const me = await json(["whoami", "-o", "json"], ada.config);
assert.deepEqual([me.email, me.organisation], ["ada@acme.example", "acme"]);
assert.ok(me.session);
// Again: now the identity is linked, and the address decides nothing any more.
assert.equal((await device("ada")).code, 0);
// An address that nobody has verified is nobody's.
const mallory = await device("mallory");
assert.notEqual(mallory.code, 0);
assert.match(mallory.said, /not open to people of that e-mail domain|not verified/);
// A domain that is not allowed; a person who says no.
assert.notEqual((await device("stranger")).code, 0);
const denied = await device("-");
assert.notEqual(denied.code, 0);
assert.match(denied.said, /declined/);
// Somebody whom nobody knows waits for approval, and comes in after it.
const waiting = await device("grace");
assert.notEqual(waiting.code, 0);
assert.match(waiting.said, /approval/);
assert.equal((await ctl(["user", "approve", "grace@acme.example"])).code, 0);
assert.equal((await device("grace")).code, 0);
console.log("people: ok");

// --- a session that two programs share ---
const kept = join(ada.config, "odock/credentials/default.token");
const session = JSON.parse(readFileSync(kept, "utf8"));
const stale = { ...session, accessExpiresAt: "2001-01-01T00:00:00Z" };
writeFileSync(kept, `${JSON.stringify(stale)}\n`, { mode: 0o600 });
const many = await Promise.all(Array.from({ length: 6 }, () => ctl(["whoami"], ada.config)));
for (const run of many) assert.equal(run.code, 0, run.stderr);
const renewed = JSON.parse(readFileSync(kept, "utf8"));
assert.notEqual(renewed.refreshToken, session.refreshToken);
assert.equal(renewed.session, session.session);
// What was used up ends the session, whoever has it.
assert.equal((await post("/api/auth/refresh", { refreshToken: session.refreshToken })).status, 401);
assert.equal((await ctl(["whoami"], ada.config)).code, 4);
console.log("sessions: ok");

// --- pipelines ---
const exchange = async (how, account = "acme/deploy") =>
  post("/api/auth/exchange", { subject_token: await token(how), service_account: account });
for (const key of ["rs-1", "es-1", "ps-1", "ed-1"]) {
  const given = await exchange({ key });
  assert.equal(given.status, 200, JSON.stringify(given.body));
  assert.equal(given.body.service_account, "acme/deploy");
}
const now = () => Math.floor(Date.now() / 1000);
const refusals = [
  [{ alg: "none" }, 401],
  [{ alg: "HS256" }, 401],
  [{ key: "foreign" }, 401],
  [{ claims: { aud: "https://somebody.else" } }, 403],
  [{ claims: { sub: "repo:evil/web:ref:refs/heads/main" } }, 403],
  [{ claims: { repository: "acme/web-2" } }, 403],
  [{ claims: { iss: "https://somebody.else" } }, 401],
  [{ claims: { exp: now() - 120 } }, 401],
  [{ claims: { nbf: now() + 600 } }, 401],
];
for (const [how, status] of refusals) {
  const given = await exchange(how);
  assert.equal(given.status, status, `${JSON.stringify(how)}: ${JSON.stringify(given.body)}`);
}
for (const claims of [{ exp: now() - 30 }, { nbf: now() + 30, iat: now() + 30 }]) {
  const given = await exchange({ claims });
  assert.equal(given.status, 200, `a minute of skew: ${JSON.stringify(given.body)}`);
}
const once = await token();
const twice = () => post("/api/auth/exchange", { subject_token: once, service_account: "acme/deploy" });
assert.equal((await twice()).status, 200);
assert.equal((await twice()).status, 401);
console.log("exchange: ok");

// As GitHub, GitLab, Kubernetes and a file offer it.
const pipeline = { ODOCK_SERVICE_ACCOUNT: "acme/deploy", ODOCK_OIDC_AUDIENCE: audience, ODOCK_ORGANISATION: "acme" };
const github = { ...pipeline, ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer}/github?api=1`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "a-job" };
const who = await json(["whoami", "-o", "json"], home(), github);
assert.deepEqual([who.serviceAccount, who.role], ["acme/deploy", "ORG_ADMIN"]);
assert.equal((await ctl(["get", "teams"], home(), github)).code, 0);
const gitlab = { ...pipeline, ODOCK_OIDC_TOKEN: await token() };
assert.equal((await ctl(["get", "teams"], home(), gitlab)).code, 0);
// The rule is for one use: a job's second command needs a rule that allows it.
const second = await ctl(["get", "teams"], home(), gitlab);
assert.equal(second.code, 4);
assert.match(second.stderr, /reusable/);
const file = join(home(), "token");
writeFileSync(file, await token());
const words = ["get", "teams", "--as-service-account", "deploy", "--oidc-token-file", file];
assert.equal((await ctl(words, home(), { ODOCK_ORGANISATION: "acme" })).code, 0);
const status = await json(["auth", "status", "--offline", "-o", "json"], home(), github);
assert.match(status.source, /GitHub Actions/);
console.log("pipelines: ok");

// --- keys rotate ---
await at("/test/rotate");
// The gateway reads an issuer's keys again for a key that it does not know, but once a minute at the most.
let rotated = await exchange({ key: "spare" });
for (let waited = 0; rotated.status === 401 && waited < 70; waited += 5) {
  await new Promise((done) => setTimeout(done, 5_000));
  rotated = await exchange({ key: "spare" });
}
assert.equal(rotated.status, 200, JSON.stringify(rotated.body));
assert.equal((await exchange({ key: "foreign" })).status, 401, "a key that was withdrawn");
console.log("rotation: ok");

const events = JSON.stringify(await json(["audit", "list", "-o", "json"]));
assert.ok(events.includes('"exchange"') && events.includes('"link-identity"'));
for (const secret of ["a-secret-of-the-gateway", once, session.refreshToken, session.accessToken]) {
  assert.ok(!events.includes(secret), "the audit log holds a secret");
}
console.log("ok");
