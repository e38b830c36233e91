"""Asks a gateway for pages of lists, searches and sums, six times each, and fails if the median of the last five is over 200 ms.

Called by .ci/size with the gateway's address and an access token; the data is that of .ci/size.sql.
"""
import json
import os
import statistics
import sys
import time
import urllib.request
from datetime import datetime, timedelta, timezone

MOST_MS = 200
address, token = sys.argv[1:]
now = datetime.now(timezone.utc)
told = lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")
ago = lambda **span: told(now - timedelta(**span))


def get(path):
    request = urllib.request.Request(f"http://{address}/api/{path}", headers={"authorization": f"Bearer {token}"})
    started = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        body = answer.read()
    return (time.perf_counter() - started) * 1000, json.loads(body)


def deep(path, pages):
    cursor = ""
    for _ in range(pages):
        _, body = get(path + cursor)
        cursor = f"&cursor={body['nextCursor']}"
    return path + cursor


org = "organisations/big/"
asked = [
    ("keys, first page", org + "apikeys"),
    ("keys, by creation, newest first", org + "apikeys?sort=-createdAt"),
    ("keys, twentieth page", deep(org + "apikeys?limit=100", 20)),
    ("keys, page 901", deep(org + "apikeys?limit=1000", 90).replace("limit=1000", "limit=100")),
    ("keys, search by part of a name", org + "apikeys?q=0777"),
    ("keys, search, by creation, third page", deep(org + "apikeys?limit=10&q=77&sort=-createdAt", 3)),
    ("keys, search that finds nothing", org + "apikeys?q=nothing-of-that-name"),
    ("keys of a team", org + "apikeys?team=team-42"),
    ("keys of a user", org + "apikeys?user=user-995@big.example"),
    ("keys of a type", org + "apikeys?type=USER"),
    ("keys that are revoked", org + "apikeys?revoked=true"),
    ("keys that were not revealed", org + "apikeys?revealed=false"),
    ("keys that may call a model", org + "apikeys?model=model-7"),
    ("keys that expire soon", org + f"apikeys?expiresBefore={told(now + timedelta(days=2))}"),
    ("keys, four filters and a search", org + "apikeys?q=7&team=team-42&revoked=false&model=model-2&sort=-createdAt"),
    ("keys of every organisation", "admin/apikeys"),
    ("keys of every organisation, search", "admin/apikeys?q=0777&sort=-createdAt"),
    ("one key", org + "apikeys/key-050000"),
    ("teams", org + "teams"),
    ("teams, search, by creation", org + "teams?q=4&sort=-createdAt"),
    ("models", org + "models"),
    ("providers", org + "providers"),
    ("users", org + "users?sort=-createdAt"),
    ("users, search", org + "users?q=99"),
    ("budgets", org + "budgets"),
    ("budgets of a team", org + "budgets?team=team-42"),
    ("budgets and quotas at work", org + "limits"),
    ("audit", org + "audit"),
    ("audit, twentieth page", deep(org + "audit?limit=100", 20)),
    ("audit of a person", org + "audit?actor=user-77@big.example"),
    ("audit of a key", org + "audit?name=key-050000"),
    ("audit of a verb, of a week", org + f"audit?verb=rotate&from={ago(days=7)}"),
    ("audit of refusals", org + "audit?outcome=permission_denied"),
    ("audit that finds nothing", org + "audit?actor=nobody@big.example"),
    ("audit of one call", org + "audit?requestId=call-400000"),
    ("records, first page", org + "usage"),
    ("records, twentieth page", deep(org + "usage?limit=100", 20)),
    ("records, page 201", deep(org + "usage?limit=1000", 20).replace("limit=1000", "limit=100")),
    ("records of a day a month ago", org + f"usage?from={ago(days=31)}&to={ago(days=30)}"),
    ("records of a busy key", org + "usage?key=key-000000"),
    ("records of a quiet key", org + "usage?key=key-099999"),
    ("records of a model", org + "usage?model=model-7"),
    ("records of a model that never was", org + "usage?model=nothing-of-that-name"),
    ("records of a provider", org + "usage?provider=provider-2"),
    ("records of a provider that never was", org + "usage?provider=nothing-of-that-name"),
    ("records of a team", org + "usage?team=team-42"),
    ("records of a user", org + "usage?user=user-995@big.example"),
    ("records with an outcome", org + "usage?outcome=failed"),
    ("records with an outcome that never was", org + "usage?outcome=denied"),
    ("records with an error", org + "usage?errorCode=upstream_error"),
    ("records with an error that never was", org + "usage?errorCode=nothing"),
    ("records of a status", org + "usage?status=502"),
    ("records of a status that never was", org + "usage?status=418"),
    ("records of a quiet key with an error", org + "usage?key=key-090000&outcome=failed"),
    ("records of a team and a model, failed", org + "usage?team=team-42&model=model-2&outcome=failed"),
    ("records of a model, failed, of a week", org + f"usage?model=model-7&outcome=failed&from={ago(days=7)}"),
    ("records of an endpoint", org + "usage?endpoint=/v1/chat/completions"),
    ("records of an endpoint that never was", org + "usage?endpoint=/v1/nothing"),
    ("records of an endpoint that nobody uses", org + "usage?endpoint=/v1/embeddings"),
    ("one request", org + "usage?requestId=request-5000000"),
    ("one request, by its handle", org + "usage/request-5000000"),
    ("records of a trace that never was", org + "usage?traceId=nothing"),
    ("records that cost much", org + "usage?minCostNanos=1999"),
    ("records that cost more than any", org + "usage?minCostNanos=1000000000"),
    ("records that took long", org + "usage?minLatencyUs=899000"),
    ("records that took longer than any", org + "usage?minLatencyUs=60000000"),
    ("records of everybody", "admin/usage"),
    ("records of everybody, failed", "admin/usage?outcome=failed"),
]
periods = [
    ("an hour", f"from={ago(hours=1)}"),
    ("a day", f"from={ago(days=1)}"),
    ("30 days", f"from={ago(days=30)}"),
    ("89 days", f"from={ago(days=89)}"),
]
for period, query in periods:
    for by in ["model", "key", "team", "user", "provider", "class"]:
        asked.append((f"sum of {period}, by {by}", org + f"usage/summary?{query}&by={by}"))
    for by in ["key", "user", "team", "model"]:
        asked.append((f"ranking of {period}, {by}s by cost", org + f"usage/top?by={by}&{query}"))
for metric in ["requests", "tokens", "errors"]:
    asked.append((f"ranking of 30 days, keys by {metric}", org + f"usage/top?by=key&metric={metric}&{periods[2][1]}"))
    asked.append((f"ranking of a day, keys by {metric}", org + f"usage/top?by=key&metric={metric}&{periods[1][1]}"))
    asked.append((f"ranking of 30 days, users by {metric}", org + f"usage/top?by=user&metric={metric}&{periods[2][1]}"))
for only in ["key=key-000010", "user=user-995@big.example", "team=team-42", "model=model-7", "provider=provider-1"]:
    named = only.split("=")[1].split("@")[0]
    for by in ["model", "class"]:
        asked.append((f"sum of 30 days of {named}, by {by}", org + f"usage/summary?{periods[2][1]}&{only}&by={by}"))
    asked.append((f"sum of 30 days of {named}, by day", org + f"usage/summary?{periods[2][1]}&{only}&bucket=day"))
for hours in [6, 12, 18]:
    query = f"from={ago(days=31, hours=hours)}&to={ago(days=1, hours=hours)}"
    for by in ["key", "user"]:
        asked.append((f"ranking of 30 days, {hours} hours off, {by}s", org + f"usage/top?by={by}&{query}"))
asked += [
    ("sum of a week, by day and key", org + f"usage/summary?from={ago(days=7)}&bucket=day&by=key"),
    ("sum of a day, by status", org + "usage/summary?by=status"),
    ("sum of a day, by error", org + "usage/summary?by=error"),
    ("sum of 30 days, by day", org + f"usage/summary?{periods[2][1]}&bucket=day"),
    ("sum of 30 days, by day in Paris", org + f"usage/summary?{periods[2][1]}&bucket=day&timezone=Europe/Paris"),
    ("sum of 30 days, by day and model", org + f"usage/summary?{periods[2][1]}&bucket=day&by=model"),
    ("sum of 30 days of a team, by key", org + f"usage/summary?{periods[2][1]}&team=team-42&by=key"),
    ("sum of 30 days of a team, by user", org + f"usage/summary?{periods[2][1]}&team=team-42&by=user"),
    ("sum of a day, by hour", org + "usage/summary?bucket=hour"),
    ("sum of an hour, by minute", org + f"usage/summary?{periods[0][1]}&bucket=minute"),
    ("sum of 30 days of a key, by day in Paris", org + f"usage/summary?{periods[2][1]}&key=key-000010&bucket=day&timezone=Europe/Paris"),
    ("sum of 30 days of everybody, by model", f"admin/usage/summary?{periods[2][1]}"),
    ("months of invoices", org + "invoices"),
]
# Whole documents of 100 000 rows, not pages: timed, and not held to the bound.
whole = [("invoice of this month, every line", org + "invoices/preview")]
pattern = os.environ.get("SIZE_ONLY", "")
slow = []
print(f"{'':46} {'least':>8} {'median':>8} {'most':>8} {'first':>8}")
for name, path in asked + whole:
    if pattern not in name:
        continue
    try:
        first = get(path)[0]
        times = [get(path)[0] for _ in range(5 if first < 3_000 else 1)]
    except Exception as error:
        print(f"{name:46} {error}")
        slow.append(name)
        continue
    median = statistics.median(times)
    over = median > MOST_MS and (name, path) not in whole
    print(f"{name:46} {min(times):5.0f} ms {median:5.0f} ms {max(times):5.0f} ms {first:5.0f} ms{'  *' if over else ''}", flush=True)
    if over:
        slow.append(name)
if slow:
    sys.exit(f"longer than {MOST_MS} ms: " + "; ".join(slow))
