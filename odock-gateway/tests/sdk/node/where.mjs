// Where the gateway is, as whom to call it, and how to expect a refusal.
import assert from "node:assert/strict";

export const url = process.env.ODOCK_URL.replace(/\/+$/, "");
export const key = process.env.ODOCK_API_KEY;

export async function rejected(kind, call) {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof kind, `${kind.name} expected, got ${error}`);
    return error;
  }
  throw new assert.AssertionError({ message: `${kind.name} was not thrown` });
}
