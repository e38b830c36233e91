# Codex, unmodified, over the Responses API: it runs a command that writes a file, and reports.
set -euo pipefail
export CODEX_HOME=$PWD/.codex
mkdir -p "$CODEX_HOME"
cat >"$CODEX_HOME/config.toml" <<TOML
model = "openai-agent"
model_provider = "odock"

[model_providers.odock]
name = "Odock"
base_url = "$ODOCK_URL/v1"
env_key = "ODOCK_API_KEY"
wire_api = "responses"
TOML
# There is no sandbox within the one that the test runs in.
answer=$(codex exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox "Write a file." </dev/null)
echo "$answer"
[[ $answer == *"The file is written."* ]]
