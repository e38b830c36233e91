// A certified OpenID provider (panva/node-oidc-provider), which people sign in to without being asked, and which signs
// pipelines' tokens with its own keys. Prints its address.
import http from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import Provider from "oidc-provider";

const audience = "https://odock.example";
const people = {
  ada: { email: "ada@acme.example", email_verified: true, name: "Ada" },
  mallory: { email: "ada@acme.example", email_verified: false, name: "Mallory" },
  grace: { email: "grace@acme.example", email_verified: true, name: "Grace" },
  stranger: { email: "stranger@evil.example", email_verified: true, name: "Stranger" },
};

async function key(kid, alg) {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(pair.privateKey)), kid, alg, use: "sig", pair };
}

const server = http.createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
let keys = [await key("rs-1", "RS256"), await key("es-1", "ES256"), await key("ps-1", "PS256"), await key("ed-1", "EdDSA")];
const spare = await key("es-2", "ES256");
const foreign = await key("es-1", "ES256");

function build() {
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "odock",
        client_secret: "a-secret-of-the-gateway",
        grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        redirect_uris: [],
        response_types: [],
      },
    ],
    jwks: { keys: keys.map(({ pair, ...jwk }) => jwk) },
    features: { deviceFlow: { enabled: true }, devInteractions: { enabled: false } },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    pkce: { required: () => false },
    async findAccount(_, id) {
      return { accountId: id, claims: async () => ({ sub: id, ...people[id] }) };
    },
  });
  return provider;
}
let provider = build();
let callback = provider.callback();

// Stands for the person in the browser: finds the sign-in by the code that was typed, and says yes or no.
async function type(userCode, who) {
  const code = await provider.DeviceCode.findByUserCode(userCode.replaceAll("-", ""), { ignoreExpiration: true });
  if (!code) throw new Error(`nobody waits for ${userCode}`);
  if (who === "-") {
    Object.assign(code, { error: "access_denied", errorDescription: "no", inFlight: true });
  } else {
    const grant = new provider.Grant({ accountId: who, clientId: "odock" });
    grant.addOIDCScope("openid email profile");
    Object.assign(code, {
      accountId: who,
      grantId: await grant.save(),
      scope: "openid email profile",
      claims: {},
      authTime: Math.floor(Date.now() / 1000),
      sessionUid: `session-${who}-${Math.random()}`,
      expiresWithSession: false,
    });
  }
  await code.save();
}

// A pipeline's token, good or forged in one of many ways.
async function pipeline(how) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer, aud: audience, sub: "repo:acme/web:ref:refs/heads/main", repository: "acme/web", iat: now, nbf: now,
    exp: now + 300, jti: crypto.randomUUID(), ...how.claims,
  };
  for (const [name, value] of Object.entries(claims)) if (value === null) delete claims[name];
  const part = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  if (how.alg === "none") return `${part({ alg: "none" })}.${part(claims)}.`;
  if (how.alg === "HS256") {
    // The public key taken for a shared secret.
    const { createPublicKey, createHmac } = await import("node:crypto");
    const { pair, d, p, q, dp, dq, qi, ...jwk } = keys[0];
    const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
    const signed = `${part({ alg: "HS256", kid: jwk.kid })}.${part(claims)}`;
    return `${signed}.${createHmac("sha256", pem).update(signed).digest("base64url")}`;
  }
  const all = { spare, foreign, ...Object.fromEntries(keys.map((one) => [one.kid, one])) };
  const signer = all[how.key ?? "rs-1"];
  return new SignJWT(claims).setProtectedHeader({ alg: signer.alg, kid: signer.kid }).sign(signer.pair.privateKey);
}

server.on("request", async (request, response) => {
  const url = new URL(request.url, issuer);
  try {
    if (url.pathname === "/test/type") await type(url.searchParams.get("code"), url.searchParams.get("who"));
    else if (url.pathname === "/test/rotate") {
      keys = [spare];
      // The sign-ins under way stay, for the adapter in memory is shared.
      provider = build();
      callback = provider.callback();
    } else if (url.pathname === "/test/token") {
      response.end(await pipeline(JSON.parse(url.searchParams.get("how") ?? "{}")));
      return;
    } else if (url.pathname === "/github") {
      // What GitHub Actions answers a job that asks for its token.
      if (request.headers.authorization !== "Bearer a-job") throw new Error("not a job");
      const value = await pipeline({ claims: { aud: url.searchParams.get("audience") } });
      response.setHeader("content-type", "application/json").end(JSON.stringify({ value }));
      return;
    } else return callback(request, response);
    response.end("ok");
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error.stack));
  }
});
console.log(issuer);
