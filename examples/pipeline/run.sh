#!/bin/sh
# A pipeline from its identity over a reviewed plan to a key in use, its rotation, and drift that is found and named.
#
# In a CI system that gives its jobs OpenID tokens nothing is kept that could be stolen: name the service account that trusts
# the job, ODOCK_SERVICE_ACCOUNT=acme/deploy, and each command exchanges the job's token for one of 15 minutes. GitHub Actions
# needs `permissions: id-token: write`; GitLab an `id_tokens` entry that is called ODOCK_OIDC_TOKEN; on Kubernetes project a
# token and name its file in ODOCK_OIDC_TOKEN_FILE. docs/IDENTITY.md has the service account's side.
#
# To see it without any of that, start the demo in one terminal:
#
#   cargo run -p odock-gateway -- demo          # prints the lines to sign in with
#
# and with these in another: ODOCK_URL, ODOCK_TOKEN_FILE, and ODOCK_ORGANISATION (acme in the demo):
#
#   examples/pipeline/run.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${ODOCK_URL:?the address that the demo printed}" "${ODOCK_ORGANISATION:=acme}"
export ODOCK_URL ODOCK_ORGANISATION
work=$(mktemp -d) && cd "$work"
trap 'rm -rf "$work"' EXIT
step() { printf '\n== %s\n' "$*"; }
# What a command ends with, where that says something.
ends() { want=$1; shift; set +e; "$@"; got=$?; set -e; [ "$got" = "$want" ] || { echo "ended with $got, not $want: $*" >&2; exit 1; }; }

if [ -n "${ODOCK_SERVICE_ACCOUNT:-}" ]; then
  step "who this is: the job's OpenID token, exchanged for a token of the service account"
  [ -z "${ODOCK_TOKEN:-}${ODOCK_TOKEN_FILE:-}" ] || { echo "ODOCK_TOKEN or ODOCK_TOKEN_FILE is set, and would be used instead" >&2; exit 1; }
  odockctl auth status
  who=$(odockctl whoami --jq .serviceAccount)
  [ "$who" = "$ODOCK_SERVICE_ACCOUNT" ] || { echo "this is $who, not $ODOCK_SERVICE_ACCOUNT" >&2; exit 1; }
fi

step "on the pull request: a plan, and a report to look at"
ends 2 odockctl plan -f "$here" --out plan.json --report plan.md --detailed-exitcode >/dev/null
cat plan.md

step "a manifest cannot choose where a secret goes"
ends 12 odockctl apply --plan plan.json

step "on the merge: exactly that plan; the key's secret goes to its sink"
odockctl apply --plan plan.json --allow-sinks 'file:./*.key'
ls -l payments-batch.key

step "again: nothing is written, nothing is delivered"
cp payments-batch.key before.key
odockctl apply -f "$here" --allow-sinks 'file:./*.key'
cmp payments-batch.key before.key

step "the key is in use"
call() { curl -sf -o /dev/null -w '%{http_code}\n' "$ODOCK_URL/v1/chat/completions" -H "Authorization: Bearer $(cat "$1")" \
  -H 'Content-Type: application/json' -d '{"model":"support-fast","messages":[{"role":"user","content":"Hello"}]}'; }
call payments-batch.key

step "rotated: both secrets work for an hour, until the old one is ended"
odockctl key rotate payments-batch --overlap 1h --secret-out file:./payments-batch.new.key --yes
call payments-batch.key
call payments-batch.new.key
odockctl key rotate payments-batch --finish --yes
ends 22 call payments-batch.key

step "somebody changes a field by hand: drift names it, and the next apply stops"
printf 'apiVersion: odock/v1\nkind: Team\nmetadata: {name: payments}\nspec: {description: changed by hand}\n' >hand.yaml
odockctl apply -f hand.yaml --owner somebody-else --force-conflicts >/dev/null
ends 1 odockctl drift -f "$here"
ends 7 odockctl apply -f "$here" --allow-sinks 'file:./*.key'
odockctl apply -f "$here" --allow-sinks 'file:./*.key' --force-conflicts
ends 0 odockctl drift -f "$here"

step "everything that this pipeline made goes"
printf 'owner: pipeline\nresources:\n- {apiVersion: odock/v1, kind: Team, metadata: {name: payments}, spec: {}}\n' >less.yaml
odockctl apply -f less.yaml --prune --prune-active --yes
odockctl delete team/payments --yes
step "done"
