"""Prints the manifests of the gateway that the SDKs talk to: a provider of every type, all of them simulated.

Usage: manifest.py ADDRESS_OF_ODOCK_SIM
"""

import json
import sys

SIM = sys.argv[1].rstrip("/")

# Family: the provider's type, and where odock-sim serves it.
PROVIDERS = {
    "openai": ("OPENAI", ""),
    "anthropic": ("ANTHROPIC", "/anthropic"),
    "gemini": ("GOOGLE", "/gemini"),
    "azure": ("AZURE_OPENAI", "/azure"),
    "vllm": ("VLLM", "/vllm"),
    "mistral": ("MISTRAL", "/mistral"),
    "huggingface": ("HUGGINGFACE", "/huggingface"),
}
# What every family has: the upstream's name for it tells odock-sim what to do.
CHAT = ["plain", "tool", "429", "cut", "error-500", "error-529"]
# What only some have, with the model's type.
SPECIAL = {
    "openai": {"embed": "embeddings", "image": "image"},
    "gemini": {"embed": "embeddings"},
    "vllm": {"embed": "embeddings", "audio": "transcription"},
    "mistral": {"embed": "embeddings", "moderation": "moderation", "ocr": "ocr"},
}

# What coding agents are told to do, by the tool of each that runs commands.
AGENTS = {"anthropic": "run-Bash-command", "openai": "run-exec_command-cmd"}


def show(kind, name, **spec):
    metadata = {"name": name} if kind == "Organisation" else {"name": name, "organisation": "acme"}
    print(json.dumps({"apiVersion": "odock/v1", "kind": kind, "metadata": metadata, "spec": spec}), "---", sep="\n")


show("Organisation", "acme")
granted = []
for family, (kind, path) in PROVIDERS.items():
    key = {"name": "primary", "valueFrom": {"env": "ODOCK_SDK_PROVIDER_KEY"}}
    show("Provider", family, type=kind, baseUrl=SIM + path, keys=[key])
    models = {what: "chat" for what in CHAT} | SPECIAL.get(family, {})
    for what, model_type in models.items():
        name = f"{family}-{what}"
        show("Model", name, type=model_type, slug=f"sim-{what}", provider=family)
        granted.append(name)
    if family in AGENTS:
        show("Model", f"{family}-agent", type="chat", slug=f"sim-{AGENTS[family]}", provider=family)
        granted.append(f"{family}-agent")
show("ApiKey", "sdk", type="ORGANISATION", models=sorted(granted))
