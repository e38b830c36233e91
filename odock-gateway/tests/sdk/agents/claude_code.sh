# Claude Code, unmodified, with its usual tools: it runs a command that writes a file, and reports.
set -euo pipefail
export ANTHROPIC_BASE_URL=$ODOCK_URL ANTHROPIC_API_KEY=$ODOCK_API_KEY CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1
answer=$(claude -p "Write a file." --model anthropic-agent --allowedTools "Bash" </dev/null)
echo "$answer"
[[ $answer == *"The file is written."* ]]
