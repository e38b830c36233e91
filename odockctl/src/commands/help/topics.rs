//! What `odockctl help TOPIC` says.

use clap::CommandFactory as _;

use super::summary;
use crate::cli::Cli;
use crate::error::Exit;

/// Every topic.
pub const TOPICS: &[&str] = &["exit-codes", "environment", "formatting", "secrets", "manifests", "ownership"];

/// What a topic says; none if there is no such topic.
pub fn text(topic: &str) -> Option<String> {
    Some(match topic {
        "exit-codes" => Exit::ALL.iter().map(|(exit, meaning)| format!("{:>4}  {meaning}\n", exit.code())).collect(),
        "environment" => environment(),
        "formatting" | "output" => FORMATTING.to_owned(),
        "secrets" => SECRETS.to_owned(),
        "manifests" => MANIFESTS.to_owned(),
        "ownership" => OWNERSHIP.to_owned(),
        _ => return None,
    })
}

const FORMATTING: &str = "\
-o table    columns for people           -o json     one document: {\"items\": […], \"nextCursor\": …}, or the one thing
-o wide     more columns                 -o jsonl    one document a line
-o name     kind/name, one a line        -o yaml, -o toml
-o csv      values with a heading (RFC 4180): amounts in nanos of USD, times in full

--fields a,b takes columns by heading (name,state) or values by path (spec.provider). An unknown field is an error that
lists them all. --jq FILTER puts the JSON form through a filter in jq's language; without -o its texts are printed without
quotes, with -o json, jsonl, yaml or toml each result is a document. No jq needs to be installed.

The JSON form is stable: fields are added, never renamed and never removed. A list has `items`, and `nextCursor` when there
is more. Money is a decimal string of USD where it is declared, and nanos of USD (a number) where it was counted.

stdout holds nothing but data; notes, warnings and errors go to stderr. With a JSON format an error is one JSON object on
stderr: code, message, hint, status, requestId, retryable, retryAfter, source, errors, exitCode. A format never changes the
exit code.

Colour is used on terminals, unless NO_COLOR is set or TERM is dumb; --color always or never decides. Tables are cut to the
terminal's width, except for -o wide; elsewhere nothing is cut. Control characters from the gateway never reach a terminal.
";

const SECRETS: &str = "\
Tokens are looked for in this order: --token-file or --token-stdin, ODOCK_TOKEN, ODOCK_TOKEN_FILE, a pipeline's OpenID
token where a service account is named (--as-service-account; from GitHub Actions, ODOCK_OIDC_TOKEN, a file, or what
Kubernetes projects), the context's reference (keyring:, exec:, file: of mode 0600, env:). None is ever an argument, and
none is ever printed.

New secrets leave through sinks, named by --secret-out or by a manifest's secret.deliverTo (which --allow-sinks allows):

  file:PATH                       a new file of mode 0600; nothing is overwritten
  fd:N                            a descriptor that this program inherited
  -                               standard output
  github-env:NAME                 a variable of the later steps of a GitHub Actions job, masked first
  k8s-secret:NAMESPACE/NAME:KEY   a key of a Kubernetes Secret, by kubectl
  exec:PROGRAM ARGUMENT…          a program's standard input, without a shell

Sinks are opened before the secret exists; one that fails ends with 13, and the new secret does not count. Without a sink a
terminal shows the secret once. No secret stands in -o json or any other format.
";

const MANIFESTS: &str = "\
A manifest declares one resource, in YAML, JSON or TOML ([[resources]]):

  apiVersion: odock/v1
  kind: ApiKey
  metadata: {organisation: acme, name: ci}
  spec: {type: TEAM, team: search, models: [support-fast]}

-f takes files, directories (with everything below them; names that begin with . or _ are left out), globs, and - for
standard input, and may be repeated. All of it is one set: order does not matter, and nothing may be declared twice.
metadata.organisation is the context's if it is left out. References are by name. Money is a decimal in quotes.

${VAR}, ${VAR:-default} and ${VAR:?message} are expanded in texts, for variables that begin with ODOCK_ and hold no
credential, or that --allow-env names. A secret is a reference: valueFrom: {env: …}, {file: …}, {keyring: …} or {exec: […]}.

What may stand where: odockctl explain KIND --recursive. A schema for editors: odockctl explain --schema > odock.schema.json
and, as the first line of a YAML file, # yaml-language-server: $schema=odock.schema.json
";

const OWNERSHIP: &str = "\
apply makes the resources of a set true: it creates and updates, in one transaction, or changes nothing at all. A field that
a manifest does not name is not its business. diff and plan show what an apply would do, with the same code.

Who declares a resource owns it: --owner NAME, or `owner:` at the top of a file. An owner is where the files live, such as a
repository. Deleting what is no longer in the files needs --prune and an owner, and touches only what that owner applied
before. What people change by hand (edit, patch, the dashboard) belongs to the owner `manual`.

A field that another owner changed is a conflict, which names the field, who and when; --force-conflicts takes it over. drift
tells apart what others changed and what the files changed, adopt takes over what nobody owns, export writes files.

No file holds the state of the world: the gateway knows it. Losing the files loses the files.
";

/// Every variable with what it stands for.
pub fn environment() -> String {
    let mut root = Cli::command();
    root.build();
    let mut lines: Vec<(String, String)> = Vec::new();
    collect(&root, &mut lines);
    let others = [
        ("ODOCK_TOKEN", "the token itself"),
        ("ODOCK_TOKEN_FILE", "a file that holds the token"),
        ("ODOCK_OIDC_TOKEN", "a pipeline's OpenID token, for --as-service-account"),
        ("ODOCK_OIDC_TOKEN_FILE", "a file that holds it"),
        ("ODOCK_OIDC_AUDIENCE", "the audience to ask GitHub Actions for; the gateway's address if not set"),
        ("ODOCK_API_KEY", "the virtual key of `odockctl chat`"),
        ("ODOCK_CLI_CONFIG", "the configuration file; $XDG_CONFIG_HOME/odock/config.toml if not set"),
        ("ODOCK_EDITOR", "the editor of `odockctl edit`; $VISUAL or $EDITOR if not set"),
        ("HTTPS_PROXY", "a proxy for https gateways; HTTP_PROXY, ALL_PROXY and NO_PROXY are heeded, too"),
        ("CI", "if set, no question is asked"),
        ("NO_COLOR", "if set, no colour is used"),
    ];
    lines.extend(others.map(|(name, what)| (name.to_owned(), what.to_owned())));
    lines.sort();
    lines.dedup_by(|a, b| a.0 == b.0);
    lines.into_iter().map(|(name, what)| format!("{name:<20} {what}\n")).collect()
}

fn collect(command: &clap::Command, lines: &mut Vec<(String, String)>) {
    for argument in command.get_arguments() {
        if let (Some(name), Some(long)) = (argument.get_env(), argument.get_long()) {
            lines.push((name.to_string_lossy().into_owned(), format!("--{long}: {}", summary(argument))));
        }
    }
    command.get_subcommands().for_each(|below| collect(below, lines));
}
